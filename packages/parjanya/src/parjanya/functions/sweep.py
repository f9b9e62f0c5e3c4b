"""The function ``sweep``: by the clock, compares all open work with its intents, and says what it could not read.

One pass is bounded by the time that AWS gives this call; what is left over is gone on with in the next one
(``reconciler.place``). It also drains dead letters into Truth, lifts barriers, resets what may be tried again, sets the fleet's
size, goes on with campaigns, and beats: its heartbeat in Truth is what the watchdog looks at, its line in the log is what the
alarm waits for.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

from parjanya.functions.opening import Opening, seconds_left, teller
from parjanya.functions.telling import BACKLOG, BACKLOG_AGE, COVERAGE_GAP, DURATION, EMITTED, WORKERS, Teller, Value
from parjanya.profiles.function_stores import Stores
from tbie.core.errors import TbieError, TruthUnavailableError
from tbie.diagnose.heartbeats import WORKER
from tbie.reconciler.loop import Pass
from tbie.truth import StageState

COMPONENT = "sweep"
RESERVE_S = 10.0
"""What is left of the time when a pass stops: a page takes under a second, telling two, and the rest is for a call that hangs."""
LEAST_S = 0.2
"""Share of the time that a pass has even where the reserve would take it all."""


def handle(
    _event: object, context: object, stores: Stores, chores: Callable[[float], object] | None = None
) -> dict[str, Any]:
    """One pass. *chores* is what else a leader does, until the time that it is given (of the monotonic clock).

    Nothing of the event matters. Never raises for a store that is away: a blind pass says so, and the next one comes in a minute.
    """
    began_s, tell = stores.clock.monotonic_s(), teller(stores, COMPONENT)
    left_s = seconds_left(context)
    until_s = began_s + max(left_s - RESERVE_S, LEAST_S * left_s)
    done = stores.reconciler().step(force_sweep=True, until_s=until_s)
    blind = list(done.blind)
    if chores is not None and not done.more:
        _do(chores, until_s, tell, blind)
    _measure(stores, done, tell, blind)
    took_s = stores.clock.monotonic_s() - began_s
    counts = ((EMITTED, done.emitted.sent), (DURATION, round(took_s, 6)))
    said = {
        "emitted": done.emitted.to_json(),
        "more": done.more,
        "desired": dict(done.desired),
        "unnoted": done.unnoted,
        "swept": None
        if done.swept is None
        else {"open": done.swept.open, "reset": done.swept.reset, "lifted": done.swept.lifted},
    }
    tell.passed("pass", counts, blind, **said)
    return {"blind": blind, "more": done.more}


def _do(chores: Callable[[float], object], until_s: float, tell: Teller, blind: list[str]) -> None:
    try:
        chores(until_s)
    except TbieError as error:
        blind.append(str(error))
    except Exception as error:  # noqa: BLE001 - the sweep itself is done, and must be told
        tell.trouble("chores", error)


def _measure(stores: Stores, done: Pass, tell: Teller, blind: list[str]) -> None:
    """Readings for alarms. What cannot be read is left out, and said."""
    now_ms = stores.clock.now_ms()
    try:
        pending: Counter[str] = Counter()
        for (_, name, state), count in stores.truth.tally().items():
            if state is StageState.PENDING:
                pending[name] += count
        oldest = {name: stores.truth.oldest_open_ms(name) for name, count in pending.items() if count}
        beats = stores.truth.heartbeats()
    except TruthUnavailableError as error:
        if str(error) not in blind:
            blind.append(str(error))
        return
    coverage = done.swept.coverage if done.swept is not None else {}
    for stage in stores.workflow.stages:
        since = oldest.get(stage.name)
        values: list[Value] = [
            (BACKLOG, pending[stage.name]),
            (BACKLOG_AGE, max(0.0, (now_ms - since) / 1000) if since is not None else 0.0),
        ]
        seen = coverage.get(stage.name)
        if seen is not None and seen.gap is not None:
            values.append((COVERAGE_GAP, seen.gap))
        tell.measured("Stage", stage.name, values)
    fresh_ms = stores.settings.silence_s * 1000
    alive = Counter(str(b.body.get("pool")) for b in beats if b.component == WORKER and now_ms - b.at_ms <= fresh_ms)
    for pool in stores.workflow.pools:
        tell.measured("Pool", pool, [(WORKERS, alive[pool])])


def _open() -> Stores:
    from parjanya.profiles.functions import open_sweeping  # noqa: PLC0415 - imported where a function really runs

    return open_sweeping(os.environ)


_opened = Opening(COMPONENT, _open)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """What AWS calls."""
    stores = _opened()
    chores = stores.extra.get("chores")
    return handle(event, context, stores, chores if callable(chores) else None)
