"""What lies in a queue and what the register says of it, as data. Pure.

A message in SQS cannot be changed, so a message that comes back later is a new *copy* of the same intent: it carries how many
receives are behind it. The register has one row for each (stage, item): which copy was sent last. Whoever holds a copy that is
neither that one nor younger holds something superseded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from tbie.core.keys import Address, ItemKey
from tbie.intent import Envelope

MAX_BODY_BYTES = 1_048_576 - 4_096
"""Of one message, and of one batch of ten, less room for its attributes."""
SHARDS = 4
"""Partitions that the rows of one stage are spread over: one takes a thousand writes in a second."""
_MOST = 2**53
_LONGEST = 200_000
_ASKED_AGAIN = 128
"""Names made last are kept: each is asked for several times within one batch."""
_encode = json.JSONEncoder(separators=(",", ":"), default=repr).encode


class Copy(NamedTuple):
    """One message as it lies in a queue. Times are epoch milliseconds."""

    envelope: Envelope
    sent_ms: int
    """When the intent was first sent."""
    at_ms: int
    """When this copy was sent."""
    nth: int = 0
    """Copies of the same intent before this one."""
    behind: int = 0
    """Receives of earlier copies that count."""
    due_ms: int = 0
    """Nobody gets it before; 0 if it may be had at once."""
    turn: int = 0
    """Its place among those sent at the same moment."""


class Name(NamedTuple):
    """The key of a row in the register table."""

    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class Death:
    """Why nobody will work on a message any more."""

    reason: str
    evidence: Mapping[str, object]
    died_ms: int
    receives: int


@dataclass(frozen=True, slots=True)
class Row:
    """What the register says of one (stage, item)."""

    token: str
    mid: str
    """The identifier that SQS gave to the copy sent last."""
    sent_ms: int
    at_ms: int
    nth: int
    behind: int
    due_ms: int
    address: Address
    death: Death | None = None

    @property
    def since_ms(self) -> int:
        """Since when somebody could have taken it."""
        return max(self.sent_ms, self.due_ms)


class ForeignError(ValueError):
    """A message that no reconciler sent: anybody with the permission to send can put anything into a queue."""


@lru_cache(maxsize=_ASKED_AGAIN)
def name_of(stage: str, key: ItemKey) -> Name:
    """Where the row of (stage, item) is. Digests: names come from outside, and keys of a table have an end."""
    digest = hashlib.sha256(ascii_json(list(key)).encode()).hexdigest()[:40]
    return Name(f"{stage}#{int(digest[:2], 16) % SHARDS}", digest)


def partitions(stage: str) -> list[str]:
    """Every partition of a stage."""
    return [f"{stage}#{shard}" for shard in range(SHARDS)]


@lru_cache(maxsize=_ASKED_AGAIN)
def group_of(tenant: str) -> str:
    """The message group of a tenant. SQS serves groups in turn; it accepts only some characters, so it is a digest."""
    return hashlib.sha256(tenant.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def ascii_json(value: object) -> str:
    """Compact JSON of printable ASCII: SQS refuses some control characters, DynamoDB lone surrogates."""
    return _encode(value)


def to_body(copy: Copy) -> str:
    """The text of a message."""
    e = copy.envelope
    where = [*e.key, e.stage, e.generation, e.token, e.version, *e.address, e.expected]
    return ascii_json({"v": 1, "e": where, "c": copy[1:]})


def from_body(text: str, stage: str) -> Copy:
    """The copy that ``to_body`` wrote for a queue of *stage*.

    Raises:
        ForeignError: nobody here wrote that; the message says what is wrong with it.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ForeignError(f"not JSON: {type(error).__name__}") from error
    if not isinstance(found, dict) or found.get("v") != 1:
        raise ForeignError("not an intent of this version")
    e, c = found.get("e"), found.get("c")
    if not isinstance(e, list) or not isinstance(c, list) or len(e) != 9 or len(c) != 6:
        raise ForeignError("not the fields of an intent")
    if not all(_text(each) for n, each in enumerate(e) if n != 3) or not all(_number(n) for n in (e[3], *c)):
        raise ForeignError("fields of an intent with values that are none")
    if not _utf8(e[4]):
        raise ForeignError("a token that is no text")
    if e[2] != stage:
        raise ForeignError("an intent of another stage")
    envelope = Envelope(ItemKey(e[0], e[1]), e[2], e[3], e[4], e[5], Address(e[6], e[7]), e[8])
    return Copy(envelope, *c)


def _text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


def _utf8(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST


def superseded(copy: Copy, mid: str, row: Row | None) -> bool:
    """Whether the register proves that something at least as new as this copy was sent for its item.

    No row proves nothing: it is written after the message was sent, and the whole register may be gone.
    """
    if row is None:
        return False
    same = row.token == copy.envelope.token
    if same and row.death is not None:
        return True
    if same and row.mid == mid:
        return False
    return (row.at_ms, row.nth) >= (copy.at_ms, copy.nth) if same else row.at_ms >= copy.at_ms


def row_of(copy: Copy, mid: str) -> Row:
    """The row of a copy that was sent."""
    e = copy.envelope
    return Row(e.token, mid, copy.sent_ms, copy.at_ms, copy.nth, copy.behind, copy.due_ms, e.address)


def write_row(row: Row) -> dict[str, Any]:
    """The attributes of a row, as DynamoDB wants them, without its key."""
    numbers = {"sent": row.sent_ms, "at": row.at_ms, "nth": row.nth, "behind": row.behind, "due": row.due_ms}
    item: dict[str, Any] = {name: {"N": str(value)} for name, value in numbers.items()}
    item |= {"token": {"S": row.token}, "mid": {"S": row.mid}, "address": {"S": ascii_json(list(row.address))}}
    if row.death is not None:
        item["death"] = {"S": write_death(row.death)}
    return item


def read_row(item: Mapping[str, Any]) -> Row | None:
    """The row of an item; None if nobody here wrote it."""
    try:
        sent, at, nth, behind, due = (int(item[name]["N"]) for name in ("sent", "at", "nth", "behind", "due"))
        bucket, address = json.loads(item["address"]["S"])
        death = read_death(item["death"]["S"]) if "death" in item else None
        where = Address(str(bucket), str(address))
        return Row(item["token"]["S"], item["mid"]["S"], sent, at, nth, behind, due, where, death)
    except (KeyError, ValueError, TypeError, RecursionError):
        return None


def write_death(death: Death, longest: int = 100_000) -> str:
    """As text. Evidence that would not fit into a row is replaced by its size."""
    text = ascii_json([death.reason[:1_000], dict(death.evidence), death.died_ms, death.receives])
    if len(text) <= longest:
        return text
    return ascii_json([death.reason[:1_000], {"evidence_bytes": len(text)}, death.died_ms, death.receives])


def read_death(text: str) -> Death:
    """What ``write_death`` wrote."""
    reason, evidence, died_ms, receives = json.loads(text)
    return Death(str(reason), dict(evidence), int(died_ms), int(receives))
