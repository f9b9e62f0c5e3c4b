"""The function ``intake``: an object was created under ``uploads/``; it becomes an item, and is looked at at once.

Adding comes first, for everything that the event holds, and is all that has to succeed: an item that is in Truth reaches a worker
by the stream. Only what this very call has added is then run through the stage *technical* here, and settled by the row's own
token; so an image that takes the process with it is met once by a function, and after that by a worker, which is made for that.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from parjanya.catalog.items import Ingested, take_in
from parjanya.catalog.uploads import MOST_BYTES, NotAnUploadError, upload_at
from parjanya.functions.arrivals import Arrival, parse
from parjanya.functions.hostile import shown
from parjanya.functions.opening import Opening, seconds_left, teller
from parjanya.functions.telling import DURATION, REFUSED, Metric
from parjanya.profiles.function_stores import Stores
from tbie.core.cause import Cause
from tbie.core.errors import TbieError, TruthUnavailableError
from tbie.core.outcome import Completed, Outcome, Retry, TerminalFailure
from tbie.core.refusal import Refusal
from tbie.execution import Handler, Work
from tbie.refused import keep
from tbie.truth import Committed, Item, NewItem, Settle, StageState

COMPONENT, WHO = "intake", "function:intake"
ADDED = Metric("Added", "Count", "Component")
LOOKED_AT = Metric("LookedAt", "Count", "Component")

AT_ONCE_BYTES = 64 << 20
"""What is larger is left to a worker: a function has 1.7 GiB for the picture and everything else."""
RESERVE_S = 20.0
"""No image is begun with less time left: the slowest real photographs take two seconds on one core, hostile ones up to thirty."""
STAGE = "technical"
LEFT_TO_WORKERS = frozenset({"too_many_pixels", "decoder_memory", "scan_bomb", "source_missing", "source_unreadable"})
"""Refusals that say as much about a function as about an image: a worker, which has a machine, says them for good."""

Failures = dict[str, list[dict[str, str]]]


@dataclass(slots=True)
class _Taken:
    """What one call has done so far."""

    items: list[tuple[int, NewItem]] = field(default_factory=list)
    """With the time at which each was created, by S3's clock."""
    ingested: Ingested = field(default_factory=Ingested)
    refused: list[Refusal] = field(default_factory=list)
    added: bool = False
    """Everything is in Truth: nothing that happens from here on loses an upload."""
    passed: int = 0
    looked_at: int = 0
    unlooked: dict[str, int] = field(default_factory=dict)
    """Why items were left to workers."""

    def leave(self, why: str) -> None:
        self.unlooked[why] = self.unlooked.get(why, 0) + 1


def handle(event: object, context: object, stores: Stores, technical: Handler | None) -> Failures:
    """Take what *event* holds; *technical* runs the stage here, None leaves it to workers.

    Raises:
        TruthUnavailableError: nothing was added; whoever called has to call again.
    """
    began_s, since_ms, tell = stores.clock.monotonic_s(), stores.clock.now_ms(), teller(stores, COMPONENT)
    until_s = began_s + seconds_left(context) - RESERVE_S
    found, taken = parse(event), _Taken()
    taken.refused += found.refused
    taken.passed = found.passed
    blind: list[str] = []
    try:
        _sort(found.arrivals, stores, taken)
        _add(stores, taken)
        if technical is not None:
            _look(stores, technical, since_ms, until_s, taken)
    except TruthUnavailableError as error:
        blind.append(str(error))
        if not taken.added:
            raise
    finally:
        tell.refused(taken.refused)
        took_s = stores.clock.monotonic_s() - began_s
        done = taken.ingested
        counts = (
            (ADDED, done.added),
            (LOOKED_AT, taken.looked_at),
            (REFUSED, len(taken.refused)),
            (DURATION, round(took_s, 6)),
        )
        said = {"changed": done.changed, "known": done.known, "passed": taken.passed, "left_to_workers": taken.unlooked}
        tell.passed("pass", counts, blind, **said)
    keep(stores.truth, COMPONENT, taken.refused, stores.clock.now_ms())
    # what a message holds and nobody can read goes to the dead letters of its queue; the document of its name says why
    names = dict.fromkeys(each.name for each in taken.refused if each.name is not None)
    return {"batchItemFailures": [{"itemIdentifier": name} for name in names]}


def _sort(arrivals: Sequence[Arrival], stores: Stores, taken: _Taken) -> None:
    """Which arrivals are uploads of ours."""
    for arrival in arrivals:
        if arrival.bucket != stores.bucket:
            taken.refused.append(Refusal("foreign_bucket", arrival.message, shown(arrival.bucket)))
            continue
        if not arrival.key.startswith("uploads/"):
            taken.passed += 1  # a derived object, told by a rule that is wider than it has to be
            continue
        try:
            upload = upload_at(arrival.key)
        except NotAnUploadError as error:
            taken.refused.append(Refusal("not_an_upload", arrival.message, shown(str(error))))
            continue
        if arrival.size is None:
            taken.refused.append(Refusal("no_size", arrival.message, shown(arrival.key)))
            continue
        told_ms = arrival.at_ms if arrival.at_ms is not None else stores.clock.now_ms()
        taken.items.append((told_ms, upload.new_item(arrival.size, told_ms)))


def _add(stores: Stores, taken: _Taken) -> None:
    """Add the items; of two about the same image, the newer one counts, here as between calls."""
    newest = {item.key: item for _, item in sorted(taken.items, key=lambda told: told[0])}
    if newest:
        take_in(stores.truth, stores.workflow, list(newest.values()), WHO, taken.ingested, again=False)
    taken.added = True


def _look(stores: Stores, technical: Handler, since_ms: int, until_s: float, taken: _Taken) -> None:
    """Look at what was added since this call began: nobody has met that before."""
    for item in stores.truth.get(taken.ingested.keys) if taken.ingested.added else ():
        if item is None or item.created_ms < since_ms:
            continue
        why = _why_not(item, stores.clock.monotonic_s() >= until_s)
        if why is None:
            why = _settle(stores, technical, item)
        if why is None:
            taken.looked_at += 1
        else:
            taken.leave(why)


def _why_not(item: Item, late: bool) -> str | None:
    """Why *item* is not looked at here."""
    record, size = item.stages.get(STAGE), item.attributes.get("size")
    if record is None or record.state is not StageState.PENDING:
        return "not_pending"
    if isinstance(size, int) and AT_ONCE_BYTES < size <= MOST_BYTES:
        return "large"
    return "no_time" if late else None


def _settle(stores: Stores, technical: Handler, item: Item) -> str | None:
    """Run the stage and commit its outcome; why it was left to a worker after all, None if it was not."""
    record = item.stages[STAGE]
    version = stores.workflow.version(STAGE, item.key.tenant)
    work = Work(item.key, STAGE, record.generation, version, item.address, item.attributes, {}, record.attempts + 1)
    outcome = _run(technical, work)
    match outcome:
        case Completed():
            why = "completed"
        case TerminalFailure(reason=reason) if reason not in LEFT_TO_WORKERS:
            why = reason
        case TerminalFailure(reason=reason) | Retry(reason=reason):
            return reason
    settle = Settle(item.key, STAGE, record.generation, record.token, version, outcome, Cause(WHO, why))
    (result,) = stores.truth.commit([settle])
    return None if isinstance(result, Committed) else "superseded"


def _run(technical: Handler, work: Work) -> Outcome:
    """The stage's answer; whatever it raises leaves the image to a worker."""
    size = work.attributes.get("size")
    if isinstance(size, int) and size > MOST_BYTES:  # said without reading half a gigabyte
        return TerminalFailure("too_large", False, {"message": f"{size} bytes, at most {MOST_BYTES} are read"})
    try:
        return technical(work)
    except TbieError as error:
        return Retry(type(error).__name__)
    except Exception as error:  # noqa: BLE001 - the same as a worker does, and the item is safe already
        return Retry(f"handler_error:{type(error).__name__}")


def _open() -> Stores:
    from parjanya.profiles.functions import open_intake  # noqa: PLC0415 - imported where a function really runs

    return open_intake(os.environ)


_opened = Opening(COMPONENT, _open)


def handler(event: Any, context: Any) -> Failures:
    """What AWS calls."""
    stores = _opened()
    technical = stores.extra.get("technical")
    return handle(event, context, stores, technical if callable(technical) else None)
