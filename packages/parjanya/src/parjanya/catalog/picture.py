"""The picture of an item: read, recognised and decoded once, and left for the next stage on the same worker.

Callers: the stages ``technical`` and ``preview``. Whoever finds nothing in ``scratch`` gets the same picture by decoding
the same bytes again.
"""

from __future__ import annotations

from collections.abc import Mapping

from parjanya.catalog.sources import LOCAL_FILES, Sources
from parjanya.imaging.decode import decode
from parjanya.imaging.decoded import Decoded
from parjanya.imaging.limits import Limits
from parjanya.imaging.refusal import ImageRefused
from parjanya.imaging.sniff import Kind, sniff
from parjanya.imaging.source import Source, read_source
from tbie.execution import Work

_DECODED_KEY = "picture.decoded"
_SHA256_KEY = "picture.sha256"


def see(work: Work, limits: Limits, sources: Sources = LOCAL_FILES) -> tuple[Source, Kind, Decoded]:
    """The bytes of *work*'s file, their format and their picture.

    Raises:
        ImageRefused: with any code.
    """
    size, mtime_ns = _integer(work.attributes, "size"), _integer(work.attributes, "mtime_ns")
    with sources.at(work.address, limits.max_file_bytes) as path:
        source = read_source(path, limits, size, mtime_ns)
    kind = sniff(source.data)
    return source, kind, decode(source.data, kind, limits)


def leave(work: Work, decoded: Decoded, sha256: str) -> None:
    """Keep *decoded*, the picture of the bytes with *sha256*, for the next stage of this item."""
    work.scratch[_DECODED_KEY], work.scratch[_SHA256_KEY] = decoded, sha256


def picture_of(work: Work, limits: Limits, sha256: str, sources: Sources = LOCAL_FILES) -> Decoded:
    """The picture of the bytes with *sha256*: the one that was left, or decoded again.

    Raises:
        ImageRefused: with any code; ``source_changed`` if the file holds other bytes by now.
    """
    kept = work.scratch.get(_DECODED_KEY)
    if isinstance(kept, Decoded) and work.scratch.get(_SHA256_KEY) == sha256:
        return kept
    source, _, decoded = see(work, limits, sources)
    if source.sha256 != sha256:
        raise ImageRefused(
            "source_changed",
            "the bytes are not those that the stage technical described; ingest the file again",
            retriable=True,
            evidence={"sha256": [sha256, source.sha256]},
        )
    return decoded


def _integer(attributes: Mapping[str, object], name: str) -> int | None:
    value = attributes.get(name)
    return value if isinstance(value, int) else None
