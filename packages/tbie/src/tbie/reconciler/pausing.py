"""The shell around ``pauses``: reads what was put off, writes the documents that workers obey, sends probes, wakes rows.

A crash anywhere leaves a document from which the next reconciler goes on. No wake-up is dropped: rows are woken by a
sweep, under fresh tokens, while the document says "healed"; it goes only after a whole sweep has passed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from tbie.core.cause import Cause
from tbie.pause import PAUSE, FailureClass, Pause, read_pauses
from tbie.reconciler.decide import Action, Decision
from tbie.reconciler.desk import Desk
from tbie.reconciler.emit import Emitted, carry_out
from tbie.reconciler.pauses import Window, answered, judge, opened, probing, trips
from tbie.truth import Committed, Document, OpenStage, Rotate, StageRecord, StageState

_CANDIDATES = 32  # rows remembered for each paused class, one of which becomes the probe


class Pausing:
    """All pauses of one system."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.forget()

    def forget(self) -> None:
        """Know nothing: at the start, and when this reconciler begins to lead."""
        self._window = Window(self._desk.settings)
        self._pauses: dict[FailureClass, tuple[Pause, Document]] = {}
        self._candidates: defaultdict[FailureClass, dict[str, OpenStage]] = defaultdict(dict)
        self._read_at_s = self._desk.clock.monotonic_s()
        self._begun = self._finished = 0
        self._since: dict[FailureClass, int] = {}
        self.wants_sweep = False

    @property
    def count(self) -> int:
        """How many classes are paused, or being woken."""
        return len(self._pauses)

    def is_paused(self, tenant: str, stage: str, reason: str) -> bool:
        """Whether rows of this class are put off now."""
        found = self._pauses.get(FailureClass(tenant, stage, reason))
        return found is not None and not found[0].healed

    def is_waking(self, row: OpenStage) -> bool:
        """Whether *row* was put off by a pause that is over."""
        found = self._pauses.get(_of(row)) if row.reason is not None else None
        return found is not None and found[0].healed

    # -- what the stream and the sweep see

    def saw(self, rows: Sequence[OpenStage]) -> None:
        """The stream read *rows*."""
        now, declared = self._desk.clock.now_ms(), self._desk.workflow
        for row in rows:
            # the stream also reads rows of a stage that an upgrade has taken away: nothing can be tried there
            if declared.get(row.stage) is not None and self._window.saw(row, now) in self._pauses:
                self._remember(row)

    def found(self, rows: Iterable[OpenStage]) -> None:
        """A sweep found *rows* open."""
        if self._pauses:
            for row in rows:
                if row.reason is not None and _of(row) in self._pauses:
                    self._remember(row)

    def _remember(self, row: OpenStage) -> None:
        known = self._candidates[_of(row)]
        if len(known) < _CANDIDATES:
            known[row.key.item] = row

    def sweep_began(self) -> None:
        """A sweep begins; it is numbered."""
        self._begun += 1
        self.wants_sweep = False

    def sweep_finished(self, blind: bool) -> None:
        """It has seen everything, unless it was *blind*."""
        if not blind:
            self._finished = self._begun

    # -- one turn

    def turn(self) -> Emitted:
        """Pause what has to be paused, and move every pause on."""
        now_s = self._desk.clock.monotonic_s()
        if now_s >= self._read_at_s:
            self._read_at_s = now_s + self._desk.settings.heartbeat_interval_s
            self._pauses = read_pauses(self._desk.truth.documents(PAUSE))
        self._open_new()
        emitted = Emitted()
        for pause, document in list(self._pauses.values()):
            emitted.add(self._move(pause, document))
        return emitted

    def _open_new(self) -> None:
        settings, now = self._desk.settings, self._desk.clock.now_ms()
        counts = {
            of: n
            for of, n in self._window.put_off(now).items()
            # to count what a tenant has completed is not for every turn: only where the answer could matter
            if of not in self._pauses and (n >= settings.pause_failure_count or self._window.is_due(of, now))
        }
        done = {tenant: self._desk.truth.tally(tenant) for tenant in {of.tenant for of in counts}}
        for of, put_off in counts.items():
            total = done[of.tenant].get((of.tenant, of.stage, StageState.COMPLETED), 0)
            completed = self._window.completed(of, total, now)
            if trips(put_off, completed, settings):
                self._write(opened(of, put_off, completed, now, settings), None)
                self._window.forget(of)

    def _move(self, pause: Pause, document: Document) -> Emitted:
        now, settings = self._desk.clock.now_ms(), self._desk.settings
        if pause.healed:
            if self._swept_since(pause.of):
                self._drop(pause.of, document)
        elif pause.probe:
            after = answered(pause, judge(pause, self._record(pause)), now, settings)
            if after != pause:
                self._write(after, document)
        elif now >= pause.until_ms:
            return self._send_probe(pause, document)
        return Emitted()

    def _send_probe(self, pause: Pause, document: Document) -> Emitted:
        """Try one row of the class; none left after a whole sweep means that nobody is put off any more."""
        row = self._candidate(pause)
        if row is None:
            if self._swept_since(pause.of):
                self._drop(pause.of, document)
            return Emitted()
        cause = Cause(self._desk.who, "probe")
        version = self._desk.workflow.version(row.stage, row.key.tenant)
        (result,) = self._desk.commit([Rotate(row.key, row.stage, row.token, version, cause, at_once=True)])
        if not isinstance(result, Committed):
            return Emitted()
        fresh = next(record for record in result.records if record.stage == row.stage)
        now, settings = self._desk.clock.now_ms(), self._desk.settings
        self._write(probing(pause, fresh.token, row.key.item, fresh.attempts, now, settings), document)
        tried = row._replace(token=fresh.token, version=fresh.version, not_before_ms=0, reason=None)
        return carry_out(
            [Decision(Action.EMIT, tried, "probe", {"of": pause.of.reason, "trips": pause.trips})], self._desk
        )

    def _candidate(self, pause: Pause) -> OpenStage | None:
        """The row with the fewest attempts that still belongs to the class."""
        known = self._candidates.pop(pause.of, {})
        rows = sorted(known.values(), key=lambda row: (row.attempts, row.since_ms, row.key))
        for row, item in zip(rows, self._desk.truth.get([row.key for row in rows]), strict=True):
            record = item.stages.get(row.stage) if item is not None else None
            if item is not None and record is not None and _belongs(record, pause):
                where = row._replace(address=item.address, generation=record.generation)
                return where._replace(token=record.token, since_ms=record.since_ms, attempts=record.attempts)
        return None

    def _record(self, pause: Pause) -> StageRecord | None:
        (item,) = self._desk.truth.get([pause.probe_key])
        return item.stages.get(pause.of.stage) if item is not None else None

    def _swept_since(self, of: FailureClass) -> bool:
        """Whether a whole sweep has passed since this was first asked; if not, one is due now."""
        mark = self._since.setdefault(of, self._begun)
        if self._finished > mark:
            del self._since[of]
            return True
        self.wants_sweep = self._begun <= mark
        return False

    def _write(self, pause: Pause, document: Document | None) -> None:
        self._since.pop(pause.of, None)
        revision = document.revision if document is not None else None
        written = self._desk.truth.write_document(PAUSE, pause.of.name, pause.body(), revision)
        if written is None:  # somebody else wrote first: what they say holds
            self._read_at_s = self._desk.clock.monotonic_s()
        else:
            self._pauses[pause.of] = (pause, written)

    def _drop(self, of: FailureClass, document: Document) -> None:
        self._desk.truth.drop_document(document)
        self._pauses.pop(of, None)
        self._candidates.pop(of, None)
        self._window.forget(of)


def _of(row: OpenStage) -> FailureClass:
    return FailureClass(row.key.tenant, row.stage, row.reason or "")


def _belongs(record: StageRecord, pause: Pause) -> bool:
    return record.state is StageState.PENDING and record.reason == pause.of.reason
