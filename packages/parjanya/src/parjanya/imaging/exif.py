"""The ``exif`` facts: what the camera says about the photograph, in units, and None for what it does not say.

Callers: the stage ``technical``. Cameras write zeros, blanks and the largest integer for "unknown"; those are None
here, never a number. Damage costs the damaged field and one warning, never an exception.
"""

from __future__ import annotations

import math
import re

from parjanya.imaging.exif_locate import MAX_XMP_BYTES, Metadata
from parjanya.imaging.exif_time import taken
from parjanya.imaging.tiff import Directory

_MAKE, _MODEL, _ORIENTATION, _SOFTWARE, _ARTIST, _COPYRIGHT = 0x010F, 0x0110, 0x0112, 0x0131, 0x013B, 0x8298
_RATING, _DNG_SERIAL, _DNG_LENS = 0x4746, 0xC62F, 0xC630
_EXPOSURE, _F_NUMBER, _ISO, _SHUTTER_APEX, _APERTURE_APEX = 0x829A, 0x829D, 0x8827, 0x9201, 0x9202
_ISO_WIDE = (0x8831, 0x8832, 0x8833)  # where a 16-bit ISO of 65535 says: look here
_FLASH, _FOCAL, _FOCAL_35, _SERIAL, _LENS_SPEC, _LENS = 0x9209, 0x920A, 0xA405, 0xA431, 0xA432, 0xA434
_LAT_REF, _LAT, _LON_REF, _LON, _ALT_REF, _ALT = 1, 2, 3, 4, 5, 6

_XMP_RATING = re.compile(rb"xmp:Rating(?:\s*=\s*[\"']|>)\s*(-?\d)")
_MAX_TEXT = 500


def read_exif(found: Metadata) -> tuple[dict[str, object], list[str]]:
    """(the facts, warning codes) of *found*; every key is there, unknown values are None."""
    warnings: set[str] = set()
    focal_35 = _positive(found, _FOCAL_35)
    facts: dict[str, object] = {
        "make": _text(found.main, _MAKE),
        "model": _text(found.main, _MODEL),
        "lens": _lens(found),
        "serial": _either_text(found, _SERIAL) or _text(found.main, _DNG_SERIAL),
        "orientation": found.orientation_written or _orientation(found.main),
        "iso": _iso(found),
        "exposure_s": _exposure(found),
        "f_number": _f_number(found),
        "focal_length_mm": _rounded(_positive(found, _FOCAL), 2),
        "focal_length_35mm": None if focal_35 is None else round(focal_35),
        "flash_fired": _flash(found),
        "software": _text(found.main, _SOFTWARE),
        "artist": _text(found.main, _ARTIST),
        "copyright": _text(found.main, _COPYRIGHT),
        "rating": _rating(found),
        "taken": taken(found, warnings),
        "gps": _gps(found.gps, warnings),
    }
    if found.damaged:
        warnings.add("exif_damaged")
    return facts, sorted(warnings)


def _text(directory: Directory | None, tag: int) -> str | None:
    text = directory.text(tag) if directory is not None else None
    cleaned = " ".join("".join(c if c.isprintable() else " " for c in text).split()) if text else ""
    return cleaned[:_MAX_TEXT] or None


def _either_text(found: Metadata, tag: int) -> str | None:
    return _text(found.exif, tag) or _text(found.main, tag)


def _numbers(found: Metadata, tag: int) -> tuple[float, ...]:
    """From the EXIF directory, or the main one, where raw files of early cameras keep them."""
    for directory in (found.exif, found.main):
        numbers = directory.numbers(tag) if directory is not None else ()
        if numbers:
            return numbers
    return ()


def _positive(found: Metadata, tag: int, below: float = 1e5) -> float | None:
    numbers = _numbers(found, tag)
    return numbers[0] if numbers and math.isfinite(numbers[0]) and 0 < numbers[0] < below else None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _orientation(main: Directory | None) -> int | None:
    values = main.integers(_ORIENTATION) if main is not None else ()
    return values[0] if values and 1 <= values[0] <= 8 else None


def _iso(found: Metadata) -> int | None:
    values = [n for n in _numbers(found, _ISO) if 0 < n < 65535]
    if not values:
        values = [n for tag in _ISO_WIDE for n in _numbers(found, tag)[:1] if 0 < n < 1e8]
    return int(values[0]) if values else None


def _exposure(found: Metadata) -> float | None:
    seconds = _positive(found, _EXPOSURE, below=1e6)
    if seconds is None:
        apex = _numbers(found, _SHUTTER_APEX)
        seconds = 2.0 ** -apex[0] if apex and -20 < apex[0] < 20 and apex[0] != 0 else None
    return None if seconds is None else float(f"{seconds:.6g}")


def _f_number(found: Metadata) -> float | None:
    value = _positive(found, _F_NUMBER, below=1000)
    if value is None:
        apex = _numbers(found, _APERTURE_APEX)
        value = math.sqrt(2) ** apex[0] if apex and 0 < apex[0] < 20 else None
    return _rounded(value, 2)


def _flash(found: Metadata) -> bool | None:
    values = _numbers(found, _FLASH)
    return bool(int(values[0]) & 1) if values and math.isfinite(values[0]) else None


def _lens(found: Metadata) -> str | None:
    named = _either_text(found, _LENS)
    if named is not None and named.strip("-. 0") and named.lower() not in ("unknown", "none", "n/a"):
        return named
    spec = _numbers(found, _LENS_SPEC) or (found.main.numbers(_DNG_LENS) if found.main is not None else ())
    if len(spec) != 4 or not math.isfinite(spec[0]) or spec[0] <= 0:
        return None
    shortest, longest, widest, widest_at_longest = spec
    text = f"{shortest:g}-{longest:g}mm" if math.isfinite(longest) and longest > shortest else f"{shortest:g}mm"
    if math.isfinite(widest) and widest > 0:
        text += f" f/{widest:g}"
        if math.isfinite(widest_at_longest) and widest_at_longest > widest:
            text += f"-{widest_at_longest:g}"
    return text


def _rating(found: Metadata) -> int | None:
    """Stars: -1 (rejected) to 5. 0 is how most programs write "not rated yet", and is kept as what it says."""
    values = found.main.integers(_RATING) if found.main is not None else ()
    if values:
        return values[0] if -1 <= values[0] <= 5 else None
    match = _XMP_RATING.search(found.xmp[:MAX_XMP_BYTES]) if found.xmp else None
    stars = int(match[1]) if match else None
    return stars if stars is not None and -1 <= stars <= 5 else None


def _gps(gps: Directory | None, warnings: set[str]) -> dict[str, float | None] | None:
    if gps is None or _LAT not in gps or _LON not in gps:
        return None
    lat = _degrees(gps, _LAT, _LAT_REF, "S")
    lon = _degrees(gps, _LON, _LON_REF, "W")
    if lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180 or (lat == 0 and lon == 0):
        warnings.add("gps_invalid")  # 0, 0 lies in the sea, and is where receivers without a fix are
        return None
    altitude = gps.numbers(_ALT)
    alt_m: float | None = None
    if altitude and math.isfinite(altitude[0]) and abs(altitude[0]) < 100_000:
        below_sea = gps.integers(_ALT_REF)[:1] in ((1,), (ord("1"),))
        alt_m = round(-altitude[0] if below_sea else altitude[0], 2)
    return {"lat": round(lat, 7), "lon": round(lon, 7), "alt_m": alt_m}


def _degrees(gps: Directory, tag: int, ref_tag: int, negative: str) -> float | None:
    parts = list(gps.numbers(tag)[:3])
    while len(parts) > 1 and math.isnan(parts[-1]):
        parts.pop()  # 0/0 seconds: some phones have none
    if not parts or not all(math.isfinite(part) for part in parts):
        return None
    value = math.fsum(part / 60.0**power for power, part in enumerate(parts))
    ref = (gps.text(ref_tag) or "").upper()
    return -abs(value) if ref.startswith(negative) else float(value)
