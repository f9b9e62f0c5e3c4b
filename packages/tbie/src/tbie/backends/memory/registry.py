"""The small records of Truth in memory: heartbeats, documents, named settings."""

from __future__ import annotations

import json
import threading

from tbie.core.clock import Clock
from tbie.core.outcome import Facts
from tbie.truth import FORGET_AFTER_MS, Document, Heartbeat


class Registry:
    """The part of a ``TruthStore`` that is not about items."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._beats: dict[tuple[str, str], Heartbeat] = {}
        self._documents: dict[tuple[str, str], Document] = {}
        self._revision = 0
        self._meta: dict[str, str] = {}

    def beat(self, heartbeat: Heartbeat) -> None:
        old = heartbeat.at_ms - FORGET_AFTER_MS
        kept = {k: b for k, b in self._beats.items() if b.component != heartbeat.component or b.at_ms >= old}
        self._beats = {**kept, (heartbeat.component, heartbeat.instance): heartbeat}

    def heartbeats(self) -> list[Heartbeat]:
        return list(self._beats.values())

    def documents(self, kind: str) -> list[Document]:
        return sorted(document for document in list(self._documents.values()) if document.kind == kind)

    def write_document(self, kind: str, name: str, body: Facts, revision: int | None) -> Document | None:
        copied = json_copy(body)
        assert copied is not None
        with self._lock:
            old = self._documents.get((kind, name))
            if (old.revision if old is not None else None) != revision:
                return None
            self._revision += 1
            fresh = Document(kind, name, self._revision, copied, self._clock.now_ms())
            self._documents[kind, name] = fresh
            return fresh

    def drop_document(self, document: Document) -> bool:
        with self._lock:
            old = self._documents.get((document.kind, document.name))
            if old is None or old.revision != document.revision:
                return False
            del self._documents[document.kind, document.name]
            return True

    def read_meta(self, name: str) -> str | None:
        return self._meta.get(name)

    def write_meta(self, name: str, value: str) -> None:
        self._meta[name] = value


def json_copy(facts: Facts | None) -> Facts | None:
    """As a store on disk would give it back: a copy, JSON through and through. Refuses NaN and what is not JSON."""
    copied: Facts | None = None if facts is None else json.loads(json.dumps(facts, allow_nan=False))
    return copied
