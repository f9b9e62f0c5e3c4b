"""Names as keys of DynamoDB: valid UTF-8, bounded, never empty, apart where the names are apart, in the order of the names. Pure.

A partition key may have 2,048 bytes and a sort key 1,024; a name may have any length and hold half of a surrogate pair (a
file name that is no text). What does not fit is cut and told apart by its digest; the true name stands in the row.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache

from tbie.core.keys import ItemKey

MOST_BYTES = 900
"""Of a name that stands in a key as it is. With digest and prefix it stays below 1,024, and two of them below 2,048."""

SHARDS = 4
"""Partition keys that the items of a tenant, or the open rows of a stage, are spread over: each takes about 1,000 writes of a
KB in a second. Never to be changed for a system that has rows: keys are made with it."""

_ASKED_AGAIN = 128
"""Keys made last are kept: each is asked for several times while one item is changed."""

_ESCAPE = "\ue000"
_ODD = re.compile("[\ud800-\udfff\ue000]")


def _escaped(match: re.Match[str]) -> str:
    """Half a pair sorts below U+E000 and above everything before it, as it does in Python; U+E000 itself after all of them."""
    found = match.group()
    return _ESCAPE + ("z" if found == _ESCAPE else f"{ord(found):x}")


def name_key(name: str) -> str:
    """*name* as (part of) a key. Sorts by UTF-8 bytes as names do by code points, unless their first 900 bytes are equal."""
    if name.isascii() and len(name) <= MOST_BYTES:
        return name
    text = _ODD.sub(_escaped, name)
    whole = text.encode()
    if len(whole) <= MOST_BYTES:
        return text
    cut = whole[:MOST_BYTES].decode(errors="ignore")  # never shorter than 897 bytes, so never equal to a short name
    return f"{cut}#{hashlib.sha256(whole).hexdigest()}"


def sort_key(name: str) -> str:
    """*name* as a whole sort key; also the empty name, which DynamoDB would refuse."""
    return f"={name_key(name)}"


@lru_cache(maxsize=_ASKED_AGAIN)
def digest(key: ItemKey) -> str:
    """Thirty-two hexadecimal characters that stand for *key* where its name would be too long."""
    tenant, item = (part.encode("utf-8", "surrogatepass") for part in key)
    return hashlib.blake2b(b"%d:%b%b" % (len(tenant), tenant, item), digest_size=16).hexdigest()


def shard_of(hexadecimal: str) -> int:
    """Which of the ``SHARDS`` a digest falls into."""
    return int(hexadecimal[:4], 16) % SHARDS


def item_pk(tenant: str, shard: int) -> str:
    """The partition of ``items`` that holds one shard of a tenant."""
    return f"{shard}#{name_key(tenant)}"


@lru_cache(maxsize=_ASKED_AGAIN)
def item_key(key: ItemKey) -> tuple[str, str]:
    """Where an item's row is."""
    return item_pk(key.tenant, shard_of(digest(key))), sort_key(key.item)


def history_pk(key: ItemKey) -> str:
    """The partition of ``history`` that holds every change of one item, and what is too large for its row."""
    tenant = name_key(key.tenant)
    return f"{len(tenant)}#{tenant}#{name_key(key.item)}"


def history_sk(seq: int) -> str:
    """Where in it a change is: below ``BESIDE``."""
    return f"{seq:020d}"


BESIDE = "~"
"""Sort keys from here on are no changes but pieces of large documents."""


def open_pk(kind: str, stage: str, shard: int) -> str:
    """The partition of ``open`` that holds one shard of one kind of rows of a stage."""
    return f"{kind}#{shard}#{name_key(stage)}"


def aged(since_ms: int, hexadecimal: str) -> str:
    """A sort key by age, then by something that never changes."""
    return f"{since_ms:020d}#{hexadecimal}"


@lru_cache(maxsize=_ASKED_AGAIN)
def ascii_key(name: str) -> str:
    """*name* as the name of an attribute: of any length, escaped as in JSON."""
    return json.dumps(name)[1:-1]


def ascii_name(attribute: str) -> str:
    """The name that ``ascii_key`` was given."""
    return str(json.loads(f'"{attribute}"')) if "\\" in attribute else attribute
