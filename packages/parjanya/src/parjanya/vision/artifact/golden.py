"""Golden answers: what the baked model says about pictures that are drawn by code, and whether it still says so.

Callers: ``bake`` records, ``attest`` compares. The model is handed in (``Model``): the engine that works with it is the one that
is asked, so whatever it does with a picture is part of the comparison. What this catches that hashes cannot: another kernel,
driver, library or setting that changes what the same bytes compute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

TOP = 8
"""How many of the likeliest tokens are recorded."""
LOOKED_AT = 16
"""How many a model tells: a token may fall out of the first eight by a hair."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What a model makes of one picture, asked the prompt of the engine, greedily (no chance in it), alone in its batch."""

    grid: tuple[int, ...]
    """Patches: (1, rows, columns)."""
    pixel_mean: float
    pixel_std: float
    """Of the values that go into the vision part, over all patches and channels."""
    tokens: int
    """Length of the prompt with the picture in it."""
    top: tuple[tuple[int, float], ...]
    """The ``LOOKED_AT`` likeliest tokens at the first position of the answer, before any constraint: (token id, logit)."""
    answer: Mapping[str, Any]
    """The observation, decoded greedily under the constraint."""


class Model(Protocol):
    """A model that is ready, as the engine loads it."""

    @property
    def ran_on(self) -> str:
        """``cpu`` or the name of the accelerator, for people."""
        ...

    @property
    def dtype(self) -> str:
        """``float32``, ``bfloat16``, …: what it computes in."""
        ...

    def rendered(self) -> str:
        """The prompt as the chat template of this folder renders it, before the place of the picture is expanded."""
        ...

    def glimpse(self, picture: bytes) -> Glimpse:
        """What it makes of *picture* (an encoded image, RGB) through the engine's own preparation."""
        ...
