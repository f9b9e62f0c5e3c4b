"""Models with random weights: of the real shape on an accelerator, tiny on a processor. Nothing is downloaded."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from transformers import Qwen3VLForConditionalGeneration

from parjanya.testing.tiny_qwen3vl import EIGHT_BILLION, build, write_without_weights
from parjanya.vision.engine import Picture
from parjanya.vision.local import attention, folder, load
from parjanya.vision.local.model import LocalModel
from parjanya.vision.local.settings import LocalSettings
from tbie.core.clock import SystemClock


def tiny(settings: LocalSettings) -> LocalModel:
    """A quarter of a million parameters, from its folder, on a processor."""
    build(settings.folder)
    checked = folder.read(settings.folder)
    device = load.device_for(settings.device)
    return LocalModel(
        checked, load.load(checked, device, load.dtype_for(settings.dtype, device)), settings, SystemClock()
    )


def eight_billion(settings: LocalSettings) -> LocalModel:
    """8.77 billion parameters in bfloat16, made on the device itself."""
    config = write_without_weights(settings.folder, EIGHT_BILLION)
    checked = folder.read(settings.folder, weights=False)
    device = load.device_for(settings.device)
    torch.manual_seed(0)
    with device:
        model = Qwen3VLForConditionalGeneration._from_config(
            config, dtype=torch.bfloat16, attn_implementation=attention.register()
        )
    return LocalModel(checked, load.from_model(checked, model.eval()), settings, SystemClock())


def previews(count: int, long_px: int, different: int = 12) -> list[Picture]:
    """*count* previews of four shapes, with detail at every scale and grain; *different* of them are drawn."""
    shapes = ((1.5, 1.0), (1.0, 1.5), (4 / 3, 1.0), (16 / 9, 1.0))
    drawn = [_drawn(seed, *shapes[seed % len(shapes)], long_px) for seed in range(min(count, different))]
    return [Picture(f"preview-{number}", drawn[number % len(drawn)]) for number in range(count)]


def _drawn(seed: int, wide: float, high: float, long_px: int) -> bytes:
    chance = np.random.default_rng(seed)
    width, height = (round(side * long_px / max(wide, high)) for side in (wide, high))
    light = np.zeros((height, width), np.float32)
    for octave in range(2, 9):
        cells = chance.normal(0, 1, (2**octave, 2**octave)).astype(np.float32)
        layer = Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC)
        light += np.asarray(layer) * (80.0 / 2 ** (octave * 0.6))
    grain = chance.normal(0, 4, (height, width, 3))
    pixels = np.clip(light[:, :, None] * (1.0, 0.95, 0.9) + 110 + grain, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
