"""Model folders and pictures for the tests of models in this process. Tests add this folder to ``sys.path`` and import it."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from parjanya.vision.engine import Picture

SIZES = tuple((160 + 48 * (i % 5), 128 + 40 * (i % 7)) for i in range(24))
"""Two dozen pictures, no two alike, of many shapes."""


def preview(seed: int, width: int = 200, height: int = 160) -> bytes:
    """A JPEG of coarse noise: cheap, and like no other."""
    coarse = np.random.default_rng(seed).integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((width, height)).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def picture(seed: int, attempt: int = 1) -> Picture:
    """One of the two dozen."""
    return Picture(f"img-{seed}", preview(seed, *SIZES[seed % len(SIZES)]), attempt)


def safetensors(tensors: dict[str, list[int]]) -> bytes:
    """A weight file of zeros: names and shapes."""
    table, end = {}, 0
    for name, shape in tensors.items():
        size = 4 * int(np.prod(shape))
        table[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    head = json.dumps(table).encode()
    return struct.pack("<Q", len(head)) + head + bytes(end)


def write_folder(folder: Path) -> Path:
    """All files that a model folder must have, right in everything that can be checked without loading it."""
    folder.mkdir(parents=True, exist_ok=True)
    vision = {
        "depth": 2,
        "patch_size": 16,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "deepstack_visual_indexes": [0, 1],
    }
    images = {
        "image_processor_type": "Qwen2VLImageProcessorFast",
        "size": {"shortest_edge": 65_536, "longest_edge": 16_777_216},
        "patch_size": 16,
        "merge_size": 2,
        "temporal_patch_size": 2,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    contents = {
        "config.json": {"model_type": "qwen3_vl", "text_config": {"vocab_size": 300}, "vision_config": vision},
        "generation_config.json": {"eos_token_id": [2, 0], "pad_token_id": 0},
        "preprocessor_config.json": images,
        "tokenizer.json": {},
        "tokenizer_config.json": {"chat_template": "{{ messages }}"},
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "model.safetensors").write_bytes(safetensors({"a": [2, 3], "b": [4]}))
    return folder


def edit(folder: Path, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change one JSON file of *folder*."""
    content = json.loads((folder / name).read_text())
    change(content)
    (folder / name).write_text(json.dumps(content))
