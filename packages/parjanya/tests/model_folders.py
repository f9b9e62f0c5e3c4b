"""Model folders made by hand: everything that a folder of the family holds, a few kilobytes large, written without torch."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from parjanya.drills.model_folder import CHAT_TEMPLATE, PREPROCESSOR, SHARDS, WEIGHTS, write_model, write_weights
from parjanya.vision.artifact.golden import Glimpse

__all__ = [
    "CHAT_TEMPLATE",
    "PREPROCESSOR",
    "SHARDS",
    "WEIGHTS",
    "ScriptedModel",
    "complete",
    "edit",
    "write_json",
    "write_weights",
]

complete = write_model


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """A JSON file."""
    path.write_text(json.dumps(content, indent=2))


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON file in place."""
    content = json.loads(path.read_text())
    change(content)
    write_json(path, content)


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
