"""Decisions → envelopes, completely addressed and checked, sent in one go.

A wrong address is refused here, at construction: it never becomes an intent that burns receives (incident 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tbie.core.cause import Cause
from tbie.core.errors import MisroutedIntentError, ObjectMissingError
from tbie.intent import Envelope
from tbie.reconciler.decide import Action, Decision
from tbie.reconciler.desk import Desk, Resolve
from tbie.reconciler.ledger import Noted
from tbie.truth import Command, Committed, Exhaust, OpenStage, Rotate
from tbie.workflow import Workflow

__all__ = ["Emitted", "Resolve", "address", "carry_out"]


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
        workflow.version(open_stage.stage, open_stage.key.tenant),
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
    woken: int = 0

    def add(self, other: Emitted) -> None:
        """Add another round."""
        self.sent += other.sent
        self.superseded += other.superseded
        self.exhausted += other.exhausted
        self.misrouted += other.misrouted
        self.woken += other.woken

    def since(self, before: Emitted) -> Emitted:
        """What has been added to *before*."""
        return Emitted(
            self.sent - before.sent,
            self.superseded - before.superseded,
            self.exhausted - before.exhausted,
            self.misrouted - before.misrouted,
            self.woken - before.woken,
        )

    def to_json(self) -> dict[str, int]:
        """As plain data; by hand, because every heartbeat and every simulated pass asks."""
        return {
            "sent": self.sent,
            "superseded": self.superseded,
            "exhausted": self.exhausted,
            "misrouted": self.misrouted,
            "woken": self.woken,
        }


def carry_out(decisions: Iterable[Decision], desk: Desk) -> Emitted:
    """Do what was decided: commit the Truth part first (fresh tokens, failures), then send, then note it.

    A crash in between leaves an open stage without an intent, which the next sweep finds.
    """
    done = Emitted()
    now = desk.clock.now_ms()
    send: list[OpenStage] = []
    commands: list[Command] = []
    about: list[Decision] = []
    noted: list[Noted] = []
    for decision in decisions:
        command = _command(decision, desk)
        if command is not None:
            commands.append(command)
            about.append(decision)
            continue
        if decision.action is Action.EMIT:
            send.append(decision.open)
        noted.append(_noted(decision, decision.open.token, now))
    if commands:
        for decision, result in zip(about, desk.commit(commands), strict=True):
            if not isinstance(result, Committed):
                continue  # the row has changed since: whoever changed it has told the stream
            fresh = next(r for r in result.records if r.stage == decision.open.stage)
            noted.append(_noted(decision, fresh.token, now))
            if decision.action is Action.EXHAUST:
                done.exhausted += 1
                continue
            done.superseded += decision.action is Action.SUPERSEDE
            done.woken += decision.action is Action.WAKE
            row = decision.open._replace(token=fresh.token, version=fresh.version)
            send.append(row._replace(not_before_ms=fresh.not_before_ms, reason=fresh.reason))
    envelopes, refused = _address_all(send, desk)
    done.sent = desk.intent.send(envelopes)
    if refused:
        desk.commit(refused)
        done.misrouted = len(refused)
        noted += [Noted(e.key, e.stage, e.token, Action.EXHAUST, e.reason, e.evidence, now) for e in refused]
    desk.notes.note(noted)
    return done


def _command(decision: Decision, desk: Desk) -> Command | None:
    """What *decision* asks of Truth; None if nothing."""
    target, cause = decision.open, Cause(desk.who, decision.reason)
    match decision.action:
        case Action.SUPERSEDE | Action.WAKE:
            version = desk.workflow.version(target.stage, target.key.tenant)
            at_once = decision.action is Action.WAKE
            return Rotate(target.key, target.stage, target.token, version, cause, at_once)
        case Action.EXHAUST:
            reason = str(decision.evidence.get("reason", decision.reason))
            return Exhaust(target.key, target.stage, target.token, reason, True, decision.evidence, cause)
        case Action.EMIT | Action.NOTHING:
            return None


def _noted(decision: Decision, token: str, now_ms: int) -> Noted:
    row = decision.open
    return Noted(row.key, row.stage, token, decision.action, decision.reason, dict(decision.evidence), now_ms)


def _address_all(stages: Sequence[OpenStage], desk: Desk) -> tuple[list[Envelope], list[Exhaust]]:
    envelopes: list[Envelope] = []
    refused: list[Exhaust] = []
    for stage in stages:
        try:
            envelopes.append(address(stage, desk.workflow, desk.resolve))
        except (MisroutedIntentError, ObjectMissingError) as error:
            reason = "misrouted_intent" if isinstance(error, MisroutedIntentError) else "object_missing"
            evidence = {"bucket": stage.address.bucket, "key": stage.address.key, "message": str(error)}
            cause = Cause(desk.who, reason)
            refused.append(Exhaust(stage.key, stage.stage, stage.token, reason, True, evidence, cause))
    return envelopes, refused
