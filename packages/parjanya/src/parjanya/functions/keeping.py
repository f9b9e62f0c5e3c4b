"""What a function could do nothing with, kept in Truth for a while, so that a diagnosis finds it and a person can look.

A document for each, named by what was refused: the same record that comes again is the same document. Bounded, the oldest go.
Truth being away loses the note and nothing else: the log has it too.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence

from parjanya.functions.hostile import Refused
from tbie.core.errors import TruthUnavailableError
from tbie.truth import TruthStore

KIND = "refused"
"""The kind of the documents."""
KEPT = 50
"""Documents that stay; of a flood, the latest."""


def keep(truth: TruthStore, component: str, refused: Sequence[Refused], now_ms: int) -> None:
    """Remember *refused*, of which *component* could make nothing."""
    if not refused:
        return
    with contextlib.suppress(TruthUnavailableError):
        _keep(truth, component, refused[:KEPT], now_ms)


def _keep(truth: TruthStore, component: str, refused: Sequence[Refused], now_ms: int) -> None:
    known = {document.name: document for document in truth.documents(KIND)}
    for each in refused:
        said = (component, each.code, each.name or "", each.evidence)
        name = hashlib.sha256("\0".join(said).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        if name in known:
            continue
        body = {
            "component": component,
            "code": each.code,
            "record": each.name,
            "evidence": each.evidence,
            "at_ms": now_ms,
        }
        written = truth.write_document(KIND, name, body, None)
        if written is not None:
            known[name] = written
    for document in sorted(known.values(), key=lambda found: found.updated_ms)[: max(0, len(known) - KEPT)]:
        truth.drop_document(document)
