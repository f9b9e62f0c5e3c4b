"""A model folder of a few kilobytes that is complete in everything but sense: for drills of what is missing from one.

Callers: the drill of an incomplete model, and tests. It is written without torch, and never loaded: a worker compares it with
its manifest first.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SPECIAL = ("<|endoftext|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
CHAT_TEMPLATE = (
    "{% for m in messages %}<|vision_start|><|image_pad|><|vision_end|>{{ m.content }}<|im_end|>{% endfor %}"
)
CONFIG: Mapping[str, Any] = {
    "architectures": ["Qwen3VLForConditionalGeneration"],
    "model_type": "qwen3_vl",
    "dtype": "float32",
    "image_token_id": 4,
    "video_token_id": 5,
    "vision_start_token_id": 2,
    "vision_end_token_id": 3,
    "text_config": {"num_hidden_layers": 2, "hidden_size": 4, "vocab_size": 8},
    "vision_config": {
        "depth": 2,
        "hidden_size": 4,
        "patch_size": 16,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "deepstack_visual_indexes": [0, 1],
    },
}
PREPROCESSOR: Mapping[str, Any] = {
    "image_processor_type": "Qwen2VLImageProcessorFast",
    "size": {"shortest_edge": 65_536, "longest_edge": 16_777_216},
    "patch_size": 16,
    "merge_size": 2,
    "temporal_patch_size": 2,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}
LAYER = ("mlp.down.weight", "norm.weight")
WEIGHTS = (
    *(f"model.visual.blocks.{n}.{name}" for n in range(2) for name in LAYER),
    *(f"model.language.layers.{n}.{name}" for n in range(2) for name in LAYER),
    "lm_head.weight",
)
SHARDS = {"model-00001-of-00002.safetensors": WEIGHTS[:4], "model-00002-of-00002.safetensors": WEIGHTS[4:]}


def write_model(folder: Path) -> Path:
    """A folder that lacks nothing, its weights in two files; returns it."""
    folder.mkdir(parents=True)
    tokens = [{"id": number, "content": token, "special": True} for number, token in enumerate(SPECIAL)]
    contents: dict[str, Mapping[str, Any]] = {
        "config.json": CONFIG,
        "generation_config.json": {"eos_token_id": [1, 0], "pad_token_id": 0, "do_sample": False},
        "preprocessor_config.json": PREPROCESSOR,
        "tokenizer.json": {"version": "1.0", "added_tokens": tokens, "model": {"type": "BPE"}},
        "tokenizer_config.json": {
            "tokenizer_class": "Qwen2Tokenizer",
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
        },
        "model.safetensors.index.json": {
            "metadata": {},
            "weight_map": {tensor: name for name, tensors in SHARDS.items() for tensor in tensors},
        },
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content, indent=2))
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    for name, tensors in SHARDS.items():
        write_weights(folder / name, {tensor: [4, 4] for tensor in tensors})
    return folder


def write_weights(path: Path, shapes: Mapping[str, list[int]]) -> None:
    """A safetensors file of float32 tensors with these *shapes*."""
    at, header = 0, {}
    for name, shape in shapes.items():
        size = 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(n % 251 for n in range(at)))
