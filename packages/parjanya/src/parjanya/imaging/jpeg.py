"""What is special about JPEG: scaling inside the decoder, and progressive files made to take for ever.

Callers: ``decode`` for JPEG files, ``rawfile`` for the previews that cameras embed.
"""

from __future__ import annotations

import re

from PIL import ImageFile

from parjanya.imaging.limits import Limits
from parjanya.imaging.recipe import VIEW_PX
from parjanya.imaging.refusal import ImageRefused

_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")  # in coded data: anything but stuffing, restarts and fill
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))


def check_scans(data: bytes, pixels: int, limits: Limits) -> None:
    """Refuse a progressive JPEG with so many passes that decoding takes minutes.

    Raises:
        ImageRefused: ``scan_bomb``.
    """
    allowed = max(1, min(limits.max_jpeg_scans, limits.max_scan_pixels // max(1, pixels)))
    if not _may_have_many_scans(data):
        return
    # Counting the two bytes anywhere is a hundred times faster and never too low; a video behind a motion photo
    # holds them by chance, so only a high count is looked at closely.
    if data.count(b"\xff\xda") <= allowed:
        return
    scans = _count_scans(data, allowed)
    if scans > allowed:
        raise ImageRefused(
            "scan_bomb",
            f"more than {allowed} passes over {pixels} pixels",
            evidence={"pixels": pixels, "max_scans": allowed},
        )


def _may_have_many_scans(data: bytes) -> bool:
    """Whether the decoder will go on after the first scan, by its own rule: a progressive image, or one whose first
    scan does not hold all components. True when the header cannot be followed."""
    at, components, progressive = 2, 0, False
    while at + 5 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _START_OF_SCAN:
            return progressive or data[at + 4] < components
        if marker in _FRAME_HEADERS and at + 10 <= len(data):
            progressive, components = marker in _PROGRESSIVE, data[at + 9]
        at += 1 if marker == 0xFF else 2 + length
    return True


def _count_scans(data: bytes, enough: int) -> int:
    """Scans of the first image in *data*, counting stops just above *enough*."""
    scans, at = 0, 2
    while scans <= enough:
        found = _MARKER.search(data, at)
        if found is None:
            break
        marker, at = data[found.start() + 1], found.end()
        if marker == _END_OF_IMAGE:
            break
        scans += marker == _START_OF_SCAN
        at += int.from_bytes(data[at : at + 2], "big")  # every other marker here has a length
    return scans


def scale_in_decoder(image: ImageFile.ImageFile) -> None:
    """Let the decoder leave out what the view does not need: half, a quarter or an eighth of each side.

    The box has the proportions of the image, rounded down: a square box, or one rounded up, makes Pillow compare the
    short side and skip the scaling, at three times the cost.
    """
    scale = VIEW_PX / max(image.size)
    if scale < 1.0:
        image.draft(None, (max(1, int(image.width * scale)), max(1, int(image.height * scale))))
