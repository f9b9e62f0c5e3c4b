"""An engine with small deadlines and pictures for it. Tests add this folder to ``sys.path`` and import it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from typing import Any

from PIL import Image

from parjanya.vision.engine import Observed, Picture, Seen, Unanswered
from parjanya.vision.openai import OpenaiEngine, OpenaiSettings, make
from tbie.core.clock import Clock

SHORT: dict[str, Any] = {
    "connect_timeout_s": 1.0,
    "read_timeout_s": 1.5,
    "total_timeout_s": 2.0,
    "probe_timeout_s": 8.0,
    "witness_timeout_s": 8.0,
    "check_timeout_s": 8.0,
    "pixel_budget_px": 64 * 1024,
}
"""Deadlines for requests that are meant to run out; a server that behaves gets longer, because this machine may be busy."""
PATIENT: dict[str, Any] = {**SHORT, "connect_timeout_s": 10.0, "read_timeout_s": 20.0, "total_timeout_s": 20.0}


@cache
def jpeg(number: int = 0, size_px: tuple[int, int] = (320, 240)) -> bytes:
    """A small JPEG that differs by *number*."""
    image = Image.linear_gradient("L").resize(size_px).convert("RGB")
    image.paste((number * 37 % 256, number * 101 % 256, number * 7 % 256), (40, 40, 140, 140))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def picture(number: int = 0, attempt: int = 1) -> Picture:
    return Picture(f"image {number}", jpeg(number), attempt)


def engine_for(base_url: str, model: str = "test-vl", *, clock: Clock | None = None, **settings: Any) -> OpenaiEngine:
    """An engine that nobody has asked anything yet."""
    return make(OpenaiSettings(base_url, model, **{**PATIENT, **settings}), clock=clock)


def see(engine: OpenaiEngine, pictures: Sequence[Picture]) -> list[Seen]:
    """What comes of *pictures*, in their order; each must be answered exactly once."""
    seen: dict[int, Seen] = {}
    for position, what in engine.observe(pictures, lambda _: None):
        assert position not in seen
        seen[position] = what
    assert sorted(seen) == list(range(len(pictures)))
    return [seen[position] for position in range(len(pictures))]


def observed(what: Seen) -> Observed:
    assert isinstance(what, Observed), what
    return what


def unanswered(what: Seen) -> Unanswered:
    assert isinstance(what, Unanswered), what
    return what
