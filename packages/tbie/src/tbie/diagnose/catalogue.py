"""Every finding code: its boundary, what it means, why it usually happens, and the next step. Data.

Callers: the rules and the watchdog, which build findings from it; the runbook test, which wants a page for each code.
Codes are stable: alerts and scripts name them. The order is the order in which a diagnosis is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tbie.core.finding import Boundary, Evidence, Finding, State


class Entry(NamedTuple):
    """What is known of one code before anything was read."""

    code: str
    boundary: Boundary
    meaning: str
    cause: str
    next_step: str
    holds_up_work: bool = True
    """Whether work stands still while this stands. What holds up work is named before what does not."""


_T, _I, _E = Boundary.TRUTH, Boundary.INTENT, Boundary.EXECUTION
_C, _B = Boundary.CONTROL_PLANE, Boundary.BELIEF

_ENTRIES = (
    # -- truth
    Entry(
        "truth_unavailable",
        _T,
        "Truth cannot be read or written.",
        "The file of the durable record is missing, locked, damaged, or on a disk that does not answer.",
        "Remove the cause that the evidence names; everything else waits for it. If the file is damaged, restore it.",
    ),
    Entry(
        "disk_full",
        _T,
        "There is no room, or almost none, to write what has been worked out.",
        "The disk under the home has filled up.",
        "Free space on that disk. Work goes on by itself; nothing that was committed is lost.",
    ),
    Entry(
        "dirty_retry",
        _T,
        "An open stage still carries facts, or something downstream of it does: it was opened without a clean reset.",
        "Something wrote to Truth without the reset of a replay.",
        "Replay the items named in the evidence from that stage; a replay clears what is stale.",
    ),
    Entry(
        "policy_change",
        _T,
        "Results stand that an older version of a stage worked out.",
        "A stage or a policy was changed after they had been completed.",
        "Look at what would change with `regrade --dry-run`, then run `regrade`.",
        holds_up_work=False,
    ),
    Entry(
        "failed_items",
        _T,
        "Stages failed on something outside of the item, and wait for a reset.",
        "Something that stages need was in the way: a disk, a mount, a model, a permission.",
        "Remove the cause that the reasons name. The reconciler resets a few times after a rest; then `replay --from STAGE`.",
        holds_up_work=False,
    ),
    # -- intent
    Entry(
        "truth_without_intent",
        _I,
        "Stages are open in Truth, and the queue holds no message for them.",
        "The queue was emptied, replaced or restored from an older copy.",
        "Nothing, if the reconciler runs: its next sweep sends new intents. `reconcile --once` does it now.",
    ),
    Entry(
        "intent_destroyed_early",
        _I,
        "Single messages were taken from the queue without an outcome, while the rest of the queue is there.",
        "A worker, a script or a person deleted a message before its result was in Truth.",
        "Nothing for the items: the next sweep sends new intents. Find who deletes: the decision and the time are evidence.",
    ),
    Entry(
        "intent_expired",
        _I,
        "Messages grew older than the queue keeps them.",
        "Nobody worked for longer than the retention of the queue.",
        "Nothing for the items: the next sweep sends new intents. Make the retention longer than the longest outage.",
    ),
    Entry(
        "misrouted_intent",
        _I,
        "A message sends its worker to another address than the one Truth has.",
        "The item's address changed after the message was sent, or somebody else built the message.",
        "Nothing, if the reconciler runs: it sends an intent with the right address. Find who sends the others.",
    ),
    Entry(
        "replay_storm",
        _I,
        "The same backlog is sent again and again.",
        "Something besides the leading reconciler sends intents, or a sweep does not see the ones that are there.",
        "Stop the other sender. Superseded messages change nothing; workers throw them away.",
    ),
    Entry(
        "duplicate_delivery",
        _I,
        "A result was refused because somebody else's stood already.",
        "A message was handed out twice: its lease ended while a worker was still busy, or the queue repeated it.",
        "Nothing for the items: one result stands. If it repeats, raise visibility_timeout_s.",
        holds_up_work=False,
    ),
    # -- execution
    Entry(
        "execution_drift",
        _E,
        "Workers differ from what was declared, and take no work.",
        "The program, a model or a package was changed under a running engine.",
        "These workers are not what the engine declared and take no work: restart the engine after an upgrade.",
    ),
    Entry(
        "worker_crash_loop",
        _E,
        "Workers die before they register, one after the other.",
        "The program or its model cannot be loaded on this machine.",
        "Read the last words in the evidence and mend what they name; the fleet tries again by itself, ever more seldom.",
    ),
    Entry(
        "fleet_cannot_grow",
        _E,
        "Workers were asked for, and whoever starts them does not give any more.",
        "There is no capacity, a quota is used up, or what is to be started (an image, a template) does not exist.",
        "Do what the words in the evidence ask for; the fleet goes on asking. Nothing is lost meanwhile.",
    ),
    Entry(
        "bootstrap_silence",
        _E,
        "Workers were asked for, and nobody has said that it lives within the time a start takes.",
        "What is to be started does not exist (an image, a program), or hangs before it can speak.",
        "Look at the state in which it hangs and at its last words; start one by hand with `parjanya worker` to see it.",
    ),
    Entry(
        "execution_stalled",
        _E,
        "Workers live and work is visible, and nothing is taken or finished.",
        "Workers hang in a call, or look at another queue than the one that is filled.",
        "Restart the engine: held messages come back by themselves. Keep the log of a hanging worker before that.",
    ),
    Entry(
        "class_paused",
        _E,
        "One class of failures (tenant, stage, reason) is paused.",
        "Attempt after attempt failed for the same reason.",
        "Remove the cause that the reason names. A probe tries by itself when the pause ends, and lifts it if it succeeds.",
    ),
    Entry(
        "poison_item",
        _E,
        "An item took its workers with it until its receives were used up. It is quarantined; others go on.",
        "This input crashes or hangs the code that reads it.",
        "Look at the crash evidence. After an upgrade, or with another file: `replay --from STAGE` for that item.",
        holds_up_work=False,
    ),
    Entry(
        "worker_died",
        _E,
        "A worker died while it worked, or was ended because it overstayed.",
        "It was killed, ran out of memory, or the item it worked on crashed it.",
        "Nothing: what it held went back to the queue. If the same item appears again and again, look for poison_item.",
        holds_up_work=False,
    ),
    Entry(
        "fleet_drift",
        _E,
        "The fleet is not set up as it was declared.",
        "Somebody changed the group by hand, or an update replaced only a part of it.",
        "Do what the evidence says; deploy the declared set-up again if in doubt.",
        holds_up_work=False,
    ),
    # -- control plane
    Entry(
        "control_plane_silent",
        _C,
        "No reconciler has said that it lives.",
        "The engine was stopped or killed, or was never started here.",
        "Start `serve`, or run `reconcile --once`. Until then no new work is emitted; nothing is lost.",
    ),
    Entry(
        "control_plane_blind",
        _C,
        "The reconciler runs, but cannot read what it needs.",
        "A permission, a mount or a service that it reads through has gone.",
        "Restore the reading that the evidence names. What is safe without it goes on.",
    ),
    Entry(
        "two_reconcilers",
        _C,
        "Two reconcilers take themselves for the leader, or one that was deposed still tried to write.",
        "One was paused or cut off and came back, or two were started that do not share their Truth's term.",
        "Nothing for the items: only the holder of the term can write. Stop the one that should not run.",
    ),
    Entry(
        "undiscovered_tenant",
        _C,
        "A whole tenant has open work about which nothing was ever decided.",
        "The reconciler serves other tenants and has not seen this one.",
        "Nothing, if sweeps run: they find every tenant that has rows. Find what keeps this one from the change stream.",
    ),
    Entry(
        "stream_gap",
        _C,
        "The change stream has passed open stages and nothing was decided about them.",
        "The position in the stream was moved, or changes were read and dropped.",
        "Nothing, if sweeps run: they find what the stream missed. Find who moved the position.",
    ),
    Entry(
        "stream_stalled",
        _C,
        "Changes wait to be read longer than the stream needs.",
        "The reconciler is stuck in one batch, or something else keeps it busy.",
        "Look at the lag in the evidence. If it does not fall, restart the engine.",
    ),
    Entry(
        "sweep_starved",
        _C,
        "The reconciler lives, and its safety net has not run for several intervals.",
        "A busy stream, or an error in each sweep, keeps it from its turn.",
        "`reconcile --once` sweeps now. If it stays so, restart the engine and keep its log.",
    ),
    Entry(
        "campaign_stalled",
        _C,
        "A campaign is meant to run, and has made no progress.",
        "Its runner was killed, or it waits for room that does not come.",
        "Start the engine, which takes it up where it stopped; or cancel it.",
    ),
    Entry(
        "events_refused",
        _C,
        "Events or messages came from outside that are none of ours, or malformed. They were refused; everything else went on.",
        "Somebody else may send there, a notification leads to the wrong place, or a sender is of another version.",
        "Find the sender by what the evidence shows, and stop or mend it. Messages lie in the dead letters of their queue.",
        holds_up_work=False,
    ),
    # -- belief
    Entry(
        "queue_unreadable",
        _B,
        "The queue cannot be read: what is in it is unknown, which is not the same as nothing.",
        "The queue's file or service does not answer, or a permission is missing.",
        "Remove the cause that the error names. A damaged queue may be deleted: it is rebuilt from Truth.",
    ),
    Entry(
        "fleet_unreadable",
        _B,
        "The fleet cannot be read: how many workers there are is unknown.",
        "Whoever starts the workers does not answer.",
        "Remove the cause that the error names. Nobody is scaled in while it stands.",
    ),
    Entry(
        "clock_skew",
        _B,
        "The clocks of two processes differ by more than the tolerance.",
        "A machine's clock is wrong, or was set while the system ran.",
        "Set the clock of the component that the evidence names; ages and leases are wrong until then.",
        holds_up_work=False,
    ),
)

CATALOGUE: Mapping[str, Entry] = {entry.code: entry for entry in _ENTRIES}
"""Every code, in the order of diagnosis."""


def found(
    code: str,
    *evidence: Evidence,
    state: State = State.STANDING,
    cause: str | None = None,
    next_step: str | None = None,
) -> Finding:
    """A finding of *code*, with the usual cause and next step unless it knows better.

    Raises:
        KeyError: the catalogue has no such code.
    """
    entry = CATALOGUE[code]
    return Finding(code, entry.boundary, state, cause or entry.cause, evidence, next_step or entry.next_step)
