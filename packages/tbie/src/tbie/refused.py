"""What came from outside and nobody could do anything with, kept in Truth for a while: a diagnosis finds it, a person can look.

A document for each, named by what was refused: the same record that comes again is the same document. Bounded, the oldest go.
Truth being away loses the note and nothing else: the log has it too, and a message of a queue lies in its dead letters.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tbie.core.errors import TruthUnavailableError
from tbie.core.refusal import Refusal
from tbie.truth import Document, TruthStore

REFUSED = "refused"
"""The kind of the documents."""
KEPT = 50
"""Documents that stay; of a flood, the latest."""
STANDS_MS = 86_400_000
"""How long a refusal is told: a day, so that whoever looks once a day sees it. The sender may never come again."""
_MOST = 400
"""Characters of one member of a document: what ``excerpt`` gives of anything but rare letters fits."""


class Kept(NamedTuple):
    """What one document says."""

    component: str
    code: str
    record: str | None
    evidence: str
    at_ms: int
    """When it was refused."""


def keep(truth: TruthStore, component: str, refused: Sequence[Refusal], now_ms: int) -> None:
    """Remember *refused*, of which *component* could make nothing. One that was kept before is written anew after a day."""
    if not refused:
        return
    with contextlib.suppress(TruthUnavailableError):
        _keep(truth, component, refused[:KEPT], now_ms)


def _keep(truth: TruthStore, component: str, refused: Sequence[Refusal], now_ms: int) -> None:
    known = {document.name: document for document in truth.documents(REFUSED)}
    for each in refused:
        said = (component, each.code, each.name or "", each.evidence)
        name = hashlib.sha256("\0".join(said).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        before = known.get(name)
        if before is not None and now_ms - before.updated_ms < STANDS_MS:
            continue
        body = {
            "component": component,
            "code": each.code,
            "record": each.name,
            "evidence": each.evidence,
            "at_ms": now_ms,
        }
        written = truth.write_document(REFUSED, name, body, None if before is None else before.revision)
        if written is not None:
            known[name] = written
    for document in sorted(known.values(), key=lambda found: found.updated_ms)[: max(0, len(known) - KEPT)]:
        truth.drop_document(document)


def read(document: Document) -> Kept:
    """What *document* says, whatever its body is: what cannot be read of it is ``unknown``, and its time is Truth's own."""
    held: object = document.body
    body = held if isinstance(held, Mapping) else {}
    told = body.get("at_ms")
    if not isinstance(told, int) or isinstance(told, bool) or not 0 <= told <= document.updated_ms:
        told = document.updated_ms
    return Kept(
        _text(body.get("component")) or "unknown",
        _text(body.get("code")) or "unknown",
        _text(body.get("record")),
        _text(body.get("evidence")) or "unknown",
        told,
    )


def _text(value: object) -> str | None:
    """A string, bounded and printable; what was escaped before is left as it is."""
    if not isinstance(value, str) or not value:
        return None
    short = value[:_MOST]
    return short if short.isascii() and short.isprintable() else ascii(short)[1:-1][:_MOST]
