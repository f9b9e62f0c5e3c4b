"""What becomes of a message once Truth has answered, and of what a dead worker held.

The order everywhere: Truth first, then the message. Callers: ``worker``, and whoever supervises workers.
"""

from __future__ import annotations

from typing import assert_never

from tbie.core.cause import Cause
from tbie.core.outcome import Completed, Facts, Outcome, Retry, TerminalFailure
from tbie.intent import Bury, Defer, Delete, Disposal, Hold, IntentQueue, Message
from tbie.truth import Committed, Result, Settle, StageState, TruthStore
from tbie.worker.chain import raised
from tbie.workflow import Workflow


def disposal(settle: Settle, message: Message, result: Result, held: bool = False) -> Disposal:
    """What becomes of a message once Truth has answered; *held* if its receive does not count."""
    if not isinstance(result, Committed):
        return Delete(message)  # superseded: a newer intent, or a result, exists
    record = next(r for r in result.records if r.stage == settle.stage)
    if record.state is StageState.PENDING:
        return Hold(message, record.not_before_ms) if held else Defer(message, record.not_before_ms)
    if isinstance(settle.outcome, Retry):
        return Bury(message, record.reason or "receives_exhausted", record.evidence or {})
    return Delete(message)


def settle_death(
    owner: str,
    suspects: tuple[str, ...],
    workflow: Workflow,
    truth: TruthStore,
    intent: IntentQueue,
    reason: str,
    evidence: Facts,
) -> int:
    """Free what a dead worker held. Called by whoever saw it die; returns how many messages it held.

    The messages with the tokens *suspects*, which it was working on, have used up a receive and get another attempt at
    once. The only suspect becomes a failure with *evidence* if that was its last receive; of several nobody does, because
    only one of them is to blame: they run alone from now on (``flowing.pieces``), so a second death names it. Batch-mates go
    back untouched: they did nothing.
    """
    held = intent.release_owner(owner, suspects)
    # a worker of an older program: there may be no such row to charge
    charged = [m for m in held if m.envelope.token in suspects and workflow.get(m.envelope.stage) is not None]
    if len(suspects) > 1:
        evidence = {**evidence, "suspects": len(suspects)}
    settles = [_death_of(m, owner, workflow, reason, evidence, alone=len(suspects) == 1) for m in charged]
    if settles:
        results = truth.commit(settles)
        settled = zip(settles, charged, results, strict=True)
        intent.exchange([_after_death(*each) for each in settled], ())
    return len(held)


def _death_of(message: Message, owner: str, workflow: Workflow, reason: str, evidence: Facts, *, alone: bool) -> Settle:
    envelope = message.envelope
    last = message.receives >= workflow[envelope.stage].retry.max_receives
    return Settle(
        envelope.key,
        envelope.stage,
        envelope.generation,
        envelope.token,
        envelope.version,
        Retry(reason, not_before_ms=0, evidence={"worker": owner, **evidence}, counted=alone or not last),
        Cause(f"supervisor:{owner}", reason),
        (),
        message.receives,
        last,
    )


def _after_death(settle: Settle, message: Message, result: Result) -> Disposal:
    return disposal(settle, message, result, isinstance(settle.outcome, Retry) and not settle.outcome.counted)


def unstorable(error: Exception) -> TerminalFailure:
    """The outcome instead of one that cannot be stored.

    Another attempt of the same handler would give the same answer; another version of it may not.
    """
    return TerminalFailure("result_not_storable", True, raised(error).evidence)


def words(outcome: Outcome) -> str:
    """An outcome in short, for the history."""
    match outcome:
        case Completed():
            return "completed"
        case Retry(reason=reason, counted=counted):
            return f"retry: {reason}" if counted else f"retry: {reason} (not counted)"
        case TerminalFailure(reason=reason):
            return f"failed: {reason}"
        case _:
            assert_never(outcome)
