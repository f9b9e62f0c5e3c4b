"""When a photograph was taken, saying how that is known.

Callers: ``exif``. Cameras record the local time and, since 2016 at best, its offset from UTC. An offset is never
guessed from a place or a machine: without one, UTC is known only if the camera's GPS wrote it down.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta

from parjanya.imaging.exif_locate import Metadata
from parjanya.imaging.tiff import Directory

_GPS_TIME, _GPS_DATE = 0x0007, 0x001D
_LOCAL = re.compile(r"(\d{4})[:\-/. ](\d{1,2})[:\-/. ](\d{1,2})[T ](\d{1,2}):(\d{2})(?::(\d{2}))?")
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})$")

#: (source, in the EXIF directory?, date tag, sub-second tag, offset tag), best first.
_CANDIDATES = (
    ("exif.DateTimeOriginal", True, 0x9003, 0x9291, 0x9011),
    ("exif.DateTimeDigitized", True, 0x9004, 0x9292, 0x9012),
    ("exif.DateTime", False, 0x0132, 0x9290, 0x9010),
)
_FIRST_YEAR = 1826  # the oldest photograph there is; scans carry the date of what they show
_GPS_MAX_APART = timedelta(hours=26)  # local time and UTC of one moment are at most 14 hours apart; a fix may be old


def taken(found: Metadata, warnings: set[str]) -> dict[str, object] | None:
    """``{local, offset, utc_ms, source}`` or None when the file does not say; see the contract of ``technical``."""
    for source, in_exif, tag, subsec_tag, offset_tag in _CANDIDATES:
        # Old cameras put the fields of the EXIF directory into the main one, and some tools do the reverse.
        for directory in (found.exif, found.main) if in_exif else (found.main, found.exif):
            local = _local(directory, tag, warnings)
            if local is None:
                continue
            subsec = _first_text(found, subsec_tag)
            millis = _millis(subsec)
            offset = _offset(_first_text(found, offset_tag), warnings)
            text = local.isoformat(timespec="seconds") + (f".{millis:03d}" if millis is not None else "")
            utc_ms = _utc_ms(local, offset, millis or 0) if offset is not None else _gps_utc_ms(found.gps, local)
            return {"local": text, "offset": _offset_text(offset), "utc_ms": utc_ms, "source": source}
    return None


def _local(directory: Directory | None, tag: int, warnings: set[str]) -> datetime | None:
    text = directory.text(tag) if directory is not None else None
    if text is None:
        return None
    match = _LOCAL.match(text)
    try:
        if match is None:
            _note_unless_blank(text, warnings)
            return None
        year, month, day, hour, minute = (int(part) for part in match.groups()[:5])
        # A leap second, or the 60 that some firmware writes, becomes the last second there is.
        moment = datetime(year, month, day, hour, minute, min(int(match[6] or 0), 59))  # noqa: DTZ001 - local time
    except ValueError:
        _note_unless_blank(text, warnings)
        return None
    return moment if moment.year >= _FIRST_YEAR else None


def _note_unless_blank(text: str, warnings: set[str]) -> None:
    if text.strip("0:/- \t"):  # zeros and blanks are how a camera without a set clock says "unknown"
        warnings.add("exif_time_invalid")


def _first_text(found: Metadata, tag: int) -> str | None:
    for directory in (found.exif, found.main):
        text = directory.text(tag) if directory is not None else None
        if text is not None:
            return text
    return None


def _millis(subsec: str | None) -> int | None:
    """Sub-seconds are digits after the decimal point: "5" is 500 ms, "0512" is 51 ms."""
    digits = (subsec or "").strip()
    return int((digits + "00")[:3]) if digits.isascii() and digits.isdigit() else None


def _offset(text: str | None, warnings: set[str]) -> timedelta | None:
    if text is None:
        return None
    if text in ("Z", "z"):
        return timedelta(0)
    match = _OFFSET.match(text)
    if match is None or int(match[2]) > 14 or int(match[3]) > 59:
        if text.strip(": "):
            warnings.add("exif_time_invalid")
        return None
    value = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return -value if match[1] == "-" else value


def _offset_text(offset: timedelta | None) -> str | None:
    if offset is None:
        return None
    minutes = int(offset.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _utc_ms(local: datetime, offset: timedelta, millis: int) -> int:
    return _epoch_ms(local) - int(offset.total_seconds()) * 1000 + millis


def _gps_utc_ms(gps: Directory | None, local: datetime) -> int | None:
    """UTC from the satellites, if it can be of the same photograph as *local*."""
    if gps is None:
        return None
    match = re.match(r"(\d{4})\D(\d{1,2})\D(\d{1,2})", gps.text(_GPS_DATE) or "")
    clock = gps.numbers(_GPS_TIME)
    if match is None or len(clock) != 3 or not all(math.isfinite(part) and part >= 0 for part in clock):
        return None
    seconds = clock[0] * 3600 + clock[1] * 60 + clock[2]
    try:
        day = date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None
    if seconds >= 86_400 + 1:
        return None
    moment = datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)  # noqa: DTZ001 - compared below
    return _epoch_ms(moment) if abs(moment - local) <= _GPS_MAX_APART else None


def _epoch_ms(moment: datetime) -> int:
    return round(moment.replace(tzinfo=UTC).timestamp() * 1000)
