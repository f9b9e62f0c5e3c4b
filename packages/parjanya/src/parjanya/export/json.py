"""Images as one JSON document, written as the records arrive: ten thousand images never sit in memory together.

Called by ``parjanya export`` and ``parjanya curate``. ASCII only on purpose: half a surrogate pair in a file name is
then a legal escape instead of an invalid file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from parjanya.export.files import replacing
from parjanya.export.record import ImageRecord

FORMAT = "parjanya-images"
FORMAT_VERSION = 1


def write_json(records: Iterable[ImageRecord], target: Path, meta: Mapping[str, object] | None = None) -> int:
    """Write ``{"format", "format_version", "meta", "images": [...], "count"}`` to *target*; returns the count.

    Each image is `ImageRecord.to_json`: the same object that ``parjanya images`` prints. NaN and infinity are refused
    (ValueError, *target* unchanged), because most readers refuse the document that holds them.
    """
    count = 0
    with replacing(target) as stream:
        head = {"format": FORMAT, "format_version": FORMAT_VERSION, "meta": dict(meta or {})}
        stream.write(_encode(head)[:-1] + b', "images": [')
        for record in records:
            stream.write(b",\n" if count else b"\n")
            stream.write(_encode(record.to_json()))
            count += 1
        stream.write(b'\n], "count": %d}\n' % count)
    return count


def _encode(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, allow_nan=False).encode("ascii")
