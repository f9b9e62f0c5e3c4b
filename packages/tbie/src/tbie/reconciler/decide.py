"""What to do about one open stage: a pure function of the row, what is known of its intent, and the clock.

The same function serves stream events, sweeps, simulation and ``explain``. Doing nothing is a decision with a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from tbie.core.outcome import Facts
from tbie.intent import Presence
from tbie.truth import OpenStage


class Action(StrEnum):
    """What the reconciler does about one open stage."""

    EMIT = "emit"  # send an intent with the token that the row has
    SUPERSEDE = "supersede"  # give the row a fresh token, then send
    WAKE = "wake"  # the same, and forget why and until when the row was put off
    EXHAUST = "exhaust"  # fail the stage in Truth: its intent used up its receives, or can never be built
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Unchecked:
    """Nobody looked: the stage was opened a moment ago, and sending the same token twice is harmless."""


@dataclass(frozen=True, slots=True)
class Looked:
    """Somebody looked; ``presence`` is what the queue holds for this item, None if nothing."""

    presence: Presence | None


@dataclass(frozen=True, slots=True)
class Blind:
    """Somebody looked and could not see. This is not the same as nothing being there."""

    error: str


Sight = Unchecked | Looked | Blind


class Decision(NamedTuple):
    """An action with its reason; ``reason`` is a stable code, ``evidence`` the numbers behind it."""

    action: Action
    open: OpenStage
    reason: str
    evidence: Facts = MappingProxyType({})


def decide(
    open_stage: OpenStage,
    declared: str | None,
    sight: Sight,
    now_ms: int,
    grace_ms: int,
    followed_ms: int | None = None,
    waking: bool = False,
) -> Decision:
    """The decision for *open_stage*.

    Args:
        declared: the version of its stage that holds for its tenant now, None if the workflow no longer has that stage.
        sight: what is known of its intent.
        now_ms: epoch milliseconds.
        grace_ms: a stage younger than this is left to the change stream if no intent was found.
        followed_ms: the change stream has read everything that was there at that time; None if that does not matter.
        waking: what had put this row off is gone, and every row of its failure class is to be tried at once.
    """
    if declared is None:
        return Decision(Action.NOTHING, open_stage, "stage_not_declared", {"stage": open_stage.stage})
    match sight:
        case Blind(error=error):
            return Decision(Action.NOTHING, open_stage, "intent_unreadable", {"error": error})
        case Unchecked():
            return Decision(Action.EMIT, open_stage, "opened")
        case Looked() if waking:
            return Decision(Action.WAKE, open_stage, "pause_over", {"was_put_off": open_stage.reason})
        case Looked(presence=found):
            if found is not None:
                return _found(open_stage, declared, found)
            return _missing(open_stage, now_ms - open_stage.since_ms, grace_ms, followed_ms)


def _missing(open_stage: OpenStage, age_ms: int, grace_ms: int, followed_ms: int | None) -> Decision:
    evidence = {"age_ms": age_ms}
    if (
        -grace_ms < age_ms < grace_ms
    ):  # from further in the future: another machine's clock, and it may be an hour ahead
        return Decision(Action.NOTHING, open_stage, "just_opened", evidence)
    if followed_ms is not None and open_stage.since_ms > followed_ms - grace_ms:
        # nothing was lost: the stream has not come that far. The token was never sent, so it may be now
        return Decision(Action.EMIT, open_stage, "stream_is_behind", evidence)
    return Decision(Action.SUPERSEDE, open_stage, "truth_without_intent", evidence)


def _found(open_stage: OpenStage, declared: str, found: Presence) -> Decision:
    if found.token != open_stage.token:
        return Decision(Action.SUPERSEDE, open_stage, "stale_intent", {"found": found.token})
    if found.address is not None and found.address != open_stage.address:
        where = {"sent_to": ":".join(found.address), "is_at": ":".join(open_stage.address)}
        return Decision(Action.SUPERSEDE, open_stage, "misrouted_intent", where)
    if found.dead:
        evidence = {"receives": found.receives, **(found.evidence or {})}
        return Decision(Action.EXHAUST, open_stage, "receives_exhausted", evidence)
    if open_stage.version != declared:
        return Decision(Action.SUPERSEDE, open_stage, "version_changed", {"row": open_stage.version, "now": declared})
    return Decision(Action.NOTHING, open_stage, "intent_is_live", {"receives": found.receives})


def size_fleet(open_work: int, live: int | None, running: int, per_worker: int, ceiling: int, min_blind: int) -> int:
    """How many workers a pool should have. Scaling follows work that exists, in Truth or in the queue.

    Args:
        open_work: pending stages in Truth.
        live: messages that will be worked on, None if the queue cannot be read.
        running: workers alive now.
        per_worker: stages that one worker is worth being started for.
        ceiling: the most workers allowed.
        min_blind: workers to wake when blind.
    """
    if live is None:  # blind: never scale in, wake a few if Truth has work
        return min(ceiling, max(running, min_blind if open_work else 0))
    work = max(open_work, live)
    return min(ceiling, -(-work // per_worker))
