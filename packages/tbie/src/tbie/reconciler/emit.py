"""Decisions → envelopes, completely addressed and checked, sent in one go.

A wrong address is refused here, at construction: it never becomes an intent that burns receives (incident 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tbie.core.cause import Cause
from tbie.core.errors import MisroutedIntentError, ObjectMissingError
from tbie.core.keys import Address
from tbie.intent import Envelope, IntentQueue
from tbie.reconciler.decide import Action, Decision
from tbie.truth import Command, Committed, Exhaust, OpenStage, Rotate, TruthStore
from tbie.workflow import Workflow

Resolve = Callable[[Address], bool]
"""Whether there are bytes at an address; raises ``MisroutedIntentError`` for a bucket it does not know."""


def address(open_stage: OpenStage, workflow: Workflow, resolve: Resolve) -> Envelope:
    """The intent of an open stage, addressed from Truth and checked against the object store.

    Raises:
        MisroutedIntentError: the bucket is unknown.
        ObjectMissingError: nothing is at the address.
    """
    if not resolve(open_stage.address):
        raise ObjectMissingError(f"nothing is at {open_stage.address.bucket}:{open_stage.address.key}")
    stage = workflow[open_stage.stage]
    return Envelope(
        open_stage.key,
        open_stage.stage,
        open_stage.generation,
        open_stage.token,
        stage.version,
        open_stage.address,
        ",".join(stage.owns),
        open_stage.not_before_ms,
    )


@dataclass(slots=True)
class Emitted:
    """What one round of emitting did."""

    sent: int = 0
    superseded: int = 0
    exhausted: int = 0
    misrouted: int = 0

    def add(self, other: Emitted) -> None:
        """Add another round."""
        self.sent += other.sent
        self.superseded += other.superseded
        self.exhausted += other.exhausted
        self.misrouted += other.misrouted


def carry_out(
    decisions: Iterable[Decision],
    workflow: Workflow,
    truth: TruthStore,
    intent: IntentQueue,
    resolve: Resolve,
    who: str,
) -> Emitted:
    """Do what was decided: commit the Truth part first (fresh tokens, failures), then send.

    A crash in between leaves an open stage without an intent, which the next sweep finds.
    """
    done = Emitted()
    send: list[OpenStage] = []
    commands: list[Command] = []
    rotating: dict[int, OpenStage] = {}
    for decision in decisions:
        target = decision.open
        match decision.action:
            case Action.EMIT:
                send.append(target)
            case Action.SUPERSEDE:
                rotating[len(commands)] = target
                version = workflow[target.stage].version
                commands.append(Rotate(target.key, target.stage, target.token, version, Cause(who, decision.reason)))
            case Action.EXHAUST:
                cause = Cause(who, decision.reason)
                reason = str(decision.evidence.get("reason", decision.reason))
                commands.append(Exhaust(target.key, target.stage, target.token, reason, True, decision.evidence, cause))
                done.exhausted += 1
            case Action.NOTHING:
                pass
    if commands:
        for index, result in enumerate(truth.commit(commands)):
            if index in rotating and isinstance(result, Committed):
                fresh = next(r for r in result.records if r.stage == rotating[index].stage)
                send.append(rotating[index]._replace(token=fresh.token, version=fresh.version))
                done.superseded += 1
    envelopes, refused = _address_all(send, workflow, resolve, who)
    done.sent = intent.send(envelopes)
    if refused:
        truth.commit(refused)
        done.misrouted = len(refused)
    return done


def _address_all(
    stages: Sequence[OpenStage], workflow: Workflow, resolve: Resolve, who: str
) -> tuple[list[Envelope], list[Exhaust]]:
    envelopes: list[Envelope] = []
    refused: list[Exhaust] = []
    for stage in stages:
        try:
            envelopes.append(address(stage, workflow, resolve))
        except (MisroutedIntentError, ObjectMissingError) as error:
            reason = "misrouted_intent" if isinstance(error, MisroutedIntentError) else "object_missing"
            evidence = {"bucket": stage.address.bucket, "key": stage.address.key, "message": str(error)}
            refused.append(Exhaust(stage.key, stage.stage, stage.token, reason, True, evidence, Cause(who, reason)))
    return envelopes, refused
