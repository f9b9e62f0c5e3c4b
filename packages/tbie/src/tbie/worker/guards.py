"""What has to be true of a claimed message and its row before a handler may run: a pure check.

A row that is not as its intent says is not run and then found out: it is put right first, and nobody's receive pays.
"""

from __future__ import annotations

from dataclasses import dataclass

from tbie.core.cause import Cause
from tbie.intent import Envelope
from tbie.truth import Command, Item, Reset, Rotate, StageRecord, StageState
from tbie.workflow import Workflow


@dataclass(frozen=True, slots=True)
class Superseded:
    """A newer intent, or a result, exists: the message goes."""


@dataclass(frozen=True, slots=True)
class PutRight:
    """The row gets a fresh intent by *command*; then the message is superseded."""

    command: Command


@dataclass(frozen=True, slots=True)
class Run:
    """Everything is as the intent says."""

    item: Item
    record: StageRecord


def guard(envelope: Envelope, item: Item | None, workflow: Workflow, who: str) -> Superseded | PutRight | Run:
    """What to do with a claimed *envelope* whose item is *item* now."""
    record = item.stages.get(envelope.stage) if item is not None else None
    if (
        item is None
        or record is None
        or record.state is not StageState.PENDING
        or record.token != envelope.token
        or record.generation != envelope.generation
    ):
        return Superseded()
    if envelope.address != item.address:
        version = workflow.version(record.stage, item.key.tenant)
        return PutRight(Rotate(item.key, record.stage, record.token, version, Cause(who, "misrouted_intent")))
    if dirty(item, record, workflow):
        cause, only = Cause(who, "dirty_retry"), (StageState.PENDING,)
        return PutRight(Reset(item.key, record.stage, cause, only, token=record.token))
    return Run(item, record)


def dirty(item: Item, record: StageRecord, workflow: Workflow) -> bool:
    """Whether something derived survives from before: facts of its own, or a later stage that is final already."""
    if record.facts is not None:
        return True
    later = (item.stages.get(stage.name) for stage in workflow.downstream[record.stage])
    return any(other is not None and other.state.final for other in later)
