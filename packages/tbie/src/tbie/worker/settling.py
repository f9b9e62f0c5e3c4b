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
    """What becomes of a message once Truth has answered; *held* if its failure class is paused."""
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
    token: str | None,
    workflow: Workflow,
    truth: TruthStore,
    intent: IntentQueue,
    reason: str,
    evidence: Facts,
) -> int:
    """Free what a dead worker held. Called by whoever saw it die; returns how many messages it held.

    The message with *token*, the one it was working on, has used up a receive and gets another attempt at once, or
    becomes a failure with *evidence* if that was the last. Its batch-mates go back untouched: they did nothing.
    """
    held = intent.release_owner(owner, token)
    for message in held:
        envelope = message.envelope
        stage = workflow.get(envelope.stage)
        if envelope.token != token or stage is None:  # a worker of an older program: there is no such row to charge
            continue
        last = message.receives >= stage.retry.max_receives
        settle = Settle(
            envelope.key,
            envelope.stage,
            envelope.generation,
            envelope.token,
            envelope.version,
            Retry(reason, not_before_ms=0, evidence={"worker": owner, **evidence}),
            Cause(f"supervisor:{owner}", reason),
            (),
            message.receives,
            last,
        )
        (result,) = truth.commit([settle])
        intent.exchange([disposal(settle, message, result)], ())
    return len(held)


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
        case Retry(reason=reason):
            return f"retry: {reason}"
        case TerminalFailure(reason=reason):
            return f"failed: {reason}"
        case _:
            assert_never(outcome)
