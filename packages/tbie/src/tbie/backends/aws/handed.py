"""How one worker's hand stands in the register: packed, in as many rows as it needs. Pure.

A row takes 400 KB, a message in it about 450 bytes, most of them the handle of its receive, which does not compress. A worker
of a stage that compares items may hold ten thousand.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tbie.backends.aws.copies import Name, ascii_json

SHARDS = 4
PART = 500
"""Messages of one row."""
_LONGEST = 2**24


def names(owner: str, first: int, beyond: int) -> list[Name]:
    """The rows number *first* up to *beyond* of what *owner* holds."""
    digest = hashlib.sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()[:40]
    shard = f"hand#{int(digest[:2], 16) % SHARDS}"
    return [Name(shard, digest if part == 0 else f"{digest}#{part:04d}") for part in range(first, beyond)]


def rows(owner: str, held: Sequence[Sequence[object]], gone_s: int) -> list[dict[str, Any]]:
    """What *owner* holds, as rows; DynamoDB may delete them after *gone_s*."""
    parts = [held[start : start + PART] for start in range(0, len(held), PART)]
    return [
        {
            "pk": {"S": name.pk},
            "sk": {"S": name.sk},
            "held": {"B": zlib.compress(ascii_json([owner, part]).encode(), 1)},
            "gone_s": {"N": str(gone_s)},
        }
        for name, part in zip(names(owner, 0, len(parts)), parts, strict=True)
    ]


def read(item: Mapping[str, Any], owner: str | None = None) -> Iterator[Any]:
    """What a row holds, of *owner* alone if one is given; nothing if nobody here wrote it."""
    try:
        whose, held = json.loads(zlib.decompressobj().decompress(item["held"]["B"], _LONGEST))
    except (KeyError, ValueError, TypeError, zlib.error):
        return
    if owner in (None, whose) and isinstance(held, list):
        yield from held
