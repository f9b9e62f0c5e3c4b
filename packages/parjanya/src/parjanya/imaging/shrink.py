"""From whatever a decoder yields to the view: 8-bit RGB, sRGB, flattened on white, upright, at most ``VIEW_PX``.

Callers: every decoder. The order is chosen for speed and memory: make the picture small first, then do everything
else to the small one.

The filter: whole factors by averaging (``reduce``), the rest with ``RESAMPLE``. On 24-megapixel JPEGs (3000 px after
DCT scaling, to 2048) HAMMING costs 49 ms and LANCZOS 80 ms of about 170; LANCZOS keeps more of the finest detail,
which thresholds on sharpness would have to know. So the choice is part of ``recipe.VIEW``: changing it changes the version
of every stage that looks at the view.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from parjanya.imaging.colour import to_srgb
from parjanya.imaging.decoded import view_size

RESAMPLE = Image.Resampling.HAMMING

_ALPHA_MODES = frozenset(("RGBA", "LA", "PA", "RGBa", "La"))
_AS_IS = frozenset(("RGB", "L", "CMYK", "LAB", "RGBA", "LA"))
_PLAIN = {"1": "L", "YCbCr": "RGB", "HSV": "RGB", "RGBX": "RGB", "PA": "RGBA", "RGBa": "RGBA", "La": "LA"}

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def has_alpha(image: Image.Image) -> bool:
    """Whether *image* can be transparent anywhere: an alpha channel, or a colour declared transparent."""
    return image.mode in _ALPHA_MODES or image.info.get("transparency") is not None


def shrink(
    image: Image.Image, full_size: tuple[int, int], icc: bytes | None, orientation: int
) -> tuple[Image.Image, str | None, list[str]]:
    """(the view, the name of the colour profile, warning codes) of *image*, which is loaded.

    *full_size* is (width, height) of the file before any scaling in the decoder, *orientation* the EXIF value (1–8).
    """
    warnings: list[str] = []
    plain = _plain(image, warnings)
    target = view_size(*full_size)
    factor = min(plain.width // target[0], plain.height // target[1])
    if factor >= 2:
        plain = plain.reduce(factor)
    if plain.size != target:
        plain = plain.resize(target, RESAMPLE)
    if plain.mode in ("RGBA", "LA"):
        plain = _on_white(plain)
    view, profile, broken = to_srgb(plain, icc)
    if broken:
        warnings.append("colour_profile_broken")
    turn = _UPRIGHT.get(orientation)
    return (view if turn is None else view.transpose(turn)), profile, warnings


def _plain(image: Image.Image, warnings: list[str]) -> Image.Image:
    if image.mode == "P":
        return image.convert("RGBA" if has_alpha(image) else "RGB")
    if image.mode in ("RGB", "L", "1") and image.info.get("transparency") is not None:
        return image.convert("RGBA")
    if image.mode in _AS_IS:
        return image
    if image.mode in _PLAIN:
        return image.convert(_PLAIN[image.mode])
    return _from_deep(np.asarray(image), warnings)


def _from_deep(samples: NDArray[Any], warnings: list[str]) -> Image.Image:
    """Grey of more than 8 bits. Unsigned 16 bit keeps its scale; integers and floats without one are stretched."""
    if samples.dtype == np.uint16:
        return Image.fromarray((samples >> 8).astype(np.uint8))
    values = samples.astype(np.float32)
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        warnings.append("no_finite_samples")
        return Image.new("L", (samples.shape[1], samples.shape[0]))
    low, high = float(finite.min()), float(finite.max())
    if low >= 0.0 and high <= 1.0:
        low, high = 0.0, 1.0
    elif low >= 0.0 and samples.dtype.kind in "iu" and 255 < high <= 65535:
        low, high = 0.0, 65535.0  # 16-bit samples that the decoder widened
    else:
        low, high = (float(value) for value in np.percentile(finite, (0.5, 99.5)))
        warnings.append("range_stretched")
    scaled = np.nan_to_num((values - low) * (255.0 / max(high - low, 1e-12)), nan=0.0, posinf=255.0, neginf=0.0)
    return Image.fromarray(np.clip(scaled + 0.5, 0, 255).astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    """Premultiplied blending, as a browser does over a white page."""
    solid = Image.new("RGB" if image.mode == "RGBA" else "L", image.size, "white")
    solid.paste(image.convert(solid.mode), mask=image.getchannel("A"))
    return solid
