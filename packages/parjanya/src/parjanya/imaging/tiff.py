"""A bounded reader of TIFF structures: files, raw files and EXIF blocks are all made of them.

Callers: ``sniff`` tells raw files from TIFFs by it, ``exif`` reads fields, ``rawfile`` checks that the sensor data is
inside the file. Written here because every loader that opens a raw file as TIFF quietly returns its thumbnail, and
because a damaged field must cost that field, not the whole block. Never raises on content: what cannot be read is
None and noted in ``problems``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

#: Struct letter and size in bytes by TIFF type; rationals are two numbers.
_TYPES: dict[int, tuple[str, int]] = {
    1: ("B", 1), 2: ("s", 1), 3: ("H", 2), 4: ("I", 4), 5: ("II", 8), 6: ("b", 1), 7: ("s", 1), 8: ("h", 2),
    9: ("i", 4), 10: ("ii", 8), 11: ("f", 4), 12: ("d", 8), 13: ("I", 4), 16: ("Q", 8), 17: ("q", 8), 18: ("Q", 8),
}  # fmt: skip
_BYTES_LIKE = frozenset((1, 2, 6, 7))
_RATIONAL = frozenset((5, 10))

MAX_ENTRIES = 2_000  # of one directory: real ones have up to about 300
MAX_VALUE_BYTES = 1 << 20  # of one field that is read: strip tables and XMP packets are the largest
MAX_DIRECTORIES = 64  # of one structure, however they are linked

_MAGICS = frozenset((42, 0x55, 0x4F52, 0x5352))  # TIFF, Panasonic, Olympus twice; 43 is BigTIFF


@dataclass(slots=True)
class _Entry:
    kind: int
    count: int
    at: int


@dataclass(slots=True)
class Directory:
    """One IFD: fields by tag, decoded when asked for, as what is asked for rather than as what they are declared."""

    tiff: Tiff
    entries: dict[int, _Entry] = field(default_factory=dict)
    next_at: int = 0

    def __contains__(self, tag: int) -> bool:
        return tag in self.entries

    def raw(self, tag: int) -> bytes | None:
        """The bytes of the field, whatever its type."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in _TYPES:
            return None
        size = entry.count * _TYPES[entry.kind][1]
        if size > MAX_VALUE_BYTES or entry.at + size > len(self.tiff.data):
            self.tiff.problems.add(tag)
            return None
        return bytes(self.tiff.data[entry.at : entry.at + size])

    def text(self, tag: int) -> str | None:
        """The field up to its first NUL, decoded as UTF-8 or else Latin-1; None when blank or not bytes."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in _BYTES_LIKE:
            return None
        raw = (self.raw(tag) or b"").split(b"\0", 1)[0].strip()
        try:
            return raw.decode("utf-8") or None
        except UnicodeDecodeError:
            return raw.decode("latin-1").strip() or None

    def numbers(self, tag: int) -> tuple[float, ...]:
        """The field's numbers; a rational with a zero denominator is left out as not-a-number. Empty when absent."""
        entry, raw = self.entries.get(tag), self.raw(tag)
        if entry is None or raw is None:
            return ()
        letters, size = _TYPES[entry.kind]
        if letters == "s":
            return tuple(float(byte) for byte in raw)
        values = struct.unpack(self.tiff.order + letters * (len(raw) // size), raw)
        if entry.kind in _RATIONAL:
            return tuple(
                top / bottom if bottom else float("nan") for top, bottom in zip(values[::2], values[1::2], strict=True)
            )
        return tuple(float(value) for value in values)

    def integers(self, tag: int) -> tuple[int, ...]:
        """The field's numbers as whole ones. Empty when absent or not whole."""
        numbers = self.numbers(tag)
        return tuple(int(n) for n in numbers) if all(n.is_integer() for n in numbers) else ()

    def children(self, tag: int) -> Iterator[Directory]:
        """The directories that this field points to."""
        for at in self.integers(tag)[:MAX_DIRECTORIES]:
            child = self.tiff.directory(at)
            if child is not None:
                yield child


class Tiff:
    """One TIFF structure over *data* (which starts with its header)."""

    def __init__(self, data: bytes | memoryview) -> None:
        self.data = data
        self.problems: set[int] = set()
        """Tags that are there and could not be read; 0 stands for a directory."""
        self._seen: set[int] = set()
        self.order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]), "")
        self.big = False
        self.first_at = 0
        if self.order and len(data) >= 8:
            magic = struct.unpack_from(self.order + "H", data, 2)[0]
            if magic == 43 and len(data) >= 16:
                self.big = True
                self.first_at = struct.unpack_from(self.order + "Q", data, 8)[0]
            elif magic in _MAGICS:
                self.first_at = struct.unpack_from(self.order + "I", data, 4)[0]

    def first(self) -> Directory | None:
        """The directory that the header points to."""
        return self.directory(self.first_at) if self.first_at else None

    def chain(self) -> Iterator[Directory]:
        """The first directory and its successors."""
        directory = self.first()
        while directory is not None:
            yield directory
            directory = self.directory(directory.next_at) if directory.next_at else None

    def directory(self, at: int) -> Directory | None:
        """The directory at offset *at*; None when it is outside, was read before (a loop), or there are too many."""
        counter, step = ("Q", 20) if self.big else ("H", 12)
        head = struct.calcsize(counter)
        if not 0 < at <= len(self.data) - head or at in self._seen or len(self._seen) >= MAX_DIRECTORIES:
            if at not in self._seen:
                self.problems.add(0)
            return None
        self._seen.add(at)
        count = struct.unpack_from(self.order + counter, self.data, at)[0]
        fits = (len(self.data) - at - head) // step
        if count > fits or count > MAX_ENTRIES:
            self.problems.add(0)
        directory = Directory(self)
        for index in range(min(count, fits, MAX_ENTRIES)):
            self._entry(directory, at + head + index * step)
        end = at + head + count * step
        width = "Q" if self.big else "I"
        if end + struct.calcsize(width) <= len(self.data):
            directory.next_at = struct.unpack_from(self.order + width, self.data, end)[0]
        return directory

    def _entry(self, directory: Directory, at: int) -> None:
        tag, kind = struct.unpack_from(self.order + "HH", self.data, at)
        wide = "Q" if self.big else "I"
        inline = struct.calcsize(wide)
        count = struct.unpack_from(self.order + wide, self.data, at + 4)[0]
        value_at = at + 4 + inline
        size = _TYPES[kind][1] if kind in _TYPES else 0
        if size and count * size > inline:
            value_at = struct.unpack_from(self.order + wide, self.data, value_at)[0]
        directory.entries.setdefault(tag, _Entry(kind, count, value_at))
