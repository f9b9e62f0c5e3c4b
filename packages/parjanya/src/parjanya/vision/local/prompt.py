"""The tokens around a picture, and where each token stands: pure, computed once, shared by all threads.

Caller: ``load`` makes one from the model's own chat template, ``model`` and ``decode`` use it. The part before the picture
is the same for every picture, so its keys and values are computed once; the picture and what follows it are the tail.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]
"""(3, tokens): in time, row and column, as the family's rotary embedding wants them."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt with a place for one picture."""

    head: tuple[int, ...]
    """Tokens before the picture."""
    rest: tuple[int, ...]
    """Tokens after it, with the beginning of the answer that the schema forces."""
    image: int
    """The token that stands for a piece of the picture."""
    merge: int

    def pieces(self, grid: tuple[int, int]) -> int:
        """Tokens of a picture of *grid* (rows, columns) patches."""
        return grid[0] * grid[1] // self.merge**2

    def length(self, grid: tuple[int, int]) -> int:
        """Tokens of the whole prompt."""
        return len(self.head) + self.pieces(grid) + len(self.rest)

    def tail(self, grid: tuple[int, int]) -> list[int]:
        """The tokens from the picture on."""
        return [*[self.image] * self.pieces(grid), *self.rest]

    def positions(self, grid: tuple[int, int]) -> Positions:
        """Where the tokens of the tail stand: a picture takes as many places as its longer side, however many tokens it has."""
        start, (rows, columns) = len(self.head), (side // self.merge for side in grid)
        row, column = np.divmod(np.arange(rows * columns), columns)
        picture = start + np.stack([np.zeros_like(row), row, column])
        after = start + max(rows, columns) + np.arange(len(self.rest))
        return np.concatenate([picture, np.broadcast_to(after, (3, len(self.rest)))], axis=1)
