"""What is declared about a model in this process. Without torch: the control plane computes versions from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from parjanya.vision.engine import PIXEL_BUDGET

DEVICES = ("auto", "cuda", "mps", "cpu")
DTYPES = ("auto", "bfloat16", "float32")


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """One model folder, and how it is asked."""

    folder: Path
    """Holds config.json, the weights and all else; nothing is ever downloaded."""
    manifest: str | None = None
    """The id that the folder's manifest must have; None: whatever manifest is there, or none."""
    pixels: int = PIXEL_BUDGET
    """The pixel budget of a picture: 1,024 tokens of 32 by 32 pixels."""
    pixels_floor: int = 256 * 32 * 32
    """The least that is tried when memory is short: below it a model guesses at focus."""
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """auto: CUDA if there is one, else Apple's GPU, else the processor."""
    dtype: Literal["auto", "bfloat16", "float32"] = "auto"
    """auto: bfloat16, as the weights are published, but float32 on a processor, where bfloat16 is slow."""
    temperature: float = 0.7
    """Of second and later attempts; the first always takes the likeliest."""
    most_tokens: int | None = None
    """Tokens of an answer; None: as many as the schema can need."""
    batch_items: int = 64
    """Pictures in one batch: more fill a device no better, and all wait for the last."""
    threads: int = 2
    """That prepare pictures: two keep ahead of a device that sees ten previews a second."""
    host_growth_bytes: int = 4 << 30
    """A process that has grown by so much since it was ready leaks, and makes room for a fresh one."""

    def __post_init__(self) -> None:
        if self.device not in DEVICES:
            raise ValueError(f"device is {self.device!r}, none of {', '.join(DEVICES)}")
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype is {self.dtype!r}, none of {', '.join(DTYPES)}")
        if not 32 * 32 <= self.pixels_floor <= self.pixels <= 16_384 * 32 * 32:
            raise ValueError(
                f"the pixel budget must be between its floor ({self.pixels_floor:,}) and 16,777,216, not {self.pixels:,}"
            )
        if not 0 < self.temperature <= 2 or self.batch_items < 1 or self.threads < 1:
            raise ValueError("temperature must be above 0 and at most 2, batch_items and threads at least 1")
        if self.most_tokens is not None and self.most_tokens < 1:
            raise ValueError(f"most_tokens must be at least 1, not {self.most_tokens}")
