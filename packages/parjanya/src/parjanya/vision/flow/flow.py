"""The loop that joins preparation, plan and device: pictures in, answers as they come.

Callers: engines that hold a model in this process. The caller's thread is the device's thread: ``run`` is called while the
caller asks for the next answer. The threads of the feeder prepare meanwhile.

When memory is not enough: the batch in halves with the same inputs; a picture alone with half the pixel budget, down to a
floor, which its provenance says; then ``gpu_out_of_memory``. After several of those ``worn`` asks for a fresh process. When
a batch raises anything else, each of its pictures runs alone: the one at fault keeps the error, the others are answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic

from parjanya.vision.engine import Begin, Observed, Picture, Seen, Unanswered
from parjanya.vision.flow.device import DeviceModel, OutOfMemoryError, P
from parjanya.vision.flow.feeder import Feeder, Ready
from parjanya.vision.flow.plan import Budget, fewer_pixels, halves, next_batch, padded
from parjanya.vision.flow.words import evidence_of, printable
from parjanya.vision.flow.worn import Wear
from tbie.core.clock import Clock

Answers = list[tuple[int, Seen]]


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """Numbers of the flow."""

    pixels: int
    """The pixel budget that is asked for."""
    pixels_floor: int = 256 * 1024
    """Below about 512 by 512 pixels a model guesses at focus and faces; then no answer is better."""
    threads: int = 2
    """A device that sees 5 pictures a second needs less than one core for previews; two hide a slow one."""
    prepared_bytes: int = 768 * 1024 * 1024
    """Host memory for what is prepared or on the device: two batches of sixteen at a megapixel."""
    most_items: int = 64
    """Pictures in a batch at most, however small."""
    tokens_floor: int = 1024
    """A budget below one picture only lets pictures go alone; there is nothing to learn further down."""
    tokens_ceiling: int = 1 << 20
    """More than the largest accelerators hold: a bound for arithmetic."""
    piece_s: float = 60.0
    """A batch should take no longer, or the next one is smaller: a supervisor ends a worker after three times as much silence."""
    worn_ooms: int = 3
    """One may be a neighbour on the device, two a coincidence."""
    worn_window_s: float = 600.0
    """Ten minutes: longer than a flow, shorter than a night in which neighbours come and go."""
    failures_in_a_row: int = 3
    """A device that is broken (a sticky error of its driver) fails for everything; pictures at fault are single."""


@dataclass(frozen=True, slots=True)
class _Held(Generic[P]):
    """One prepared picture, until it is answered."""

    position: int
    prepared: P
    bytes: int
    """What it was counted with, whatever it is prepared for since."""

    @property
    def tokens(self) -> int:
        return max(1, self.prepared.tokens)


class DeviceFlow(Generic[P]):
    """One model's flow. Not thread-safe. What it learns of the device (budget, wear) lasts from one call to the next."""

    def __init__(self, model: DeviceModel[P], settings: FlowSettings, clock: Clock) -> None:
        self._model, self._settings, self._clock = model, settings, clock
        self._budget: Budget | None = None
        self._wear = Wear(clock, settings.worn_ooms, settings.worn_window_s, settings.failures_in_a_row)

    @property
    def budget(self) -> int | None:
        """Padded tokens that a batch may have now, None before the first."""
        return self._budget.tokens if self._budget else None

    def worn(self) -> str | None:
        """Why this process should make room for a fresh one, None if it need not."""
        return self._wear.words

    def observe(self, pictures: Sequence[Picture], begin: Begin) -> Iterator[tuple[int, Seen]]:
        """(position, answer) of each picture once, as they come; *begin* is told of each picture before it is
        prepared, by the thread that prepares it, and of each piece before it runs.

        *pictures* may make each picture when it is asked for: the threads that prepare ask, each position once. Closing the
        iterator begins nothing more and waits for the threads.
        """
        if not pictures:
            return
        settings = self._settings
        if self._budget is None:
            self._budget = Budget.first(self._model.room_tokens(), settings.tokens_floor, settings.tokens_ceiling)
        feeder = Feeder(
            self._model.prepare, begin, pictures, settings.pixels, settings.threads, settings.prepared_bytes
        )
        answered: set[int] = set()
        try:
            for position, seen in self._answers(feeder, begin):
                answered.add(position)
                yield position, seen
        finally:
            feeder.close()
        for position in range(len(pictures)):  # only if the device is broken is any left
            if position not in answered:
                yield position, Unanswered("device_failing", {"message": self._wear.words or ""}, counted=False)

    def _answers(self, feeder: Feeder[P], begin: Begin) -> Iterator[tuple[int, Seen]]:
        waiting: list[_Held[P]] = []
        pieces: list[list[_Held[P]]] = []
        while not self._wear.broken:
            if not pieces:
                fresh = feeder.take(lambda ready: self._is_enough(waiting, ready))
                waiting.extend(_held(fresh))
                yield from ((one.position, one.failed) for one in fresh if one.failed is not None)
                if not waiting and not fresh:
                    return
                pieces = [self._choose(waiting)] if waiting else []
                continue
            piece = pieces.pop()
            begin([one.position for one in piece])
            answers, again = self._attempt(piece)
            pieces += again
            left = {one.position for part in again for one in part}
            feeder.release(sum(one.bytes for one in piece if one.position not in left))
            del piece, again  # what was answered must not be held while its answers are stored
            yield from answers

    def _is_enough(self, waiting: Sequence[_Held[P]], ready: Sequence[Ready[P]]) -> bool:
        """Whether a batch can be filled: a device that starts on the first picture alone would be slower than one that waits."""
        assert self._budget is not None
        tokens = [one.tokens for one in waiting] + [one.prepared.tokens for one in ready if one.prepared is not None]
        return sum(tokens) >= self._budget.tokens or len(tokens) >= self._settings.most_items

    def _choose(self, waiting: list[_Held[P]]) -> list[_Held[P]]:
        assert self._budget is not None
        chosen = next_batch(waiting, self._budget.tokens, self._settings.most_items)
        gone = {one.position for one in chosen}
        waiting[:] = [one for one in waiting if one.position not in gone]
        return chosen

    def _attempt(self, piece: list[_Held[P]]) -> tuple[Answers, list[list[_Held[P]]]]:
        """Run *piece*: what was answered, and what is to be run next instead (the last of it first)."""
        assert self._budget is not None
        used = padded(piece)
        words: str | None = None
        began_s = self._clock.monotonic_s()
        try:
            seen = self._run(piece)
        except OutOfMemoryError as error:
            words = printable(str(error))
        except Exception as error:  # noqa: BLE001 - of many: run each alone; of one: it is that picture's
            if len(piece) > 1:
                return [], [[one] for one in reversed(piece)]
            evidence = evidence_of(error)
            self._wear.failed(f"{evidence['type']}: {evidence['message']}")
            return [(piece[0].position, Unanswered("model_error", evidence))], []
        if words is None:
            took_s, most_s = self._clock.monotonic_s() - began_s, self._settings.piece_s
            slow = len(piece) > 1 and took_s > most_s
            self._budget = self._budget.slow(used, took_s, most_s) if slow else self._budget.fitted(used)
            self._wear.fitted(used)
            return [(one.position, self._stamped(one, what)) for one, what in zip(piece, seen, strict=True)], []
        if len(piece) > 1:
            self._budget = self._budget.failed(used)
            first, second = halves(piece)
            return [], [second, first]
        return self._smaller(piece[0], words)

    def _run(self, piece: Sequence[_Held[P]]) -> Sequence[Seen]:
        seen = self._model.run([one.prepared for one in piece])
        if len(seen) != len(piece):
            raise ValueError(f"the model gave {len(seen)} answers for {len(piece)} pictures")
        return seen

    def _smaller(self, one: _Held[P], words: str) -> tuple[Answers, list[list[_Held[P]]]]:
        """One picture alone did not fit: with fewer pixels, or not at all."""
        asked, pixels = self._settings.pixels, one.prepared.pixels
        fewer = fewer_pixels(pixels, min(asked, self._settings.pixels_floor))
        self._wear.did_not_fit(one.tokens, smallest=fewer is None)
        if fewer is None:
            evidence = {"message": words, "tokens": one.tokens, "pixel_budget": pixels, "pixel_budget_asked": asked}
            return [(one.position, Unanswered("gpu_out_of_memory", evidence))], []
        try:
            again = self._model.prepare(one.prepared.picture, fewer)
        except Exception as error:  # noqa: BLE001 - it could be prepared before, so this is no fault of the picture's
            return [(one.position, Unanswered("preparation_failed", evidence_of(error)))], []
        return [], [[replace(one, prepared=again)]]

    def _stamped(self, one: _Held[P], seen: Seen) -> Seen:
        """With the budget that was in force: what a model saw depends on it."""
        if not isinstance(seen, Observed):
            return seen
        budgets = {"pixel_budget": one.prepared.pixels, "pixel_budget_asked": self._settings.pixels}
        return replace(seen, provenance={**seen.provenance, **budgets})


def _held(fresh: Iterable[Ready[P]]) -> Iterator[_Held[P]]:
    for one in fresh:
        if one.prepared is not None:
            yield _Held(one.position, one.prepared, one.prepared.bytes)
