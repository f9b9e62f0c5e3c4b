"""A preview made ready to send: decoded, sized to the pixel budget, encoded again.

Caller: ``engine``, in its threads for preparation. The sides are multiples of 32 pixels and the area is within the budget, as
the model family's own rule would make them, so that a server finds nothing to resize and the number of visual tokens is
known before it is asked. The server's own limits are not relied on: they are often ignored.
"""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass

from PIL import Image

TOKEN_PX = 32
LEAST_PX = 64 * TOKEN_PX**2
"""Below this the family's own rule enlarges; done here, so that it is the same everywhere."""
QUALITY = 92

_MOST_SIDE_PX = 4096  # a preview has at most 2048
_MOST_RATIO = 200  # the family's rule refuses longer ones


class PictureError(ValueError):
    """The preview cannot be shown to a model, now or ever: the message says why."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """One picture, ready to send."""

    data_url: str
    size_px: tuple[int, int]
    """Width, height."""

    @property
    def grid(self) -> tuple[int, int]:
        """Visual tokens: across, down."""
        return self.size_px[0] // TOKEN_PX, self.size_px[1] // TOKEN_PX

    @property
    def visual_tokens(self) -> int:
        return self.grid[0] * self.grid[1]


def fitted(width: int, height: int, budget_px: int) -> tuple[int, int]:
    """Width and height to show: multiples of 32, together at most *budget_px*, the ratio nearly kept.

    What is smaller than 64 tokens is enlarged to them, if the budget allows. A ratio above 200 raises ``PictureError``.
    """
    if min(width, height) < 1 or max(width, height) / min(width, height) > _MOST_RATIO:
        raise PictureError(f"{width} x {height} pixels is too narrow to be looked at")
    wide, high = (max(TOKEN_PX, round(side / TOKEN_PX) * TOKEN_PX) for side in (width, height))
    if wide * high > budget_px:
        shrink = math.sqrt(width * height / budget_px)
        wide, high = (max(TOKEN_PX, math.floor(side / shrink / TOKEN_PX) * TOKEN_PX) for side in (width, height))
        if wide * high > budget_px:  # the short side could not shrink further: the long one must
            wide, high = (min(side, budget_px // TOKEN_PX // TOKEN_PX * TOKEN_PX) for side in (wide, high))
    elif wide * high < LEAST_PX:
        grow = math.sqrt(LEAST_PX / (width * height))
        larger = [math.ceil(side * grow / TOKEN_PX) * TOKEN_PX for side in (width, height)]
        if math.prod(larger) <= budget_px:
            wide, high = larger
    return wide, high


def prepare(jpeg: bytes, budget_px: int) -> Prepared:
    """*jpeg* as it is sent. Raises ``PictureError``."""
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
            if max(image.size) > _MOST_SIDE_PX:
                raise PictureError(f"{image.width} x {image.height} pixels is larger than any preview")
            size_px = fitted(*image.size, budget_px)
            shown = image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise (
            error if isinstance(error, PictureError) else PictureError(f"the preview cannot be decoded: {error}")
        ) from error
    if shown.size != size_px:
        shown = shown.resize(size_px, Image.Resampling.BICUBIC)
    return Prepared(data_url(encoded(shown)), size_px)


def encoded(image: Image.Image) -> bytes:
    """*image* as JPEG, colours at full resolution: what is judged must not come from this step."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()


def data_url(jpeg: bytes) -> str:
    """*jpeg* as servers take it inside a request."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
