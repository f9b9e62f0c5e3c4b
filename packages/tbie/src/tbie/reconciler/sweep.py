"""The safety net: compare every open stage with its intent, whatever the stream may have missed.

Costs what is open, not what exists. It goes on in shares of a few pages, so that neither the stream waits for a long
sweep nor a busy stream starves it; a store that is away for a moment costs a page, not the sweep. It also resets what
failed for a reason that may have passed, and lifts barriers whose tenants have fallen silent. Where it stands can be written down
(``errand``), so that another process goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tbie.core.cause import Cause
from tbie.core.keys import ItemKey
from tbie.core.outcome import Facts
from tbie.core.reading import Known, Reading, Unknown
from tbie.intent import Presence
from tbie.reconciler.barriers import lift_barriers
from tbie.reconciler.decide import Action, Blind, Decision, Looked, Sight, decide
from tbie.reconciler.desk import Desk
from tbie.reconciler.emit import Emitted, carry_out
from tbie.reconciler.errand import Coverage, Errand, Kind, read_place, write_place
from tbie.reconciler.ledger import Noted
from tbie.reconciler.pausing import Pausing
from tbie.reconciler.resets import decide_reset
from tbie.truth import Committed, FailedStage, OpenStage, Reset, StageState
from tbie.workflow import Stage


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


class Sweep:
    """Compares Truth with Intent, page by page."""

    def __init__(self, desk: Desk, pausing: Pausing | None = None) -> None:
        self._desk = desk
        self._pausing = Pausing(desk) if pausing is None else pausing
        self._left: deque[Errand] = deque()
        self._swept = Swept()
        self._grace_ms = 0
        self._whole = True
        """Begun by this process: what it has found is all there is."""

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
        names = [stage.name for stage in self._desk.workflow.stages]
        self._swept, self._whole = Swept(coverage={name: Coverage() for name in names}), True
        compare, revive = ([Errand(kind, name) for name in names] for kind in (Kind.COMPARE, Kind.REVIVE))
        self._left = deque([Errand(Kind.EXPIRE), *compare, *revive, Errand(Kind.LIFT)])

    def place(self) -> Facts:
        """Where it stands, as plain data for ``resume``."""
        swept = self._swept
        return write_place(self._left, self._grace_ms, swept.open, swept.coverage, swept.blind)

    def resume(self, place: Facts) -> bool:
        """Go on where another process stopped; False if *place* cannot be read: then nothing has changed."""
        read = read_place(place, {stage.name for stage in self._desk.workflow.stages})
        if read is None:
            return False
        self._left, self._grace_ms, self._whole = deque(read.left), read.grace_ms, False
        coverage = {stage.name: read.coverage.get(stage.name, Coverage()) for stage in self._desk.workflow.stages}
        self._swept = Swept(read.open, coverage=coverage, blind=list(read.blind))
        return True

    def go_on(self, pages: int | None, followed_ms: int | None = None) -> bool:
        """As many rows as fill *pages* (None: all); True when the sweep is finished.

        Args:
            followed_ms: the stream has read everything up to then; what is younger was not lost.
        """
        followed = self._desk.clock.now_ms() if followed_ms is None else followed_ms
        rows = 0
        while self._left and (pages is None or rows < pages * self._desk.settings.sweep_page):
            taken = self._do(self._left[0], self._swept, followed)
            if taken is None:
                self._left.popleft()
            else:
                rows += taken
        if not self._left:
            self._pausing.sweep_finished(bool(self._swept.blind) or not self._whole)
        return not self._left

    @property
    def swept(self) -> Swept:
        """What this sweep has seen and done so far."""
        return self._swept

    def _do(self, errand: Errand, swept: Swept, followed_ms: int) -> int | None:
        """One page of *errand*: how many rows it took, None if nothing is left of it."""
        match errand.kind:
            case Kind.EXPIRE:
                swept.expired = self._desk.intent.expire()
                return None
            case Kind.COMPARE:
                return self._compare(self._desk.workflow[errand.stage], errand, swept, followed_ms)
            case Kind.REVIVE:
                return self._revive(errand, swept)
            case Kind.LIFT:
                if self._desk.pushed:
                    self._desk.recount()
                swept.lifted = lift_barriers(self._desk)
                return None

    def _compare(self, stage: Stage, errand: Errand, swept: Swept, followed_ms: int) -> int | None:
        if errand.bounds is None:
            errand.bounds = self._open_now(stage), self._desk.clock.now_ms()
        after = errand.after if isinstance(errand.after, OpenStage) else None
        rows = self._desk.truth.open_stages(stage.name, after, self._desk.settings.sweep_page)
        if not rows or (errand.seen >= errand.bounds[0] and rows[0].since_ms >= errand.bounds[1]):
            return None  # as many as were open then, and only younger ones left: a flood must not keep a sweep going
        self._repair(stage, rows, swept, followed_ms)
        errand.after = rows[-1]
        errand.seen += len(rows)
        return len(rows)

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

    def _revive(self, errand: Errand, swept: Swept) -> int | None:
        settings = self._desk.settings
        if errand.bounds is None:
            errand.bounds = 0, self._desk.clock.now_ms() - int(1000 * settings.reset_cooldown_s)
        after = errand.after if isinstance(errand.after, FailedStage) else None
        budget, limit = settings.reset_budget_count, settings.sweep_page
        rows = self._desk.truth.failed_stages(errand.stage, budget, errand.bounds[1], limit, after)
        if not rows:
            return None
        swept.reset += self._reset(rows)
        errand.after = rows[-1]
        return len(rows)

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
