"""Readiness: each thing the reconciler needs is exercised, not assumed (incident 8: green lights, no permission)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tbie.core.clock import Clock
from tbie.core.errors import TbieError
from tbie.core.reading import Known
from tbie.core.settings import Settings
from tbie.intent import IntentQueue
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
) -> list[Check]:
    """Try everything once. With *running*, a silent reconciler is a failure even when there is no work."""

    def truth_readable() -> str:
        return f"last change {truth.last_seq()}"

    def queues_readable() -> str:
        for stage in workflow.stages:
            reading = intent.depth(stage.name)
            if not isinstance(reading, Known):
                raise TbieError(f"{stage.name}: {reading.error}")
        return f"{len(workflow.stages)} queues"

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
        ("queues_readable", queues_readable),
        ("stream_follows", stream_follows),
        ("control_plane_alive", control_plane_alive),
    ]
    return [_try(name, check) for name, check in checks]


def _try(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, True, check())
    except TbieError as error:
        return Check(name, False, str(error))
