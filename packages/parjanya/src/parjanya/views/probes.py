"""Does what the reconciler does, once, on something that is nobody's work: read, write, and clean up again.

Callers: ``healthcheck``, ``/readyz`` and ``doctor``. Lights were green for twelve hours while a permission was missing
(incident 8): a permission is exercised, never looked up. Each raises what the store raises.
"""

from __future__ import annotations

from tbie.core.clock import Clock
from tbie.core.errors import IntentUnavailableError, LedgerUnavailableError, ObjectError, TruthUnavailableError
from tbie.core.keys import Address, ItemKey
from tbie.core.reading import Known
from tbie.intent import Claim, Delete, Envelope, IntentQueue
from tbie.objects import ObjectStore
from tbie.reconciler.ledger import Ledger, Noted
from tbie.truth import TruthStore
from tbie.workflow import Workflow

PROBE = "-probe"
"""A stage that no workflow can have (names begin with a letter): no worker claims it, no sweep looks for it."""

LEFT_BEHIND_MS = 60_000
"""A probe takes milliseconds: what is this old was left by one that was killed."""

_KEY = ItemKey(PROBE, PROBE)


def probe_truth(truth: TruthStore, who: str) -> str:
    """Write a document, read it, write it again by compare-and-set, drop it; move a cursor that nobody reads.

    Raises:
        TruthUnavailableError: one of these was refused, or not kept.
    """
    name = f"probe-{who}"
    kept = next((d for d in truth.documents(PROBE) if d.name == name), None)
    written = truth.write_document(PROBE, name, {"by": who}, kept.revision if kept else None)
    if written is None:
        return "another probe is writing at this moment"
    found = next((d for d in truth.documents(PROBE) if d.name == name), None)
    if found is None or found.revision != written.revision or found.body != {"by": who}:
        raise TruthUnavailableError("a document that was written could not be read again")
    if truth.write_document(PROBE, name, {"by": who}, written.revision - 1) is not None:
        raise TruthUnavailableError("a document was overwritten although its revision had changed")
    for left in truth.documents(PROBE):  # by a probe that was killed
        if left.name != name and left.updated_ms < written.updated_ms - LEFT_BEHIND_MS:
            truth.drop_document(left)
    if not truth.drop_document(written):
        raise TruthUnavailableError("a document that was written could not be deleted")
    truth.save_cursor(PROBE, truth.last_seq())
    return "a document was written, read and deleted; a cursor was moved"


def probe_intent(intent: IntentQueue, workflow: Workflow, clock: Clock, who: str) -> str:
    """Read the depth of every queue; send a message that is nobody's work, find it, claim it, delete it.

    Raises:
        IntentUnavailableError: one of these was refused.
    """
    read_depths(intent, workflow)
    key = ItemKey(PROBE, who)
    token = f"{PROBE}{who}{clock.now_ms()}"
    intent.send([Envelope(key, PROBE, 1, token, PROBE, Address(PROBE, PROBE), "")])
    reading = intent.presence(PROBE, [key])
    if not isinstance(reading, Known):
        raise IntentUnavailableError(reading.error)
    for message in intent.exchange((), [Claim(PROBE, f"{PROBE}{who}", 1_000, 60.0, 1_000)]):
        intent.exchange([Delete(message)], ())
    return f"{len(workflow.stages)} queues read; a message was sent, claimed and deleted"


def read_depths(intent: IntentQueue, workflow: Workflow) -> str:
    """The reading that was missing in incident 8.

    Raises:
        IntentUnavailableError: the depth of some queue cannot be read.
    """
    for stage in workflow.stages:
        reading = intent.depth(stage.name)
        if not isinstance(reading, Known):
            raise IntentUnavailableError(f"{stage.name}: {reading.error}")
    return f"{len(workflow.stages)} queues"


def probe_ledger(ledger: Ledger, clock: Clock) -> str:
    """Note a decision about nothing and read it. It prolongs one entry: probing for ever keeps one row.

    Raises:
        LedgerUnavailableError: it cannot be written or read.
    """
    ledger.note([Noted(_KEY, PROBE, PROBE, "probe", PROBE, {}, clock.now_ms())])
    if not ledger.of(_KEY):
        raise LedgerUnavailableError("a decision that was noted could not be read again")
    return "a decision was noted and read"


def probe_objects(objects: ObjectStore) -> str:
    """Store a few bytes and read them. They are always the same, so there is one object however often this runs.

    Raises:
        TbieError: they cannot be stored or read.
    """
    data = b"parjanya: whether objects can be stored here\n"
    address = objects.put(data, ".probe")
    if objects.get(address) != data:
        raise ObjectError(f"{address.bucket}:{address.key} holds other bytes than were stored")
    return "an object was stored and read"
