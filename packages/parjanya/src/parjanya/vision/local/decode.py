"""The loop on the device: pictures and prompts in, answers under the schema and the model's own probabilities of grades out.

Caller: ``model``. One batch is one forward pass over the tails of the prompts (the head is the same for all and was computed
once), then one pass per choice that the schema leaves open. A pass takes in what each row has chosen and all that was forced
after it, padded on the left; while the device works on it, the processor finds out what may come next.

A row's answer does not depend on which rows are beside it but for the rounding of sums in another order: its own seed draws
its own choices, and padding is masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import Qwen3VLForConditionalGeneration
from transformers.cache_utils import Cache, DynamicCache

from parjanya.vision.local.cache import for_batch
from parjanya.vision.local.folder import ImageRules
from parjanya.vision.local.grammar import Grammar, Masks, Row
from parjanya.vision.local.pixels import Patches, values
from parjanya.vision.local.prompt import Prompt

ANSWER_COLUMNS = 320
"""Room that is taken for an answer at first: most end within it; it grows if one does not."""


@dataclass(frozen=True, slots=True)
class Look:
    """One picture to look at."""

    patches: Patches
    grid: tuple[int, int]
    """Rows and columns of patches."""
    draws: np.random.Generator | None
    """Where its choices come from; None: always the likeliest."""


@dataclass(slots=True)
class Written:
    """One answer."""

    row: Row
    levels: dict[str, list[float]] = field(default_factory=dict)
    """By grade: the model's probabilities of 1..5."""
    passes: int = 0
    """Forward passes of its batch."""


class NotFiniteError(ArithmeticError):
    """The model computes numbers that are none: damaged weights, or a type that is too narrow."""


class Decoder:
    """One model, its prompt and its grammar. One thread at a time."""

    def __init__(
        self,
        model: Qwen3VLForConditionalGeneration,
        prompt: Prompt,
        grammar: Grammar,
        images: ImageRules,
        pad: int,
        temperature: float,
    ) -> None:
        self._model, self.prompt, self._grammar, self._images = model, prompt, grammar, images
        self._pad, self._temperature = pad, temperature
        self._device = model.device
        self._table = torch.from_numpy(values(images)).to(self._device)
        self._levels = torch.tensor(grammar.levels, dtype=torch.long, device=self._device)
        self._bits = torch.arange(32, dtype=torch.int32, device=self._device)
        self._head = self._read_head()

    def write(self, looks: Sequence[Look], most: int) -> list[Written]:
        """Answer each of *looks* with at most *most* tokens."""
        with torch.inference_mode():
            return self._write(looks, most)

    def first_logits(self, looks: Sequence[Look]) -> torch.Tensor:
        """(rows, vocabulary): what the model would write first, before any constraint."""
        with torch.inference_mode():
            return self._first(looks)[3].logits[:, -1].float()

    def _write(self, looks: Sequence[Look], most: int) -> list[Written]:
        written = [Written(self._grammar.row()) for _ in looks]
        rows = [one.row for one in written]
        cache, seen, places, output = self._first(looks)
        allowed, grades = self._grammar.allowed(rows)
        passes = 1
        while True:
            tokens, levels = self._choose(output.logits[:, -1].float(), allowed, looks)
            chunks: list[list[int]] = []
            for one, token, grade, shares in zip(written, tokens, grades, levels, strict=True):
                if grade is not None:
                    one.levels[grade] = shares
                chunks.append([] if one.row.over else one.row.take(token, most))
            if all(row.over for row in rows):
                break
            ids, new, positions = self._chunk(chunks, places)
            seen = np.concatenate([seen, new], axis=1)
            output = self._forward(ids, seen, positions, cache)
            allowed, grades = self._grammar.allowed(rows)  # while the device is at work
            passes += 1
        for one in written:
            one.passes = passes
        return written

    def numbers(self, look: Look) -> torch.Tensor:
        """(patches, colour * frames * row * column): what the vision part is given, on the device."""
        cut = torch.from_numpy(look.patches).to(self._device)
        shown = torch.stack([self._table[colour][cut[:, colour].int()] for colour in range(3)], dim=1)
        return shown[:, :, None].expand(-1, -1, self._images.frames, -1, -1).reshape(len(cut), -1)

    def _read_head(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Keys and values of the part of the prompt that is the same for every picture, by layer."""
        cache = DynamicCache(config=self._model.config)
        ids = torch.tensor([self.prompt.head], device=self._device)
        positions = torch.arange(len(self.prompt.head), device=self._device).expand(3, 1, -1)
        with torch.inference_mode():
            self._model(input_ids=ids, position_ids=positions, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return [(layer.keys, layer.values) for layer in cache.layers]

    def _first(self, looks: Sequence[Look]) -> tuple[Cache, NDArray[np.bool_], NDArray[np.int64], Any]:
        """The pass over the tails: (cache, which columns are no padding, next place by row, output)."""
        tails = [self.prompt.tail(look.grid) for look in looks]
        rows, columns = len(looks), max(map(len, tails))
        ids = np.full((rows, columns), self._pad, np.int64)
        seen = np.ones((rows, len(self.prompt.head) + columns), bool)
        positions = np.zeros((3, rows, columns), np.int64)
        places = np.zeros(rows, np.int64)
        for row, (look, tail) in enumerate(zip(looks, tails, strict=True)):
            gap = columns - len(tail)
            ids[row, gap:] = tail
            seen[row, len(self.prompt.head) : len(self.prompt.head) + gap] = False
            positions[:, row, gap:] = place = self.prompt.positions(look.grid)
            places[row] = place[0, -1] + 1
        cache = for_batch(self._head, rows, columns + ANSWER_COLUMNS)
        pictures = torch.cat([self.numbers(look).to(self._model.dtype) for look in looks])
        grids = torch.tensor([(1, *look.grid) for look in looks], device=self._device)
        output = self._forward(ids, seen, positions, cache, pixel_values=pictures, image_grid_thw=grids)
        return cache, seen, places, output

    def _forward(
        self,
        ids: NDArray[np.int64],
        seen: NDArray[np.bool_],
        positions: NDArray[np.int64],
        cache: Cache,
        **pictures: torch.Tensor,
    ) -> Any:
        return self._model(
            input_ids=torch.from_numpy(ids).to(self._device),
            attention_mask=torch.from_numpy(seen).to(self._device),
            position_ids=torch.from_numpy(positions).to(self._device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
            **pictures,
        )

    def _chunk(
        self, chunks: Sequence[Sequence[int]], places: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        """What each row has just written, padded on the left: tokens, which are none, where they stand. Moves *places* on."""
        columns = max(map(len, chunks))
        ids = np.full((len(chunks), columns), self._pad, np.int64)
        new = np.zeros((len(chunks), columns), bool)
        positions = np.zeros((len(chunks), columns), np.int64)
        for row, chunk in enumerate(chunks):
            gap = columns - len(chunk)
            ids[row, gap:], new[row, gap:] = chunk, True
            positions[row, gap:] = places[row] + np.arange(len(chunk))
            places[row] += len(chunk)
        return ids, new, np.broadcast_to(positions, (3, *positions.shape)).copy()

    def _choose(
        self, logits: torch.Tensor, allowed: Masks, looks: Sequence[Look]
    ) -> tuple[list[int], list[list[float]]]:
        """The next token of each row, and its probabilities of the five grades, should this be one."""
        words = torch.from_numpy(allowed).to(self._device)
        may = ((words[:, :, None] >> self._bits) & 1).bool().flatten(1)[:, : logits.shape[1]]
        masked = logits.masked_fill(~may, float("-inf"))
        best, tokens = masked.max(dim=-1)
        points = [look.draws.random() if look.draws is not None else -1.0 for look in looks]
        if any(point >= 0 for point in points):
            tokens = self._draw(masked, tokens, points)
        shares = torch.softmax(logits[:, self._levels], dim=-1)
        found = torch.cat([tokens[:, None].float(), best[:, None], shares], dim=1).tolist()
        if not np.isfinite([row[1] for row in found]).all():
            raise NotFiniteError(
                "the model computes numbers that are none; its weights are damaged, or its type is too narrow"
            )
        return [int(row[0]) for row in found], [row[2:] for row in found]

    def _draw(self, masked: torch.Tensor, likeliest: torch.Tensor, points: list[float]) -> torch.Tensor:
        """For rows with a point in 0..1: the token at that point of the heaped probabilities."""
        heap = torch.softmax(masked / self._temperature, dim=-1).cumsum(-1)
        point = torch.tensor(points, device=self._device, dtype=heap.dtype)[:, None]
        drawn = torch.searchsorted(heap, point * heap[:, -1:], right=True).clamp_(max=heap.shape[1] - 1)
        possible = torch.isfinite(masked.gather(1, drawn)) & (point >= 0)
        return torch.where(possible, drawn, likeliest[:, None])[:, 0]
