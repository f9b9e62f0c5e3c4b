"""What every judge looks at: the pixels of one encoded preview, at one size.

Callers: the stages ``quality`` and ``observe``. Both measure *these* pixels and no others: a stage that looked at the
decoded original when it runs fused, and at the stored preview when it is replayed, would give two answers for one
image.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from parjanya.imaging.recipe import LOOK_PX
from tbie.core.keys import Address
from tbie.execution import Work
from tbie.objects import ObjectStore

_BYTES_KEY = "preview.large"
_SIGHT_KEY = "sight"


class SightError(Exception):
    """There is no preview to look at, or its bytes are not an image. Replay the stage ``preview`` to make it again."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One image as the judges see it: at most ``LOOK_PX`` on the long side, sRGB, upright, never enlarged.

    ``rgb`` is uint8 of shape (height, width, 3); ``grey`` is uint8 of shape (height, width), ITU-R 601 luma.
    """

    rgb: NDArray[np.uint8]
    grey: NDArray[np.uint8]


def look(encoded: bytes, look_px: int = LOOK_PX) -> Sight:
    """Decode *encoded* (any format Pillow knows; JPEG is the fast one) to at most *look_px* on the long side.

    Raises:
        SightError: the bytes are not a decodable image.
    """
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            scale = min(1.0, look_px / max(image.size))
            target = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            image.draft("RGB", target)  # the proportional target: a square one would skip the scaling on 3:2 images
            rgb = image.convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise SightError(f"the preview cannot be decoded: {error}") from error
    if max(rgb.size) > look_px:
        rgb = rgb.resize(target, Image.Resampling.LANCZOS)
    return Sight(rgb=np.asarray(rgb), grey=np.asarray(rgb.convert("L")))


def sight_of(work: Work, objects: ObjectStore) -> Sight:
    """The sight of *work*'s large preview: left in ``scratch`` by a stage before, or read and decoded now.

    Raises:
        SightError: no preview is named in the facts, or it does not decode.
        ObjectMissingError: the facts name a preview that is not stored.
    """
    kept = work.scratch.get(_SIGHT_KEY)
    if isinstance(kept, Sight):
        return kept
    encoded = work.scratch.get(_BYTES_KEY)
    sight = look(encoded if isinstance(encoded, bytes) else objects.get(preview_address(work)))
    work.scratch[_SIGHT_KEY] = sight
    return sight


def preview_address(work: Work) -> Address:
    """Where the large preview of *work* is stored, by the facts of the stage ``preview``.

    Raises:
        SightError: they name none.
    """
    large = work.facts.get("preview", {}).get("large")
    if isinstance(large, Mapping) and isinstance(large.get("bucket"), str) and isinstance(large.get("key"), str):
        return Address(large["bucket"], large["key"])
    raise SightError("the facts of the stage preview name no large preview")
