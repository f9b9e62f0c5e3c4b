"""The safety net: compare every open stage with its intent, whatever the stream may have missed.

Costs what is open, not what exists. It goes on in shares of a few pages, so that neither the stream waits for a long
sweep nor a busy stream starves it; a store that is away for a moment costs a page, not the sweep. It also resets what
failed for a reason that may have passed, and lifts barriers whose tenants have fallen silent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tbie.core.cause import Cause
from tbie.core.keys import ItemKey
from tbie.core.reading import Known, Reading, Unknown
from tbie.intent import Presence
from tbie.reconciler.barriers import lift_barriers
from tbie.reconciler.decide import Action, Blind, Decision, Looked, Sight, decide
from tbie.reconciler.desk import Desk
from tbie.reconciler.emit import Emitted, carry_out
from tbie.reconciler.ledger import Noted
from tbie.reconciler.pausing import Pausing
from tbie.reconciler.resets import decide_reset
from tbie.truth import Committed, FailedStage, OpenStage, Reset, StageState
from tbie.workflow import Stage


@dataclass(slots=True)
class Coverage:
    """One stage as a sweep found it, before it repaired anything."""

    open: int = 0
    gap: int | None = 0
    """Open stages without a live intent for longer than the grace; None if the queue could not be read."""
    oldest_ms: int | None = None
    """The age of the oldest of them; None if there is none."""


@dataclass(slots=True)
class Swept:
    """What one sweep saw and did."""

    open: int = 0
    lifted: int = 0
    expired: int = 0
    reset: int = 0
    emitted: Emitted = field(default_factory=Emitted)
    blind: list[str] = field(default_factory=list)
    coverage: dict[str, Coverage] = field(default_factory=dict)


Page = Callable[[Swept, int], int | None]
"""One piece of work, given what the stream has followed: how many rows it took, None if nothing is left of its kind."""


class Sweep:
    """Compares Truth with Intent, page by page."""

    def __init__(self, desk: Desk, pausing: Pausing | None = None) -> None:
        self._desk = desk
        self._pausing = Pausing(desk) if pausing is None else pausing
        self._left: deque[Page] = deque()
        self._swept = Swept()
        self._grace_ms = 0

    @property
    def under_way(self) -> bool:
        """Whether one has begun and not finished."""
        return bool(self._left)

    def run(self, grace_s: float | None = None, followed_ms: int | None = None) -> Swept:
        """A whole sweep. *grace_s* overrides the setting: 0 trusts nothing."""
        self.begin(grace_s)
        while not self.go_on(None, followed_ms):
            pass
        return self._swept

    def begin(self, grace_s: float | None = None) -> None:
        """Start one from the beginning."""
        self._pausing.sweep_began()
        grace = self._desk.settings.sweep_grace_s if grace_s is None else grace_s
        self._grace_ms = int(1000 * grace)
        stages = self._desk.workflow.stages
        self._swept = Swept(coverage={stage.name: Coverage() for stage in stages})
        self._left = deque([self._expire, *map(self._compare, stages), *map(self._revive, stages), self._lift])

    def go_on(self, pages: int | None, followed_ms: int | None = None) -> bool:
        """As many rows as fill *pages* (None: all); True when the sweep is finished.

        Args:
            followed_ms: the stream has read everything up to then; what is younger was not lost.
        """
        followed = self._desk.clock.now_ms() if followed_ms is None else followed_ms
        rows = 0
        while self._left and (pages is None or rows < pages * self._desk.settings.sweep_page):
            taken = self._left[0](self._swept, followed)
            if taken is None:
                self._left.popleft()
            else:
                rows += taken
        if not self._left:
            self._pausing.sweep_finished(bool(self._swept.blind))
        return not self._left

    @property
    def swept(self) -> Swept:
        """What this sweep has seen and done so far."""
        return self._swept

    def _expire(self, swept: Swept, _followed_ms: int) -> None:
        swept.expired = self._desk.intent.expire()

    def _lift(self, swept: Swept, _followed_ms: int) -> None:
        swept.lifted = lift_barriers(self._desk)

    def _compare(self, stage: Stage) -> Page:
        after: list[OpenStage] = []
        bounds: list[int] = []
        seen = 0

        def page(swept: Swept, followed_ms: int) -> int | None:
            nonlocal seen
            if not bounds:
                bounds[:] = self._open_now(stage), self._desk.clock.now_ms()
            rows = self._desk.truth.open_stages(stage.name, after[0] if after else None, self._desk.settings.sweep_page)
            if not rows or (seen >= bounds[0] and rows[0].since_ms >= bounds[1]):
                return (
                    None  # as many as were open then, and only younger ones left: a flood must not keep a sweep going
                )
            self._repair(stage, rows, swept, followed_ms)
            after[:] = rows[-1:]
            seen += len(rows)
            return len(rows)

        return page

    def _open_now(self, stage: Stage) -> int:
        counts = self._desk.tally().items()
        return sum(count for (_, name, state), count in counts if name == stage.name and state is StageState.PENDING)

    def _repair(self, stage: Stage, rows: Sequence[OpenStage], swept: Swept, followed_ms: int) -> None:
        reading = self._desk.intent.presence(stage.name, [row.key for row in rows])
        now = self._desk.clock.now_ms()
        self._pausing.found(rows)
        decisions = [
            decide(
                row,
                self._desk.workflow.declared(row.stage, row.key.tenant),
                _sight(reading, row.key),
                now,
                self._grace_ms,
                followed_ms,
                self._pausing.is_waking(row),
            )
            for row in rows
        ]
        emitted = carry_out(decisions, self._desk)
        swept.open += len(rows)
        swept.emitted.add(emitted)
        if isinstance(reading, Unknown):
            swept.blind.append(f"{reading.source}: {reading.error}")
        _cover(swept.coverage[stage.name], decisions, now)

    def _revive(self, stage: Stage) -> Page:
        settings, after = self._desk.settings, list[FailedStage]()
        before_ms = self._desk.clock.now_ms() - int(1000 * settings.reset_cooldown_s)

        def page(swept: Swept, _followed_ms: int) -> int | None:
            budget, limit = settings.reset_budget_count, settings.sweep_page
            rows = self._desk.truth.failed_stages(stage.name, budget, before_ms, limit, after[0] if after else None)
            if not rows:
                return None
            swept.reset += self._reset(rows)
            after[:] = rows[-1:]
            return len(rows)

        return page

    def _reset(self, rows: Sequence[FailedStage]) -> int:
        now, commands, noted = self._desk.clock.now_ms(), list[Reset](), list[Noted]()
        for row in rows:
            paused = self._pausing.is_paused(row.key.tenant, row.stage, row.reason)
            verdict = decide_reset(row, now, self._desk.settings, paused)
            evidence = {"failed": row.reason, "resets": row.resets}
            action = "reset" if verdict.reset else Action.NOTHING
            noted.append(Noted(row.key, row.stage, row.token, action, verdict.reason, evidence, now))
            if verdict.reset:
                cause, states = Cause(self._desk.who, verdict.reason), (StageState.FAILED,)
                commands.append(Reset(row.key, row.stage, cause, states, automatic=True, token=row.token))
        results = self._desk.commit(commands) if commands else []
        self._desk.notes.note(noted)
        return sum(isinstance(result, Committed) for result in results)


def _cover(coverage: Coverage, decisions: Sequence[Decision], now_ms: int) -> None:
    coverage.open += len(decisions)
    if any(d.reason == "intent_unreadable" for d in decisions):
        coverage.gap = coverage.oldest_ms = None
    if coverage.gap is None:
        return
    missing = [
        d for d in decisions if d.action is not Action.NOTHING and d.reason not in ("pause_over", "version_changed")
    ]
    coverage.gap += len(missing)
    ages = [now_ms - d.open.since_ms for d in missing]
    coverage.oldest_ms = max([*ages, *([coverage.oldest_ms] if coverage.oldest_ms is not None else [])], default=None)


def _sight(reading: Reading[Mapping[ItemKey, Presence]], key: ItemKey) -> Sight:
    match reading:
        case Known(value=found):
            return Looked(found.get(key))
        case Unknown(error=error):
            return Blind(error)
