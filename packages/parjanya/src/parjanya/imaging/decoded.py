"""What decoding yields: one upright sRGB picture of at most ``VIEW_PX``, and what was learnt about the file on the way.

Callers: the decoders make it, the stages read it. It is small (at most 17 MB), so the full-size pixels of one format
never wait in memory for the next step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PIL import Image

from parjanya.imaging.exif_locate import Metadata
from parjanya.imaging.recipe import VIEW_PX

Origin = Literal["decoded", "embedded", "demosaic"]


@dataclass(frozen=True, slots=True)
class Decoded:
    """One image, seen.

    ``view`` is RGB, 8 bit, sRGB, upright, flattened on white. ``width`` and ``height`` are of the full image as
    displayed, in pixels. ``mode`` is the colour model in the file; ``bit_depth`` is per sample, None if unknown.
    """

    view: Image.Image
    width: int
    height: int
    origin: Origin
    mode: str
    icc: str | None
    bit_depth: int | None
    frames: int
    has_alpha: bool
    metadata: Metadata
    warnings: tuple[str, ...]


def view_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) scaled so that the long side is at most ``VIEW_PX``; at least one pixel each."""
    scale = min(1.0, VIEW_PX / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
