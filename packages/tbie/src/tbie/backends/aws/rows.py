"""Items and their history as rows, and back. Pure.

A row of ``items`` holds a head (names, address, every record without its documents) as one packed text, and beside it each
document (attributes, facts, evidence) packed on its own: what a change does not touch passes through as bytes, and the
history entry of the change carries the same bytes. A document too large for that is *spilled* into pieces beside the history
of its item before the change is written, and both rows point to it.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from tbie import history
from tbie.backends.aws.keys import BESIDE, history_pk, history_sk, item_key
from tbie.core.cause import Cause
from tbie.core.errors import TruthUnavailableError
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Facts
from tbie.lifecycle import Change
from tbie.truth import HistoryEntry, Item, StageRecord, StageState

Attributes = dict[str, dict[str, Any]]
"""A row as DynamoDB's interface wants it: ``{"pk": {"S": "…"}, "v": {"N": "1"}}``."""

Document = bytes | str
"""Packed JSON, or (a string) where it was spilled to."""

SPILL_BYTES = 16_384
"""Documents packed larger than this are spilled: they would be written again with every later change of their item."""
ROW_BYTES = 300_000
"""Once a row's documents are together larger than this, the largest of them are spilled too: a row may have 400 KB."""
PIECE_BYTES = 380_000

_PLAIN_BELOW = 160  # bytes; shorter texts hardly shrink
_FORMAT = 1
_RESTORED = 2  # a history entry that came from another store, kept as that store told it
_STATES = {state.value: state for state in StageState}
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_decode = json.JSONDecoder().decode

ALL = "@feh"
"""Every kind of document."""

ATTRIBUTES = "@"
"""The document that is the item's attributes. Facts of stage x are ``f:x``, its evidence is ``e:x``."""


def pack(value: object) -> bytes:
    """JSON, compressed where that pays. Refuses NaN and what is not JSON; half pairs are escaped, so it is always ASCII."""
    text = _encode(value).encode()
    return b"j" + text if len(text) < _PLAIN_BELOW else b"z" + zlib.compress(text, 1)


def unpack(packed: bytes) -> Any:
    """What was packed."""
    text = packed[1:] if packed[:1] == b"j" else zlib.decompress(packed[1:])
    return _decode(text.decode())


class Stored(NamedTuple):
    """An item as it is kept. Records have their evidence; facts only where somebody asked for them."""

    key: ItemKey
    address: Address
    created_ms: int
    seq: int
    """That of its newest history entry: what a writer compares and sets."""
    records: Mapping[str, StageRecord]
    documents: Mapping[str, Document]


class Written(NamedTuple):
    """What one change makes of an item."""

    stored: Stored
    entry: Attributes
    """The row of ``history``."""
    spilled: Mapping[str, bytes]
    """Documents to be in place before the rows that point to them are."""


def changed(old: Stored, change: Change, now_ms: int, seq: int) -> Written:
    """*old* after *change*, with the history entry that has number *seq*.

    Raises:
        ValueError, TypeError: a document is not JSON.
    """
    own: dict[str, bytes] = {}
    records, gone = dict(old.records), set[str]()
    before, after = {}, {}
    for record in {record.stage: record for record in change.records}.values():  # the last one wins
        was = records.get(record.stage)
        if was is not None:
            before[record.stage] = history.brief(was)
        for letter, value in (("f", record.facts), ("e", record.evidence)):
            name = f"{letter}:{record.stage}"
            if value is None:
                gone.add(name)
            else:
                own[name] = pack(value)
        records[record.stage] = record
        after[record.stage] = _bare(record)
    address = None
    if change.address is not None:
        address = list(change.address)
        own[ATTRIBUTES] = pack(change.attributes or {})
    kept = {name: document for name, document in old.documents.items() if name not in gone}
    spilled = _spill(kept, own)
    placed: dict[str, Document] = {**own, **{name: _place(own[name]) for name in spilled}}
    documents = {**kept, **placed}
    stored = Stored(old.key, change.address or old.address, old.created_ms, seq, records, documents)
    entry: Attributes = {
        "pk": {"S": history_pk(old.key)},
        "sk": {"S": history_sk(seq)},
        "at": {"N": str(now_ms)},
        "r": {"B": pack([_FORMAT, *change.cause, before, after, address])},
        "d": _documents(placed),
    }
    return Written(stored, entry, {_place(own[name]): own[name] for name in spilled})


def whole(found: Item, seq: int) -> Written:
    """*found* as another store had it, without any history: what is spilled, and the item that points there."""
    own = {ATTRIBUTES: pack(found.attributes)}
    for record in found.stages.values():
        if record.facts is not None:
            own[f"f:{record.stage}"] = pack(record.facts)
        if record.evidence is not None:
            own[f"e:{record.stage}"] = pack(record.evidence)
    spilled = _spill({}, own)
    documents = {name: _place(own[name]) if name in spilled else own[name] for name in own}
    kept = Stored(found.key, found.address, found.created_ms, seq, found.stages, documents)
    return Written(kept, {}, {_place(own[name]): own[name] for name in spilled})


def told(entry: HistoryEntry, seq: int) -> tuple[Attributes, dict[str, bytes]]:
    """A row of ``history`` for a change as another store told it, and what of it is spilled."""
    packed = pack([entry.before, entry.after])
    spilled = len(packed) > SPILL_BYTES
    row: Attributes = {
        "pk": {"S": history_pk(entry.key)},
        "sk": {"S": history_sk(seq)},
        "at": {"N": str(entry.at_ms)},
        "r": {"B": pack([_RESTORED, *entry.cause])},
        "d": _documents({"h": _place(packed) if spilled else packed}),
    }
    return row, {_place(packed): packed} if spilled else {}


def _spill(kept: Mapping[str, Document], own: Mapping[str, bytes]) -> set[str]:
    """Which of an item's *own* new documents do not stay in its row."""
    out = {name for name, packed in own.items() if len(packed) > SPILL_BYTES}
    size = sum(len(document) for name, document in kept.items() if name not in own)
    size += sum(len(packed) for name, packed in own.items() if name not in out)
    if size > ROW_BYTES:
        left = sorted((len(packed), name) for name, packed in own.items() if name not in out)
        while left and size > ROW_BYTES:
            length, name = left.pop()
            out.add(name)
            size -= length
    return out


def _place(packed: bytes) -> str:
    """Name of a spilled document: its digest, and in how many pieces it is."""
    return f"{hashlib.sha256(packed).hexdigest()}:{-(-len(packed) // PIECE_BYTES)}"


def piece_keys(key: ItemKey, place: str) -> list[tuple[str, str]]:
    """Where in ``history`` the pieces of a spilled document of *key* are, in order."""
    name, _, count = place.partition(":")
    return [(history_pk(key), f"{BESIDE}{name}#{number:04}") for number in range(int(count))]


def pieces(key: ItemKey, place: str, packed: bytes) -> list[Attributes]:
    """The rows of a spilled document."""
    return [
        {"pk": {"S": pk}, "sk": {"S": sk}, "b": {"B": packed[at * PIECE_BYTES : (at + 1) * PIECE_BYTES]}}
        for at, (pk, sk) in enumerate(piece_keys(key, place))
    ]


def item_row(stored: Stored) -> Attributes:
    """The row of ``items``."""
    pk, sk = item_key(stored.key)
    head = [_FORMAT, *stored.key, *stored.address, stored.created_ms, [_bare(r) for r in stored.records.values()]]
    return {
        "pk": {"S": pk},
        "sk": {"S": sk},
        "v": {"N": str(stored.seq)},
        "r": {"B": pack(head)},
        "d": _documents(stored.documents),
    }


def places(row: Attributes, letters: str) -> list[str]:
    """Documents of *row* (of ``items`` or ``history``) that were spilled, of the kinds in *letters* (``"@fe"``: all)."""
    return [value["S"] for name, value in row["d"]["M"].items() if "S" in value and name[0] in letters]


def stored(row: Attributes, with_facts: bool, fetched: Mapping[str, bytes]) -> Stored:
    """The item in *row*. *fetched* holds the spilled documents that are wanted (``places``)."""
    head, documents = unpack(row["r"]["B"]), _read_documents(row)
    _known(head[0], "items")
    key = ItemKey(head[1], head[2])
    records = {bare[0]: _record(bare, documents, with_facts, fetched) for bare in head[6]}
    return Stored(key, Address(head[3], head[4]), head[5], int(row["v"]["N"]), records, documents)


def key_of(row: Attributes) -> ItemKey:
    """The true name of the item in a row of ``items``."""
    head = unpack(row["r"]["B"])
    return ItemKey(head[1], head[2])


def item(found: Stored, fetched: Mapping[str, bytes]) -> Item:
    """As ``TruthStore.get`` gives it; *found* must have been read with facts."""
    attributes = _document(found.documents, ATTRIBUTES, fetched) or {}
    return Item(found.key, found.address, attributes, found.created_ms, found.records)


def new(key: ItemKey, address: Address, now_ms: int) -> Stored:
    """An item of which nothing is known yet."""
    return Stored(key, address, now_ms, 0, {}, {})


def history_entry(key: ItemKey, row: Attributes, fetched: Mapping[str, bytes]) -> HistoryEntry:
    """The change in a row of ``history``."""
    head, documents = unpack(row["r"]["B"]), _read_documents(row)
    seq, at_ms = int(row["sk"]["S"]), int(row["at"]["N"])
    if head[0] == _RESTORED:
        before, after = _value(documents["h"], fetched)
        return HistoryEntry(seq, key, at_ms, Cause(head[1], head[2]), before, after)
    _known(head[0], "history")
    after = {stage: history.plain(_record(bare, documents, True, fetched)) for stage, bare in head[4].items()}
    if head[5] is not None:
        after["@item"] = {"address": head[5], "attributes": _document(documents, ATTRIBUTES, fetched)}
    return HistoryEntry(seq, key, at_ms, Cause(head[1], head[2]), head[3], after)


def size_of(row: Attributes) -> int:
    """About how many bytes *row* has for DynamoDB; never less."""
    size = 0
    for name, value in row.items():
        size += (len(name) if name.isascii() else 4 * len(name)) + 4
        for held in value.values():  # there is one
            if isinstance(held, dict):
                size += size_of(held)
            else:
                size += len(held) if isinstance(held, bytes) or held.isascii() else len(held.encode())
    return size


def _bare(record: StageRecord) -> list[object]:
    """A record without its documents."""
    return [record.stage, record.state, *record[2:11], record.resets]  # a state is written as its text


def _record(
    bare: list[Any], documents: Mapping[str, Document], with_facts: bool, fetched: Mapping[str, bytes]
) -> StageRecord:
    evidence = _document(documents, f"e:{bare[0]}", fetched)
    facts = _document(documents, f"f:{bare[0]}", fetched) if with_facts else None
    return StageRecord._make((bare[0], _STATES[bare[1]], *bare[2:11], evidence, facts, bare[11]))


def _document(documents: Mapping[str, Document], name: str, fetched: Mapping[str, bytes]) -> Facts | None:
    found = documents.get(name)
    if found is None:
        return None
    value: Facts = _value(found, fetched)
    return value


def _value(found: Document, fetched: Mapping[str, bytes]) -> Any:
    return unpack(fetched[found] if isinstance(found, str) else found)


def _documents(documents: Mapping[str, Document]) -> dict[str, Any]:
    typed = {name: {"S": each} if isinstance(each, str) else {"B": each} for name, each in documents.items()}
    return {"M": typed}


def _read_documents(row: Attributes) -> dict[str, Document]:
    return {name: value["S"] if "S" in value else value["B"] for name, value in row["d"]["M"].items()}


def _known(format_: int, table: str) -> None:
    if format_ != _FORMAT:
        raise TruthUnavailableError(f"a row of {table} has format {format_}, this version knows {_FORMAT}: upgrade it")
