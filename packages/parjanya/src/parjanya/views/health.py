"""Readiness: each thing the reconciler needs is exercised, not assumed (incident 8: green lights, no permission)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from parjanya.views.probes import probe_intent, probe_ledger, probe_truth, read_depths
from tbie.core.clock import Clock
from tbie.core.errors import TbieError
from tbie.core.settings import Settings
from tbie.intent import IntentQueue
from tbie.reconciler.ledger import Ledger
from tbie.truth import StageState, TruthStore
from tbie.watchdog import watch
from tbie.workflow import Workflow

LAG_LIMIT = 20_000
"""Unread changes above which the stream counts as stalled: a few seconds of work at full speed."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried."""

    name: str
    ok: bool
    detail: str

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail}


def check_health(
    workflow: Workflow,
    truth: TruthStore,
    intent: IntentQueue,
    clock: Clock,
    settings: Settings,
    *,
    running: bool = False,
    ledger: Ledger | None = None,
    who: str = "health",
    spare_queue: bool = True,
) -> list[Check]:
    """Try everything once. With *running*, a silent reconciler is a failure even when there is no work.

    *spare_queue*: there is a queue besides those of the stages, so a message can be tried out.

    *who* names this process: two that probe at the same time must not settle each other's probe.
    """

    def truth_readable() -> str:
        return f"last change {truth.last_seq()}"

    def stream_follows() -> str:
        lag = truth.last_seq() - truth.cursor("reconciler")
        open_work = sum(n for (_, _, state), n in truth.tally().items() if state is StageState.PENDING)
        if open_work and lag > LAG_LIMIT:
            raise TbieError(f"{lag} changes unread with {open_work} stages open")
        return f"{lag} changes since the saved position"

    def control_plane_alive() -> str:
        # what waits at a barrier counts: only the reconciler lifts it
        open_work = sum(n for (_, _, state), n in truth.tally().items() if not state.final)
        if not open_work and not running:
            return "no open work"
        for finding in watch(truth.heartbeats(), clock.now_ms(), int(settings.silence_s * 1000)):
            raise TbieError(f"{finding.code}: {finding.next_step}")
        return "heartbeat is fresh"

    checks: list[tuple[str, Callable[[], str]]] = [
        ("truth_readable", truth_readable),
        ("truth_writable", partial(probe_truth, truth, who)),
        ("queues_readable", partial(read_depths, intent, workflow)),
        *([("queue_usable", partial(probe_intent, intent, workflow, clock, who))] if spare_queue else []),
        *([("ledger_usable", partial(probe_ledger, ledger, clock))] if ledger is not None else []),
        ("stream_follows", stream_follows),
        ("control_plane_alive", control_plane_alive),
    ]
    return [_try(name, check) for name, check in checks]


def _try(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, True, check())
    except TbieError as error:
        return Check(name, False, str(error))
