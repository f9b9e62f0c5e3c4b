"""The camera of the sample shoot: puts EXIF on a drawn picture and saves it the way cameras do.

The maker and model say plainly that no camera was involved.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base
from PIL.TiffImagePlugin import IFDRational

MAKE = "Parjanya"
MODEL = "Sketchbook 24"


@dataclass(frozen=True, slots=True)
class Shot:
    """How a frame was taken. ``taken`` is local time ``YYYY:MM:DD HH:MM:SS``; ``exposure_s`` (above, below)."""

    taken: str
    lens: str = "Sketch 35mm f/1.8"
    exposure_s: tuple[int, int] = (1, 250)
    f_number: float = 5.6
    iso: int = 200
    focal_length_mm: int = 35
    subsecond: str = "00"
    offset: str = "+02:00"
    orientation: int = 1
    position: tuple[float, float] | None = (46.5586, 7.8911)


def exif(shot: Shot) -> Image.Exif:
    """The EXIF block of *shot*."""
    block = Image.Exif()
    block[Base.Make] = MAKE
    block[Base.Model] = MODEL
    block[Base.Software] = "parjanya demo"
    block[Base.Orientation] = shot.orientation
    block[Base.DateTime] = shot.taken
    detail = block.get_ifd(IFD.Exif)
    detail[Base.DateTimeOriginal] = shot.taken
    detail[Base.DateTimeDigitized] = shot.taken
    detail[Base.OffsetTimeOriginal] = shot.offset
    detail[Base.SubsecTimeOriginal] = shot.subsecond
    detail[Base.ExposureTime] = IFDRational(*shot.exposure_s)
    detail[Base.FNumber] = IFDRational(round(shot.f_number * 10), 10)
    detail[Base.ISOSpeedRatings] = shot.iso
    detail[Base.FocalLength] = IFDRational(shot.focal_length_mm, 1)
    detail[Base.LensModel] = shot.lens
    if shot.position is not None:
        _locate(block, *shot.position)
    return block


def save(image: Image.Image, target: Path, shot: Shot | None, *, quality: int = 90) -> None:
    """Write *image* in the format that the name of *target* asks for, with the EXIF of *shot* when there is one."""
    options: dict[str, object] = {}
    match target.suffix.lower():
        case ".jpg":
            options = {"quality": quality, "subsampling": "4:2:0"}
        case ".webp":
            options = {"quality": quality, "method": 2}
        case ".tif":
            options = {"compression": "tiff_lzw"}
    if shot is not None:
        options["exif"] = exif(shot)
    image.save(target, **options)  # type: ignore[arg-type]


def _locate(block: Image.Exif, latitude: float, longitude: float) -> None:
    gps = block.get_ifd(IFD.GPSInfo)
    gps[GPS.GPSVersionID] = b"\x02\x03\x00\x00"
    gps[GPS.GPSLatitudeRef] = "N" if latitude >= 0 else "S"
    gps[GPS.GPSLatitude] = _degrees(abs(latitude))
    gps[GPS.GPSLongitudeRef] = "E" if longitude >= 0 else "W"
    gps[GPS.GPSLongitude] = _degrees(abs(longitude))


def _degrees(value: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    whole = int(value)
    minutes = int((value - whole) * 60)
    seconds = ((value - whole) * 60 - minutes) * 60
    return IFDRational(whole, 1), IFDRational(minutes, 1), IFDRational(round(seconds * 100), 100)
