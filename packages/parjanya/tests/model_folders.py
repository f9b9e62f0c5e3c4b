"""Model folders made by hand: everything that a folder of the family holds, a few kilobytes large, written without torch."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from parjanya.vision.artifact.golden import Glimpse

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


def complete(folder: Path) -> Path:
    """A folder that lacks nothing, its weights in two files."""
    folder.mkdir(parents=True)
    write_json(folder / "config.json", CONFIG)
    write_json(folder / "generation_config.json", {"eos_token_id": [1, 0], "pad_token_id": 0, "do_sample": False})
    write_json(folder / "preprocessor_config.json", PREPROCESSOR)
    tokens = [{"id": number, "content": token, "special": True} for number, token in enumerate(SPECIAL)]
    write_json(folder / "tokenizer.json", {"version": "1.0", "added_tokens": tokens, "model": {"type": "BPE"}})
    named = {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    write_json(folder / "tokenizer_config.json", named)
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    for name, tensors in SHARDS.items():
        write_weights(folder / name, {tensor: [4, 4] for tensor in tensors})
    placed = {tensor: name for name, tensors in SHARDS.items() for tensor in tensors}
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": placed})
    return folder


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """A JSON file."""
    path.write_text(json.dumps(content, indent=2))


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON file in place."""
    content = json.loads(path.read_text())
    change(content)
    write_json(path, content)


def write_weights(path: Path, shapes: Mapping[str, list[int]]) -> None:
    """A safetensors file of float32 tensors with these *shapes*, all their values different."""
    at, header = 0, {}
    for name, shape in shapes.items():
        size = 4
        for side in shape:
            size *= side
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    write_raw(path, json.dumps(header).encode(), bytes(n % 251 for n in range(at)))


def write_raw(path: Path, header: bytes, values: bytes, length: int | None = None) -> None:
    """A file in the outer form of safetensors: *length* (by default the true one), *header*, *values*."""
    path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + values)


class ScriptedModel:
    """A model that answers what it is told to, by the length of the picture it is given: no two pictures are equally long."""

    ran_on = "a script"

    def __init__(self, dtype: str = "float32", prompt: str = "look", **changed: object) -> None:
        """*changed* replaces parts of every glimpse."""
        self.dtype = dtype
        self.asked = 0
        self._prompt, self._changed = prompt, changed

    def rendered(self) -> str:
        """The prompt."""
        return self._prompt

    def glimpse(self, picture: bytes) -> Glimpse:
        """An answer that depends on *picture*."""
        self.asked += 1
        top = tuple((token, 20.0 - token + len(picture) % 97 / 100) for token in range(16))
        parts: dict[str, Any] = {
            "grid": (1, 20, 28),
            "pixel_mean": -0.125,
            "pixel_std": 0.25,
            "tokens": 400,
            "top": top,
            "answer": {"medium": "photo", "sharp": 4},
        }
        return Glimpse(**{**parts, **self._changed})
