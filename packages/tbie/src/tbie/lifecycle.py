"""The rules of change, as pure functions: item + command + clock → change, or a refusal with its reason.

Every backend calls ``apply`` inside its own transaction and stores what comes back, so that all backends mean the same
thing. No I/O, no clock, no randomness: time and token source are handed in.

    waiting ──a needs met──▶ pending ──b completed──▶ completed
       │                      │ ▲  └──c failed──▶ failed
       └─d not eligible─▶ skipped │      (e: retry keeps it pending, with a later not_before)
    any of pending, completed, failed, skipped ──f reset──▶ waiting, generation + 1, facts cleared ──a──▶ pending
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tbie.core.cause import Cause
from tbie.core.ids import Ids
from tbie.core.keys import Address
from tbie.core.outcome import Completed, Facts, Outcome, Retry, TerminalFailure
from tbie.truth import (
    Advance,
    Command,
    Committed,
    Exhaust,
    Item,
    Refused,
    Reset,
    Rotate,
    Settle,
    StageRecord,
    StageState,
    Step,
    Update,
)
from tbie.workflow import Stage, Workflow

BARRIER = "barrier"
"""Reason of a stage that waits for its tenant's other items."""

SUPERSEDED = Refused("superseded")
NOTHING_TO_DO = Refused("nothing_to_do")
NO_SUCH_STAGE = Refused("no_such_stage")
"""The workflow has lost that stage; rows of it may remain."""

PENDING = StageState.PENDING
WAITING = StageState.WAITING


class Change(NamedTuple):
    """What to store: the touched records (last one wins), and why."""

    records: tuple[StageRecord, ...]
    cause: Cause
    address: Address | None = None
    attributes: Facts | None = None

    @property
    def opened(self) -> bool:
        """Whether a stage is pending after this: the change stream reports it."""
        return any(r.state is PENDING for r in self.records)


@dataclass(slots=True)
class _Draft:
    """An item in the middle of a change: records as they were, and as they will be."""

    tenant: str
    records: Mapping[str, StageRecord]
    touched: dict[str, StageRecord]
    workflow: Workflow
    now_ms: int
    ids: Ids

    def get(self, stage: str) -> StageRecord | None:
        return self.touched.get(stage) or self.records.get(stage)

    def put(self, record: StageRecord) -> None:
        self.touched[record.stage] = record

    def version(self, stage: Stage) -> str:
        """What holds for this item's tenant now."""
        return self.workflow.version(stage.name, self.tenant)


def added(tenant: str, workflow: Workflow, now_ms: int, ids: Ids) -> tuple[StageRecord, ...]:
    """The first records of any new item of *tenant*: its root stages, open (or skipped where not eligible)."""
    draft = _Draft(tenant, {}, {}, workflow, now_ms, ids)
    _advance(draft, workflow.stages, frozenset())
    return tuple(draft.touched.values())


def apply(item: Item, command: Command, workflow: Workflow, now_ms: int, ids: Ids) -> Change | Refused:
    """The change that *command* makes to *item*, or why it makes none."""
    draft = _Draft(item.key.tenant, item.stages, {}, workflow, now_ms, ids)
    address = attributes = None
    if isinstance(command, Settle | Reset | Rotate | Exhaust) and workflow.get(command.stage) is None:
        return NO_SUCH_STAGE
    match command:
        case Settle():
            refused = _settle(draft, command)
        case Reset():
            refused = _reset_one(draft, command)
        case Rotate():
            refused = _rotate(draft, command)
        case Exhaust():
            refused = _exhaust(draft, command)
        case Advance():
            _advance(draft, workflow.stages, frozenset(command.barriers))
            refused = None if draft.touched else NOTHING_TO_DO
        case Update(only_at=expected) if expected is not None and item.address != expected:
            return SUPERSEDED
        case Update():
            address, attributes = command.address, command.attributes
            refused = _reset(draft, tuple(s.name for s in workflow.stages if not s.needs))
    if refused is not None:
        return refused
    return Change(tuple(draft.touched.values()), command.cause, address, attributes)


def invalidations(command: Settle, committed: Committed) -> list[Reset]:
    """The resets of other items that a committed settlement asks for, to be applied in the same transaction.

    Steps that were not taken ask for nothing: their facts were not stored.
    """
    completed = {r.stage for r in committed.records if r.state is StageState.COMPLETED}
    outcomes = {command.stage: command.outcome} | {step.stage: step.outcome for step in command.then}
    return [
        Reset(key, stage, command.cause._replace(why=f"invalidated by {command.key.item}"))
        for name, outcome in outcomes.items()
        if name in completed and isinstance(outcome, Completed)
        for key, stage in outcome.invalidates
    ]


def _settle(draft: _Draft, command: Settle) -> Refused | None:
    record = draft.records.get(command.stage)
    if (
        record is None
        or record.state is not PENDING
        or record.token != command.token
        or record.generation != command.generation
    ):
        return SUPERSEDED
    stage = draft.workflow[command.stage]
    final = _outcome(draft, record, stage, command.version, command.outcome, command.last_receive)
    if not final:
        return None
    _advance(draft, draft.workflow.downstream[stage.name], frozenset())
    for step in command.then:
        opened = draft.touched.get(step.stage)
        if opened is None or opened.state is not PENDING or not _still_given(draft, step):
            break  # not ours to settle: a barrier, not eligible, or run on facts that have been replaced since
        following = draft.workflow[step.stage]
        if not _outcome(draft, opened, following, step.version, step.outcome, last_receive=False):
            break
        _advance(draft, draft.workflow.downstream[step.stage], frozenset())
    return None


def _still_given(draft: _Draft, step: Step) -> bool:
    """Whether the facts that *step* was run on are those that are stored now."""
    given = [(draft.get(stage), generation) for stage, generation in step.given]
    return all(
        record is not None and record.state is StageState.COMPLETED and record.generation == generation
        for record, generation in given
    )


def _outcome(
    draft: _Draft, record: StageRecord, stage: Stage, version: str, outcome: Outcome, last_receive: bool
) -> bool:
    """Write one outcome; returns whether the stage is final now."""
    now, attempts = draft.now_ms, record.attempts + 1
    name, generation, token = record.stage, record.generation, record.token
    match outcome:
        case Completed(facts=facts):
            state = StageState.COMPLETED
            draft.put(StageRecord(name, state, version, generation, token, attempts, now, now, facts=facts))
        case TerminalFailure(reason=reason, retriable=retriable, evidence=evidence):
            draft.put(_failed(record, version, now, reason, retriable, evidence, attempts))
        case Retry(reason=reason, evidence=evidence, counted=True) if last_receive:
            draft.put(_failed(record, version, now, reason, True, {**evidence, "receives_exhausted": True}, attempts))
        case Retry(reason=reason, not_before_ms=not_before, evidence=evidence, counted=counted):
            attempts -= not counted
            later = now + stage.retry.backoff_ms(attempts) if not_before is None else not_before
            put_off = record._replace(attempts=attempts, updated_ms=now, not_before_ms=later, reason=reason)
            draft.put(put_off._replace(evidence=dict(evidence)))
            return False
    return True


def _failed(
    record: StageRecord, version: str, now: int, reason: str, retriable: bool, evidence: Facts, attempts: int
) -> StageRecord:
    return record._replace(
        state=StageState.FAILED,
        version=version,
        attempts=attempts,
        since_ms=now,
        updated_ms=now,
        not_before_ms=0,
        reason=reason,
        retriable=retriable,
        evidence=dict(evidence),
        facts=None,
    )


def _advance(draft: _Draft, stages: Iterable[Stage], lifted: frozenset[str]) -> None:
    """Open, skip or park every waiting stage whose needs are final. *stages* must be in topological order."""
    for stage in stages:
        record = draft.get(stage.name)
        if record is not None and record.state is not WAITING:
            continue
        needs = [draft.get(need) for need in stage.needs]
        if not all(need is not None and need.state.final for need in needs):
            continue
        generation = record.generation if record is not None else 1
        reason = _why_not(draft, stage, needs)
        if reason is not None:
            state, token = StageState.SKIPPED, ""
        elif stage.barrier and stage.name not in lifted:
            if record is not None and record.reason == BARRIER:
                continue
            state, token, reason = WAITING, "", BARRIER
        else:
            state, token = PENDING, draft.ids.token()
        now = draft.now_ms
        resets, version = record.resets if record is not None else 0, draft.version(stage)
        opened = StageRecord(stage.name, state, version, generation, token, 0, now, now, 0, reason, resets=resets)
        draft.put(opened)


def _why_not(draft: _Draft, stage: Stage, needs: Iterable[StageRecord | None]) -> str | None:
    """The reason code why *stage* does not apply to this item, or None if it does."""
    for need in needs:
        if need is not None and need.state is not StageState.COMPLETED:
            root = need.reason or need.state.value
            return root if need.state is StageState.SKIPPED else f"{need.stage}:{root}"
    if stage.eligible is None:
        return None
    upstream = draft.workflow.upstream[stage.name]
    facts = {name: record.facts or {} for name in upstream if (record := draft.get(name)) is not None}
    return stage.eligible(facts)


def _reset_one(draft: _Draft, command: Reset) -> Refused | None:
    """An operator's, a campaign's or the reconciler's reset, if what it was decided on still holds."""
    record = draft.records.get(command.stage)
    if record is None or (command.token is not None and record.token != command.token):
        return NOTHING_TO_DO if record is None else SUPERSEDED
    if command.only_states and record.state not in command.only_states:
        return NOTHING_TO_DO
    if command.only_before_ms is not None and record.since_ms >= command.only_before_ms:
        return NOTHING_TO_DO
    return _reset(draft, (command.stage,), record.resets + 1 if command.automatic else 0)


def _reset(draft: _Draft, names: tuple[str, ...], resets: int = 0) -> Refused | None:
    affected: dict[str, Stage] = {}
    for name in names:
        record = draft.records.get(name)
        if record is None or record.state is WAITING:
            continue
        affected[name] = draft.workflow[name]
        affected.update({stage.name: stage for stage in draft.workflow.downstream[name]})
    if not affected:
        return NOTHING_TO_DO
    now = draft.now_ms
    for stage in affected.values():
        old = draft.records.get(stage.name)
        if old is not None:
            count, version = resets if stage.name in names else 0, draft.version(stage)
            fresh = StageRecord(stage.name, WAITING, version, old.generation + 1, "", 0, now, now, resets=count)
            draft.put(fresh)
    _advance(draft, [s for s in draft.workflow.stages if s.name in affected], frozenset())
    return None


def _rotate(draft: _Draft, command: Rotate) -> Refused | None:
    record = draft.records.get(command.stage)
    if record is None or record.state is not PENDING or record.token != command.token:
        return SUPERSEDED
    fresh = record._replace(token=draft.ids.token(), version=command.version, updated_ms=draft.now_ms)
    draft.put(fresh._replace(not_before_ms=0, reason=None) if command.at_once else fresh)
    return None


def _exhaust(draft: _Draft, command: Exhaust) -> Refused | None:
    record = draft.records.get(command.stage)
    if record is None or record.state is not PENDING or record.token != command.token:
        return SUPERSEDED
    now = draft.now_ms
    draft.put(
        _failed(record, record.version, now, command.reason, command.retriable, command.evidence, record.attempts)
    )
    _advance(draft, draft.workflow.downstream[command.stage], frozenset())
    return None
