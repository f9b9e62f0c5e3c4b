"""Nobody works for longer than the queue keeps messages (incident 9b)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.scene import Scene
from parjanya.drills.shape import Drill, one_sweep
from tbie.core.errors import SettingsError
from tbie.core.finding import Boundary
from tbie.core.settings import Settings

RETENTION_S = 3.0


@contextmanager
def outlive_the_retention(scene: Scene) -> Iterator[None]:
    """Let the only worker stand still until the queue has dropped what waits in it."""
    with scene.backlog():
        first = scene.intent_sql("SELECT min(sent_ms) FROM message")[0][0]
        wait_s = RETENTION_S - (scene.clock.now_ms() - first) / 1000
        scene.pause(max(0.0, wait_s))
        scene.injected()  # from now on the next sweep drops them
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
    f"The only worker stands still for longer than the retention of the queue ({RETENTION_S:g} s here).",
    "intent_expired",
    Boundary.INTENT,
    outlive_the_retention,
    one_sweep(),
    settings={"retention_s": RETENTION_S, "outage_window_s": RETENTION_S - 1},
    guardrail=retention,
)
