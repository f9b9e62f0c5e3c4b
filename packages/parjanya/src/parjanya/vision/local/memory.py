"""What fits a device, what an allocation that failed looks like, and how to let go of what is held.

Callers: ``model`` and ``engine``. The first guess is made from the model's own numbers; the flow corrects it by what happens.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Any

import torch

from parjanya.vision.local.decode import ANSWER_COLUMNS

_RESERVED = 0.1
"""Share of what is free that is left alone: allocators cut memory into pieces, and libraries take workspaces late."""
_CPU_TOKENS = 8192
"""On a processor larger batches are no faster, and the machine is not ours alone."""
_WORDS = ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")
_PATCHES_PER_TOKEN = 4


def is_out_of_memory(error: BaseException) -> bool:
    """Whether *error* is an allocation that failed: torch has a type for CUDA alone."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in _WORDS)


def let_go(device: torch.device) -> None:
    """Give what is no longer used back to the device."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def bytes_per_token(config: Any, element: int) -> tuple[int, int]:
    """(kept, passing): what a token of a prompt holds as long as its batch lives, and what it needs on its way through a layer.

    Kept are keys and values; passing is the wider of the vision part (four patches for a token) and of the text part.
    """
    text, vision = config.text_config, config.vision_config
    kept = 2 * text.num_hidden_layers * text.num_key_value_heads * text.head_dim * element
    heads = text.num_attention_heads * text.head_dim
    words = 8 * text.hidden_size + 3 * text.intermediate_size + 4 * heads
    sight = _PATCHES_PER_TOKEN * (8 * vision.hidden_size + 2 * vision.intermediate_size)
    return kept, element * max(words, sight)


def free_bytes(device: torch.device) -> int:
    """Memory of *device* that a batch could take now."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + held)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return _available_bytes()


def room_tokens(config: Any, element: int, device: torch.device, typical: int) -> int:
    """How many padded prompt tokens fit, if a prompt has about *typical* of them and each gets room for an answer."""
    kept, passing = bytes_per_token(config, element)
    each = kept * (1 + ANSWER_COLUMNS / typical) + passing
    room = int((1 - _RESERVED) * free_bytes(device) / each)
    return min(room, _CPU_TOKENS) if device.type == "cpu" else room


def resident_bytes() -> int | None:
    """Memory of this process, None where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _available_bytes() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    if sys.platform == "darwin":
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 1 << 30
