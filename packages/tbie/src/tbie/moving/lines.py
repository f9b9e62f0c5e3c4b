"""The lines of an export, and the hashes in them. Pure.

    {"chain":"<64 hexadecimal digits>","is":{"kind":"head","format":"tbie-truth","version":1,…}}
    {"chain":"…","is":{"kind":"document","of":…,"name":…,"body":{…}}}      any number
    {"chain":"…","is":{"kind":"setting","name":…,"value":…}}               any number
    {"chain":"…","is":{"kind":"item","tenant":…,…,"changes":2,"digest":…}} by ascending key, each followed by
    {"chain":"…","is":{"kind":"change","at_ms":…,"who":…,…}}               as many changes as it says
    {"chain":"…","is":{"kind":"end","items":…,"changes":…,…}}              the last line; its chain seals the file

``chain`` is SHA-256 over the chain of the line before and the text of ``is``: a line that is missing, added, moved or edited
breaks it from there on. ``digest`` is SHA-256 over an item's changes, one after the other, whatever store they are in; so two
stores agree about an item when its digests are equal. Hashes show damage; whoever writes a whole file anew makes new ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tbie.core.keys import ItemKey
from tbie.history import plain, whole
from tbie.truth import HistoryEntry, Item

FORMAT, VERSION = "tbie-truth", 1

START = ""
"""The chain before the first line."""

BEFORE, BETWEEN, AFTER = '{"chain":"', '","is":', "}"
HEX = 64

_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode
_canonical = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False, sort_keys=True).encode


@dataclass(slots=True)
class Counts:
    """How much of what is in an export."""

    items: int = 0
    changes: int = 0
    documents: int = 0
    settings: int = 0

    def to_json(self) -> dict[str, int]:
        """As the last line says it."""
        return {
            "items": self.items,
            "changes": self.changes,
            "documents": self.documents,
            "settings": self.settings,
        }


def line(chain: str, body: Mapping[str, object]) -> tuple[str, str]:
    """The line that says *body* after *chain*, and the chain after it."""
    text = _encode(body)
    chain = link(chain, text)
    return f"{BEFORE}{chain}{BETWEEN}{text}{AFTER}\n", chain


def link(chain: str, text: str) -> str:
    """The chain after a line whose ``is`` reads *text*."""
    return hashlib.sha256(f"{chain}{text}".encode()).hexdigest()


def head(workflow: str) -> dict[str, object]:
    """The first line. Without a time: the same Truth gives the same file."""
    return {"kind": "head", "format": FORMAT, "version": VERSION, "workflow": workflow}


def item_body(item: Item, entries: tuple[HistoryEntry, ...]) -> dict[str, object]:
    """The line of an item."""
    return {
        "kind": "item",
        "tenant": item.key.tenant,
        "item": item.key.item,
        "address": list(item.address),
        "attributes": item.attributes,
        "created_ms": item.created_ms,
        "stages": {name: plain(record) for name, record in item.stages.items()},
        "changes": len(entries),
        "digest": digest(item.key, item.created_ms, entries),
    }


def change_body(entry: HistoryEntry) -> dict[str, object]:
    """The line of one change. Its number is the store's own and stays there."""
    return {
        "kind": "change",
        "at_ms": entry.at_ms,
        "who": entry.cause.who,
        "why": entry.cause.why,
        "before": entry.before,
        "after": entry.after,
    }


def digest(key: ItemKey, created_ms: int, entries: Iterable[HistoryEntry]) -> str:
    """One hash for an item and all its changes, the same in every store: order of names in an object does not count."""
    chain = hashlib.sha256(_canonical([*key, created_ms]).encode()).hexdigest()
    for entry in entries:
        said = _canonical([entry.at_ms, *entry.cause, entry.before, whole(entry.after)])
        chain = hashlib.sha256(f"{chain}{said}".encode()).hexdigest()
    return chain
