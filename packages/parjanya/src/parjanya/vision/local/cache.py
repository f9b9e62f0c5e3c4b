"""Keys and values of a batch, in memory that is taken once: the library's own cache copies all of it at every step.

Caller: ``decode``. The columns of the head of the prompt are the same in all rows; they are copied from where they were
computed once. Then come the tails, padded on the left, then what is written.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

_GROW_BY = 64


class Room(CacheLayerMixin):  # type: ignore[misc]  # the library is not typed here
    """One layer's keys and values, (rows, heads, columns, width) each, filled from the left."""

    is_sliding = False

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, rows: int, room: int) -> None:
        """*keys* and *values* of the head, (1, heads, columns, width), for *rows* rows, and *room* for columns after it."""
        super().__init__()
        self._used = int(keys.shape[-2])
        self.keys, self.values = (self._wider(head.expand(rows, -1, -1, -1), room) for head in (keys, values))
        self.is_initialized = True

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Nothing is left to do."""

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append columns; returns all that there are."""
        end = self._used + key_states.shape[-2]
        if end > self.keys.shape[-2]:
            more = max(_GROW_BY, end - self.keys.shape[-2])
            self.keys = self._wider(self.keys, more)
            self.values = self._wider(self.values, more)
        self.keys[:, :, self._used : end] = key_states
        self.values[:, :, self._used : end] = value_states
        self._used = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Columns after *query_length* more, and where they begin."""
        return self._used + query_length, 0

    def get_seq_length(self) -> int:
        """Columns so far."""
        return self._used

    def get_max_length(self) -> int:
        """It grows."""
        return -1

    @staticmethod
    def _wider(old: torch.Tensor, more: int) -> torch.Tensor:
        rows, heads, columns, width = old.shape
        new = old.new_empty((rows, heads, columns + more, width))
        new[:, :, :columns] = old
        return new


def for_batch(head: list[tuple[torch.Tensor, torch.Tensor]], rows: int, room: int) -> Cache:
    """A cache for *rows* rows that begins with *head* (keys and values by layer) and has *room* for columns after it."""
    return Cache(layers=[Room(keys, values, rows, room) for keys, values in head])
