"""What a file is, by its content and never by its name.

Callers: ``decode`` routes by it, discovery asks ``looks_like_an_image`` about files without an image suffix. Raw
files are told apart *before* TIFF: most are TIFFs whose first picture is a thumbnail of 160 pixels, which every
generic loader returns without a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from parjanya.imaging.boxes import brands
from parjanya.imaging.refusal import ImageRefused
from parjanya.imaging.tiff import Directory, Tiff

HEAD_BYTES = 512


@dataclass(frozen=True, slots=True)
class Kind:
    """A format. ``raw_kind`` names the camera maker's variant where ``format`` is RAW."""

    format: str
    mime: str
    raw_kind: str | None = None


JPEG = Kind("JPEG", "image/jpeg")
PNG = Kind("PNG", "image/png")
WEBP = Kind("WEBP", "image/webp")
TIFF = Kind("TIFF", "image/tiff")
GIF = Kind("GIF", "image/gif")
BMP = Kind("BMP", "image/bmp")
HEIF = Kind("HEIF", "image/heif")
AVIF = Kind("AVIF", "image/avif")
JXL = Kind("JXL", "image/jxl")

_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG", PNG),  # the rest of the signature tells damage by line-end conversion: corrupt, not foreign
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"\xff\x0a", JXL),
    (b"\0\0\0\x0cJXL \r\n\x87\n", JXL),
    (b"FUJIFILMCCD-RAW", Kind("RAW", "image/x-fuji-raf", "RAF")),
    (b"IIU\0", Kind("RAW", "image/x-panasonic-rw2", "RW2")),
    (b"IIRO", Kind("RAW", "image/x-olympus-orf", "ORF")),
    (b"IIRS", Kind("RAW", "image/x-olympus-orf", "ORF")),
    (b"MMOR", Kind("RAW", "image/x-olympus-orf", "ORF")),
    (b"\0MRM", Kind("RAW", "image/x-minolta-mrw", "MRW")),
)
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"))
_AVIF_BRANDS = frozenset((b"avif", b"avis"))

_KNOWN_BUT_NOT_DECODED: tuple[tuple[int, bytes, str], ...] = (
    (0, b"8BPS", "Photoshop document"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000 codestream"),
    (0, b"\0\0\1\0", "Windows icon"),
    (0, b"icns", "macOS icon"),
    (0, b"DDS ", "DirectDraw surface"),
    (0, b"BLP1", "Blizzard texture"),
    (0, b"BLP2", "Blizzard texture"),
    (0, b"\x01\xda", "SGI image"),
    (0, b"%!PS", "PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript with a preview"),
    (0, b"%PDF", "PDF"),
    (0, b"DanM", "Microsoft Paint 1"),
    (0, b"LinS", "Microsoft Paint 2"),
    (0, b"<svg", "SVG"),
    (0, b"HEAPCCDR", "Canon CRW, superseded in 2004"),
    (0, b"FOVb", "Sigma X3F"),
    (4, b"\x11\xaf", "FLI animation"),
    (4, b"\x12\xaf", "FLC animation"),
    (0, b"\x1aE\xdf\xa3", "Matroska video"),
    (4, b"ftypqt", "QuickTime video"),
    (4, b"ftypmp4", "MP4 video"),
    (4, b"ftypisom", "MP4 video"),
    (4, b"ftypM4V", "MP4 video"),
)

_DNG_VERSION, _MAKE, _PHOTOMETRIC, _COMPRESSION, _SUB_IFDS = 0xC612, 0x010F, 0x0106, 0x0103, 0x014A
_SENSOR_PHOTOMETRICS = frozenset((32803, 34892))  # colour filter array, linear raw
_SENSOR_COMPRESSIONS = frozenset((32767, 32769, 32770, 34713, 65000, 65535))  # ARW, packed, SRW, NEF, KDC, PEF
_BY_MAKE = (
    ("NIKON", "NEF", "image/x-nikon-nef"),
    ("SONY", "ARW", "image/x-sony-arw"),
    ("PENTAX", "PEF", "image/x-pentax-pef"),
    ("RICOH", "PEF", "image/x-pentax-pef"),
    ("SAMSUNG", "SRW", "image/x-samsung-srw"),
    ("HASSELBLAD", "3FR", "image/x-hasselblad-3fr"),
    ("PHASE ONE", "IIQ", "image/x-phaseone-iiq"),
    ("CANON", "CR2", "image/x-canon-cr2"),
    ("EPSON", "ERF", "image/x-epson-erf"),
    ("KODAK", "KDC", "image/x-kodak-kdc"),
)

_SUFFIXES: dict[str, frozenset[str]] = {
    "JPEG": frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")),
    "PNG": frozenset((".png", ".apng")),
    "WEBP": frozenset((".webp",)),
    "TIFF": frozenset((".tif", ".tiff")),
    "GIF": frozenset((".gif",)),
    "BMP": frozenset((".bmp", ".dib")),
    "HEIF": frozenset((".heic", ".heif", ".hif", ".heics", ".heifs")),
    "AVIF": frozenset((".avif", ".avifs", ".heif", ".heic", ".hif")),
    "JXL": frozenset((".jxl",)),
    "NEF": frozenset((".nef", ".nrw")),
    "ARW": frozenset((".arw", ".sr2", ".srf")),
    "RW2": frozenset((".rw2", ".raw", ".rwl")),
    "IIQ": frozenset((".iiq", ".tif")),
    "KDC": frozenset((".kdc", ".dcr")),
}


def sniff(data: bytes) -> Kind:
    """The format of *data*, which is a whole file: a raw file's marks may lie anywhere in it.

    Raises:
        ImageRefused: ``empty_file``, ``unsupported_format`` (a format known by name) or ``not_an_image``.
    """
    if not data:
        raise ImageRefused("empty_file", "the file has no bytes")
    found = _by_head(data)
    if found is TIFF:
        return _raw_of_tiff(data) or TIFF
    if found is not None:
        return found
    name = _name_of_other(data)
    if name is not None:
        raise ImageRefused("unsupported_format", f"this is a {name}", evidence={"found": name})
    raise ImageRefused("not_an_image", f"starts with {data[:8].hex(' ')}, which begins no image format")


def looks_like_an_image(path: Path) -> bool:
    """Whether the first bytes at *path* begin an image that can be decoded. The name plays no part.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        return _by_head(file.read(HEAD_BYTES)) is not None


def suffix_fits(kind: Kind, suffix: str) -> bool:
    """Whether a file of *kind* may have *suffix* (with its dot, any case). No suffix fits everything."""
    name = kind.raw_kind or kind.format
    return not suffix or suffix.lower() in _SUFFIXES.get(name, frozenset((f".{name.lower()}",)))


def _by_head(head: bytes) -> Kind | None:
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] in _TIFF_MAGIC:
        return TIFF
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[:2] == b"BM" and head[14:18] in (b"\x0c\0\0\0", b"\x10\0\0\0", b"\x28\0\0\0", b"\x34\0\0\0",
                                            b"\x38\0\0\0", b"\x40\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0"):  # fmt: skip
        return BMP
    return _by_brand(brands(head))


def _by_brand(found: frozenset[bytes]) -> Kind | None:
    if b"crx " in found:
        return Kind("RAW", "image/x-canon-cr3", "CR3")
    if found & _AVIF_BRANDS:
        return AVIF
    return HEIF if found & _HEIF_BRANDS else None


def _raw_of_tiff(data: bytes) -> Kind | None:
    if data[8:10] == b"CR" and data[:4] == b"II*\0":
        return Kind("RAW", "image/x-canon-cr2", "CR2")
    first = Tiff(data).first()
    if first is None:
        return None
    if _DNG_VERSION in first:
        return Kind("RAW", "image/x-adobe-dng", "DNG")
    if not _holds_sensor_data(first) and not any(map(_holds_sensor_data, first.children(_SUB_IFDS))):
        return None
    make = (first.text(_MAKE) or "").upper()
    for maker, raw_kind, mime in _BY_MAKE:
        if make.startswith(maker):
            return Kind("RAW", mime, raw_kind)
    return Kind("RAW", "image/x-raw", "RAW")


def _holds_sensor_data(directory: Directory) -> bool:
    return bool(
        _SENSOR_PHOTOMETRICS.intersection(directory.integers(_PHOTOMETRIC))
        or _SENSOR_COMPRESSIONS.intersection(directory.integers(_COMPRESSION))
    )


def _name_of_other(data: bytes) -> str | None:
    for at, magic, name in _KNOWN_BUT_NOT_DECODED:
        if data.startswith(magic, at):
            return name
    if b"<svg" in data[:1024].lower():
        return "SVG"
    return None
