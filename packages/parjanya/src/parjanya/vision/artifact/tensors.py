"""Which tensors a safetensors file holds, read from its header alone.

Callers: ``weights``. The format: eight bytes with the header's length (little endian), the header (a JSON object: name →
``dtype``, ``shape``, ``data_offsets``), then the values without a gap. A header is a claim of a stranger: its length, its
names, its shapes and its offsets are all held against the size of the file before any is believed.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parjanya.vision.artifact.folder import open_file
from parjanya.vision.artifact.problems import shown

MOST_HEADER_BYTES = 16 << 20
"""A model of eight billion parameters has one of 100 KB."""
MOST_DIMENSIONS = 8

_LARGEST = 2**63 - 1
_BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}


class HeaderError(ValueError):
    """The file is not safetensors, or is cut short. The message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor, without its values."""

    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} {list(self.shape)}"

    @property
    def parameters(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


def read_header(root: Path, name: str) -> dict[str, Tensor]:
    """The tensors of the file *name* inside of *root*, by name.

    Raises:
        HeaderError: it is no complete safetensors file.
        OSError: it cannot be read.
    """
    opened = open_file(root, name)
    try:
        size = os.fstat(opened).st_size
        begin = os.pread(opened, 8, 0)
        if len(begin) < 8:
            raise HeaderError(f"is no safetensors file: it has {size} bytes")
        (length,) = struct.unpack("<Q", begin)
        if length > min(MOST_HEADER_BYTES, size - 8):
            raise HeaderError(
                f"is no complete safetensors file: its header should have {length} bytes, "
                f"the file has {size} (and a header at most {MOST_HEADER_BYTES})"
            )
        header = os.pread(opened, length, 8)
    finally:
        os.close(opened)
    return parse_header(header, size - 8 - length)


def parse_header(header: bytes, data_bytes: int) -> dict[str, Tensor]:
    """The tensors that *header* declares, if they fill *data_bytes* exactly.

    Raises:
        HeaderError: they do not, or it is no header.
    """
    try:
        declared = json.loads(header, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise HeaderError(f"has a header that cannot be read: {shown(str(error))}") from error
    if not isinstance(declared, dict):
        raise HeaderError("has a header that is no object")
    declared.pop("__metadata__", None)  # free text
    spans: list[tuple[int, int, str]] = []
    tensors: dict[str, Tensor] = {}
    for name, entry in declared.items():
        tensors[name], begin, end = _tensor(name, entry)
        spans.append((begin, end, name))
    at = 0
    for begin, end, name in sorted(spans):
        if begin != at:
            raise HeaderError(f"has a header in which tensor {shown(name)} begins at byte {begin} instead of {at}")
        at = end
    if at != data_bytes:
        raise HeaderError(
            f"is cut short or was appended to: its header declares {at} bytes of values, it has {data_bytes}"
        )
    return tensors


def _tensor(name: str, entry: object) -> tuple[Tensor, int, int]:
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [begin, end], **rest} if not rest:
            if dtype not in _BITS:
                raise HeaderError(f"has a tensor {shown(name)} of the unknown kind {shown(dtype, 20)}")
            if len(shape) > MOST_DIMENSIONS or not all(_is_count(n) for n in (*shape, begin, end)):
                raise HeaderError(f"has a tensor {shown(name)} with a shape or place that cannot be")
            tensor = Tensor(dtype, tuple(shape))
            bits = tensor.parameters * _BITS[dtype]
            if bits % 8 or end - begin != bits // 8:
                raise HeaderError(f"has a tensor {shown(name)} that needs {bits} bits and is given {end - begin} bytes")
            return tensor, begin, end
        case _:
            raise HeaderError(f"has a header in which tensor {shown(name)} is not described as a tensor is")


def _is_count(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= _LARGEST


def _once(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("it uses a name twice")
    return read
