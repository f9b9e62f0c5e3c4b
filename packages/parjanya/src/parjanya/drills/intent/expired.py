"""Nobody works for longer than the queue keeps messages: a long weekend with the machine switched off (incident 9b)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from parjanya.drills import processes
from parjanya.drills.scene import Scene
from parjanya.drills.shape import Drill, one_sweep
from tbie.core.errors import SettingsError
from tbie.core.finding import Boundary
from tbie.core.settings import Settings

_TIMES: Mapping[str, Mapping[str, str]] = {
    "truth.db": {
        "item": "created_ms = created_ms - :away",
        "stage": "since_ms = since_ms - :away, updated_ms = updated_ms - :away",
        "history": "at_ms = at_ms - :away",
        "heartbeat": "at_ms = at_ms - :away",
        "document": "updated_ms = updated_ms - :away",
    },
    "intent.db": {"message": "sent_ms = sent_ms - :away, visible_ms = max(visible_ms - :away, 0)"},
    "ledger.db": {"entry": "first_ms = first_ms - :away, last_ms = last_ms - :away"},
}
"""Every time that the home has on record."""


@contextmanager
def a_long_weekend(scene: Scene) -> Iterator[None]:
    """Switch the machine off with work in the queue; what was on record becomes older than the retention; switch it on."""
    with scene.backlog() as (_, pid):
        scene.engine.kill()
        processes.kill(pid)
    away_ms = int(scene.settings.retention_s * 1000) + 60_000
    for name, tables in _TIMES.items():
        with scene.locked(name), closing(sqlite3.connect(scene.home / name, timeout=10.0)) as connection:
            for table, ages in tables.items():
                connection.execute(f"UPDATE {table} SET {ages}", {"away": away_ms})  # noqa: S608 - constants, above
            connection.commit()
    scene.start_engine()
    scene.injected()
    yield


def retention(_: Scene) -> str:
    """A retention that is shorter than a long weekend is refused."""
    try:
        Settings(retention_s=2 * 86_400.0, outage_window_s=4 * 86_400.0)
    except SettingsError as error:
        return f"refused: {error}"
    raise AssertionError("a retention shorter than the outage window was accepted")


INTENT_EXPIRED = Drill(
    "intent_expired",
    "9b",
    "The machine is switched off with work in its queue, for longer than the queue keeps messages.",
    "intent_expired",
    Boundary.INTENT,
    a_long_weekend,
    one_sweep(),
    guardrail=retention,
)
