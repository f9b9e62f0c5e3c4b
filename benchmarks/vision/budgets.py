"""What a pixel budget costs in memory, what happens when memory is short, and what forced tokens and the shared head save."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from parjanya.vision.engine import Observed, Picture
from parjanya.vision.flow.device import OutOfMemoryError
from parjanya.vision.flow.flow import DeviceFlow, FlowSettings
from parjanya.vision.local import grammar, memory
from parjanya.vision.local.decode import ANSWER_COLUMNS, Look
from parjanya.vision.local.model import LocalModel
from tbie.core.clock import SystemClock

TOKEN_PX = 32 * 32


@dataclass(frozen=True, slots=True)
class Cost:
    """One batch at one pixel budget."""

    budget_tokens: int
    prompt_tokens: int
    pictures: int
    arithmetic_bytes: int
    """What ``room_tokens`` would reckon with."""
    peak_bytes: int | None
    """Beyond the weights, as the allocator measured it; None where there is no such allocator."""
    seconds: float | None
    """None if it did not fit."""


def costs(model: LocalModel, pictures: Sequence[Picture], budgets: Sequence[int]) -> Iterator[Cost]:
    """One batch of all *pictures* at each of *budgets* (tokens of a picture)."""
    config = model._loaded.model.config
    kept, passing = memory.bytes_per_token(config, model._loaded.model.dtype.itemsize)
    for budget in budgets:
        batch = [model.prepare(picture, budget * TOKEN_PX) for picture in pictures]
        longest = max(one.tokens for one in batch)
        reckoned = len(batch) * (longest * (kept + passing) + ANSWER_COLUMNS * kept)
        memory.let_go(model.device)
        before = _reset_peak(model.device)
        started_s = time.perf_counter()
        try:
            model.run(batch)
            seconds: float | None = time.perf_counter() - started_s
        except OutOfMemoryError:
            seconds = None
        peak = None if before is None else torch.cuda.max_memory_allocated(model.device) - before
        yield Cost(budget, longest, len(batch), reckoned, peak, seconds)


def _reset_peak(device: torch.device) -> int | None:
    if device.type != "cuda":
        return None
    torch.cuda.reset_peak_memory_stats(device)
    return int(torch.cuda.memory_allocated(device))


@dataclass(frozen=True, slots=True)
class Ladder:
    """What a flow did when memory was short."""

    how: str
    short: int
    """Runs that did not fit."""
    answered: int
    pictures: int
    budgets: list[int]
    """Pixel budgets of the answers."""


def ladder(model: LocalModel, pictures: Sequence[Picture], settings: FlowSettings) -> Ladder:
    """Cap the device's memory, or, without such a device, refuse what is too large, and let the flow cope."""
    whole = model.prepare(pictures[0], settings.pixels)
    counted = _Counted(model)
    flow = DeviceFlow(counted, settings, SystemClock())
    with _short_of_memory(model, whole.tokens) as how:
        seen = [one for _, one in flow.observe(pictures, lambda _: None)]
    budgets = sorted({one.provenance["pixel_budget"] for one in seen if isinstance(one, Observed)}, reverse=True)
    return Ladder(how, counted.short, sum(isinstance(one, Observed) for one in seen), len(pictures), budgets)


class _Counted:
    def __init__(self, model: LocalModel) -> None:
        self._model, self.short = model, 0
        self.prepare, self.room_tokens = model.prepare, model.room_tokens

    def run(self, batch: Any) -> Any:
        try:
            return self._model.run(batch)
        except OutOfMemoryError:
            self.short += 1
            raise


@contextmanager
def _short_of_memory(model: LocalModel, tokens: int) -> Iterator[str]:
    """On CUDA: no more than the weights and about two thirds of a picture. Elsewhere: runs beyond that are refused by hand."""
    if model.device.type == "cuda":
        kept, passing = memory.bytes_per_token(model._loaded.model.config, model._loaded.model.dtype.itemsize)
        memory.let_go(model.device)
        total = torch.cuda.get_device_properties(model.device).total_memory
        most = torch.cuda.memory_allocated(model.device) + int(0.6 * tokens * (kept + passing))
        torch.cuda.set_per_process_memory_fraction(most / total, model.device)
        try:
            yield f"the allocator is capped at {most / 2**30:.1f} GiB"
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0, model.device)
        return
    decoder, write = model._decoder, model._decoder.write
    cap = int(0.97 * tokens)

    def capped(looks: Sequence[Look], most: int) -> Any:
        if sum(model._prompt.length(look.grid) for look in looks) > cap:
            raise torch.OutOfMemoryError(f"injected: more than {cap} tokens")
        return write(looks, most)

    decoder.write = capped  # type: ignore[method-assign]
    try:
        yield f"injected: runs of more than {cap:,} tokens are refused"
    finally:
        decoder.write = write  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class Saving:
    """The same batch with and without something."""

    with_s: float
    without_s: float
    passes_with: int
    passes_without: int


def forced_tokens(model: LocalModel, pictures: Sequence[Picture], pixels: int) -> Saving:
    """Tokens that the schema forces are taken over, or asked of the model one by one."""
    batch = [model.prepare(picture, pixels) for picture in pictures]
    first = _timed(lambda: model.run(batch))
    follow = grammar.Row._follow

    def one_by_one(row: grammar.Row, written: list[int]) -> list[int]:
        if not written:  # the beginning is part of the prompt
            return follow(row, written)
        row.tokens += written
        row.over = row.complete = row.matcher.is_stopped()
        return written

    grammar.Row._follow = one_by_one  # type: ignore[method-assign, assignment]
    try:
        second = _timed(lambda: model.run(batch))
    finally:
        grammar.Row._follow = follow  # type: ignore[method-assign]
    return Saving(first[0], second[0], first[1], second[1])


def _timed(run: Callable[[], Any]) -> tuple[float, int]:
    started_s = time.perf_counter()
    seen = run()
    seconds = time.perf_counter() - started_s
    return seconds, max(one.provenance["passes"] for one in seen if isinstance(one, Observed))


def shared_head(model: LocalModel, pictures: Sequence[Picture], pixels: int) -> tuple[float, float, int, int]:
    """Seconds of the first pass with the head from memory and with all of it read anew; tokens of the head and of the tail."""
    batch = [model.prepare(picture, pixels) for picture in pictures]
    looks = [Look(one.patches, one.grid, None) for one in batch]
    inner, prompt = model._loaded.model, model._prompt
    started_s = time.perf_counter()
    model._decoder.first_logits(looks).cpu()
    kept_s = time.perf_counter() - started_s
    same = [look for look in looks if look.grid == looks[0].grid]
    ids = torch.tensor([[*prompt.head, *prompt.tail(look.grid)] for look in same], device=model.device)
    grids = torch.tensor([(1, *look.grid) for look in same], device=model.device)
    started_s = time.perf_counter()
    with torch.inference_mode():
        numbers = torch.cat([model._decoder.numbers(look).to(inner.dtype) for look in same])
        kinds = (ids == prompt.image).int()
        inner(
            input_ids=ids,
            mm_token_type_ids=kinds,
            pixel_values=numbers,
            image_grid_thw=grids,
            use_cache=True,
            logits_to_keep=1,
        ).logits.cpu()
    anew_s = (time.perf_counter() - started_s) * len(looks) / len(same)
    return kept_s, anew_s, len(prompt.head), len(prompt.tail(looks[0].grid))
