"""Makes images for tests: every format this program reads, and every kind of damage it must refuse. Deterministic.

Tests add this folder to ``sys.path`` and import it. Nothing here is a photograph of anybody.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Fields = Mapping[int, tuple[int, int, bytes]]
"""TIFF fields: tag → (type, count, value bytes, little-endian)."""


def scene(width: int = 320, height: int = 200, seed: int = 0) -> Image.Image:
    """A picture without any symmetry: clouds at several scales, a bright corner at the top left, a dark right edge."""
    rng = np.random.default_rng(seed)
    light = np.zeros((height, width), np.float32)
    for cells in (3, 6, 12, 24):
        patch = Image.fromarray(rng.normal(0, 1, (cells, cells + 1)).astype(np.float32))
        light += np.asarray(patch.resize((width, height), Image.Resampling.BICUBIC)) * (120 / cells)
    light = light - light.min()
    light *= 200 / max(1e-6, float(light.max()))
    light[: max(1, height // 5), : max(1, width // 4)] += 55
    light[:, -max(1, width // 10) :] *= 0.2
    rgb = np.stack([light, light * 0.8 + 20, light * 0.6 + 40], axis=-1)
    return Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))


def encode(image: Image.Image, form: str, **options: object) -> bytes:
    """*image* as a file of Pillow's format *form*."""
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def jpeg(image: Image.Image | None = None, **options: object) -> bytes:
    """A JPEG of *image* (default: a scene) at quality 90."""
    return encode(image or scene(), "JPEG", **{"quality": 90, **options})


# --- TIFF structures, written by hand so that they can be wrong on purpose ---


def short(*values: int) -> tuple[int, int, bytes]:
    return 3, len(values), struct.pack(f"<{len(values)}H", *values)


def long(*values: int) -> tuple[int, int, bytes]:
    return 4, len(values), struct.pack(f"<{len(values)}I", *values)


def rational(*pairs: tuple[int, int]) -> tuple[int, int, bytes]:
    return 5, len(pairs), b"".join(struct.pack("<II", *pair) for pair in pairs)


def text(value: str | bytes) -> tuple[int, int, bytes]:
    raw = (value.encode() if isinstance(value, str) else value) + b"\0"
    return 2, len(raw), raw


def octets(*values: int) -> tuple[int, int, bytes]:
    return 1, len(values), bytes(values)


def directory(fields: Fields, at: int) -> bytes:
    """One IFD that will lie at offset *at*: entries, then the values that do not fit into them."""
    entries, values = b"", b""
    values_at = at + 2 + 12 * len(fields) + 4
    for tag, (kind, count, value) in sorted(fields.items()):
        if len(value) <= 4:
            place = value.ljust(4, b"\0")
        else:
            place = struct.pack("<I", values_at + len(values))
            values += value + b"\0" * (len(value) % 2)
        entries += struct.pack("<HHI", tag, kind, count) + place
    return struct.pack("<H", len(fields)) + entries + struct.pack("<I", 0) + values


def exif_block(main: Fields, exif: Fields | None = None, gps: Fields | None = None) -> bytes:
    """A TIFF structure with a main directory and, where given, an EXIF and a GPS directory."""
    fields = dict(main)
    if exif is not None:
        fields[0x8769] = long(0)
    if gps is not None:
        fields[0x8825] = long(0)
    at = 8 + len(directory(fields, 8))
    tail = b""
    for tag, child in ((0x8769, exif), (0x8825, gps)):
        if child is not None:
            fields[tag] = long(at + len(tail))
            tail += directory(child, at + len(tail))
    return b"II*\0" + struct.pack("<I", 8) + directory(fields, 8) + tail


def jpeg_with_exif(block: bytes, image: Image.Image | None = None, **options: object) -> bytes:
    """A JPEG with *block* as its EXIF segment, unchecked."""
    return with_app1(jpeg(image, **options), b"Exif\0\0" + block)


def with_app1(data: bytes, payload: bytes) -> bytes:
    """The JPEG *data* with one more APP1 segment in front."""
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + data[2:]


def dng(
    width: int = 96,
    height: int = 64,
    *,
    preview: bytes | None = None,
    orientation: int = 1,
    seed: int = 0,
    thumbnail: tuple[int, int] = (24, 16),
) -> bytes:
    """A raw file: 16-bit RGGB mosaic of a scene, an uncompressed thumbnail first, and *preview* (a JPEG) if given.

    Laid out as cameras do: the main directory is the thumbnail, the sensor data hangs below it. A loader that takes
    the first picture sees *thumbnail*. The mosaic comes last: cutting the end off leaves everything else whole.
    """
    mosaic = _mosaic(scene(width, height, seed))
    small = np.asarray(scene(*thumbnail, seed=seed + 1)).tobytes()
    sensor: dict[int, tuple[int, int, bytes]] = {
        0x00FE: long(0), 0x0100: long(width), 0x0101: long(height), 0x0102: short(16), 0x0103: short(1),
        0x0106: short(32803), 0x0111: long(0), 0x0115: short(1), 0x0116: long(height), 0x0117: long(len(mosaic)),
        0x828D: short(2, 2), 0x828E: octets(0, 1, 1, 2), 0xC61A: short(512), 0xC61D: short(16383),
    }  # fmt: skip
    embedded: dict[int, tuple[int, int, bytes]] = {}
    if preview is not None:
        with Image.open(io.BytesIO(preview)) as opened:
            w, h = opened.size
        embedded = {
            0x00FE: long(1), 0x0100: long(w), 0x0101: long(h), 0x0102: short(8, 8, 8), 0x0103: short(7),
            0x0106: short(6), 0x0111: long(0), 0x0115: short(3), 0x0116: long(h), 0x0117: long(len(preview)),
        }  # fmt: skip
    matrix = struct.pack("<18i", *(v for n in (10, -4, -1, -5, 13, 2, -1, 2, 6) for v in (n * 1000, 10000)))
    main: dict[int, tuple[int, int, bytes]] = {
        0x00FE: long(1), 0x0100: long(thumbnail[0]), 0x0101: long(thumbnail[1]), 0x0102: short(8, 8, 8),
        0x0103: short(1), 0x0106: short(2), 0x010F: text("Parjanya"), 0x0110: text("Maker One"), 0x0111: long(0),
        0x0112: short(orientation), 0x0115: short(3), 0x0116: long(thumbnail[1]), 0x0117: long(len(small)),
        0x014A: long(*([0] * (2 if embedded else 1))), 0xC612: octets(1, 4, 0, 0), 0xC613: octets(1, 1, 0, 0),
        0xC614: text("Parjanya Maker One"), 0xC621: (10, 9, matrix), 0xC628: rational((5, 10), (1, 1), (65, 100)),
        0xC65A: short(21),
    }  # fmt: skip
    sensor_at = 8 + len(directory(main, 8))
    embedded_at = sensor_at + len(directory(sensor, sensor_at))
    small_at = embedded_at + (len(directory(embedded, embedded_at)) if embedded else 0)
    preview_at = small_at + len(small)
    mosaic_at = preview_at + len(preview or b"")
    main[0x0111], sensor[0x0111] = long(small_at), long(mosaic_at)
    main[0x014A] = long(sensor_at, embedded_at) if embedded else long(sensor_at)
    data = b"II*\0" + struct.pack("<I", 8) + directory(main, 8) + directory(sensor, sensor_at)
    if embedded:
        embedded[0x0111] = long(preview_at)
        data += directory(embedded, embedded_at)
    return data + small + (preview or b"") + mosaic


def _mosaic(image: Image.Image) -> bytes:
    linear = (np.asarray(image) / 255) ** 2.2 * 15000 + 512
    cells: NDArray[np.float64] = linear[:, :, 1].copy()
    cells[0::2, 0::2] = linear[0::2, 0::2, 0] * 0.5
    cells[1::2, 1::2] = linear[1::2, 1::2, 2] * 0.65
    return cells.astype("<u2").tobytes()


def float_tiff(samples: NDArray[np.float32]) -> bytes:
    """An uncompressed grey TIFF of 32-bit floats."""
    return encode(Image.fromarray(samples), "TIFF")


# --- PNG by hand ---


def png_chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, extra: Sequence[bytes] = ()) -> bytes:
    """A PNG of raw filtered *rows*, with *extra* chunks before the pixels."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body = b"".join(extra) + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + body


def png16_grey(samples: NDArray[np.uint16]) -> bytes:
    """A 16-bit grey PNG."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    return png(samples.shape[1], samples.shape[0], 16, 0, rows)


# --- bombs: small files that ask for much ---


def png_bomb_pixels(width: int = 30_000, height: int = 30_000) -> bytes:
    """A PNG whose header promises *width* x *height* pixels; nothing needs to be behind it."""
    return png(width, height, 1, 0, b"\0")


def png_bomb_text(unpacked: int = 64 << 20) -> bytes:
    """A PNG with a compressed text of *unpacked* bytes."""
    return png(1, 1, 8, 0, b"\0\0", [png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"A" * unpacked, 9))])


def png_bomb_profile(unpacked: int = 64 << 20) -> bytes:
    """A PNG with a colour profile that unpacks to *unpacked* bytes."""
    return png(1, 1, 8, 0, b"\0\0", [png_chunk(b"iCCP", b"p\0\0" + zlib.compress(b"\0" * unpacked, 9))])


def jpeg_bomb_scans(scans: int, width: int = 64, height: int = 64) -> bytes:
    """A progressive JPEG whose last pass is repeated until there are more than *scans*."""
    data = encode(Image.new("L", (width, height), 128), "JPEG", progressive=True, quality=50)
    last = data.rfind(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + data[-2:]


def jpeg_bomb_separate_scans(more: int) -> bytes:
    """A sequential JPEG whose three components come in scans of their own, the first again *more* times."""
    data = encode(Image.new("RGB", (64, 64), "grey"), "JPEG", quality=50, subsampling="4:4:4")
    at = data.index(b"\xff\xda")
    tables, scan = data[:at], data[at:-2]
    single = b"\xff\xda\x00\x08\x01%c\x00\x00\x3f\x00"
    body = scan[14:]
    scans = b"".join(single % component + body for component in (1, 2, 3))
    return tables + scans + (single % 1 + body) * more + data[-2:]


def gif_frames(frames: int) -> bytes:
    """A GIF of *frames* one-pixel frames."""
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * frames + b"\x3b"


def tiff_bomb_pages(pages: int, *, circle: bool = False) -> bytes:
    """A TIFF of one picture followed by *pages* empty directories; in a *circle* the last leads to the first."""
    data = bytearray(encode(Image.new("L", (4, 4), 9), "TIFF"))
    data += b"\0" * (len(data) % 2)
    order = "<" if data[:2] == b"II" else ">"
    first = struct.unpack_from(order + "I", data, 4)[0]
    end = first + 2 + 12 * struct.unpack_from(order + "H", data, first)[0]
    start = len(data)
    data[end : end + 4] = struct.pack(order + "I", start)
    for page in range(pages):
        last = first if circle else 0
        data += struct.pack(order + "HI", 0, start + 6 * (page + 1) if page < pages - 1 else last)
    return bytes(data)


# --- ISO boxes ---


def box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", len(payload) + 8, kind) + payload


def heif_skeleton(extent: tuple[int, int], media: bytes = b"\0" * 64) -> bytes:
    """A HEIF without a picture: its item table places item 1 at *extent* (offset, length)."""
    iloc = struct.pack(">IBBHHHH", 0, 0x44, 0x00, 1, 1, 0, 1) + struct.pack(">II", *extent)
    meta = box(b"meta", b"\0\0\0\0" + box(b"iloc", iloc))
    return box(b"ftyp", b"heic\0\0\0\0mif1heic") + meta + box(b"mdat", media)


def cr3_skeleton(main: bytes, exif: bytes, gps: bytes) -> bytes:
    """A CR3 with metadata and no picture: three TIFF structures in Canon's box."""
    uuid = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
    canon = uuid + box(b"CMT1", main) + box(b"CMT2", exif) + box(b"CMT4", gps)
    return box(b"ftyp", b"crx \0\0\0\x01crx isom") + box(b"moov", box(b"uuid", canon)) + box(b"mdat", b"\0" * 32)


def raf_skeleton(preview: bytes) -> bytes:
    """A RAF with an embedded JPEG and no sensor data."""
    head = b"FUJIFILMCCD-RAW 0201FF119502Maker".ljust(84, b"\0")
    return head + struct.pack(">II", 120, len(preview)) + b"\0" * 28 + preview


def mrw_skeleton(block: bytes) -> bytes:
    """An MRW with metadata and no sensor data."""
    part = b"\0TTW" + struct.pack(">I", len(block)) + block
    return b"\0MRM" + struct.pack(">I", len(part)) + part
