"""A loaded model behind the protocol of the flow: prepare on the processor, run a batch, say what would fit.

Callers: ``engine`` gives it to ``parjanya.vision.flow``; the artifact manifest asks the same object for golden answers.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from parjanya.observation.validate import Wrong, printable, validate
from parjanya.vision.artifact.golden import LOOKED_AT, Glimpse
from parjanya.vision.engine import Graded, Observed, Picture, Seen, Unanswered
from parjanya.vision.flow.device import OutOfMemoryError
from parjanya.vision.local import memory
from parjanya.vision.local.bounds import most_tokens
from parjanya.vision.local.decode import Decoder, Look, Written
from parjanya.vision.local.folder import ModelFolder
from parjanya.vision.local.load import Loaded
from parjanya.vision.local.pixels import Patches, decode, patches
from parjanya.vision.local.settings import LocalSettings
from tbie.core.clock import Clock


@dataclass(frozen=True, slots=True)
class Preview:
    """One picture, ready for the device."""

    picture: Picture
    tokens: int
    """Length of the prompt with it."""
    pixels: int
    """The budget that it was prepared for."""
    patches: Patches
    grid: tuple[int, int]

    @property
    def bytes(self) -> int:
        """Host memory that it holds."""
        return self.patches.nbytes + len(self.picture.jpeg)


class LocalModel:
    """One model on one device. ``prepare`` is safe in many threads, everything else is for one."""

    def __init__(self, folder: ModelFolder, loaded: Loaded, settings: LocalSettings, clock: Clock) -> None:
        self._folder, self._loaded, self._settings, self._clock = folder, loaded, settings, clock
        model = loaded.model
        self.device, self._prompt = model.device, loaded.prompt
        self.dtype = str(model.dtype).removeprefix("torch.")
        self._decoder = Decoder(model, loaded.prompt, loaded.grammar, folder.images, folder.pad, settings.temperature)
        self._most = settings.most_tokens or most_tokens()

    @property
    def ran_on(self) -> str:
        """``cpu``, or what the accelerator calls itself."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else str(self.device.type)

    def prepare(self, picture: Picture, pixels: int) -> Preview:
        """Decode, resize under *pixels*, cut into patches. Raises ``UnreadableError``."""
        cut, grid = patches(decode(picture.jpeg), self._folder.images, pixels)
        return Preview(picture, self._prompt.length(grid), pixels, cut, grid)

    def run(self, batch: Sequence[Preview]) -> Sequence[Seen]:
        """Observe *batch*. Raises ``OutOfMemoryError`` when it holds nothing any more."""
        started_s = self._clock.monotonic_s()
        seeds = [seed_of(one.picture) for one in batch]
        written: list[Written] = []
        words: str | None = None
        try:
            written = self._decoder.write(
                [_look(one, seed) for one, seed in zip(batch, seeds, strict=True)], self._most
            )
        except (RuntimeError, MemoryError) as error:
            if not memory.is_out_of_memory(error):
                raise
            words = str(error)  # the error itself holds the frames, and they hold the tensors
        if words is not None:
            memory.let_go(self.device)
            raise OutOfMemoryError(words[:500])
        ran = {
            "device": self.ran_on,
            "dtype": self.dtype,
            "batch": len(batch),
            "run_s": round(self._clock.monotonic_s() - started_s, 4),
        }
        return [self._seen(*each, ran) for each in zip(batch, seeds, written, strict=True)]

    def room_tokens(self) -> int:
        """A first guess of the padded tokens that fit now."""
        side = self._folder.images.patch * self._folder.images.merge
        typical = len(self._prompt.head) + len(self._prompt.rest) + self._settings.pixels // side**2
        element = self._loaded.model.dtype.itemsize
        return memory.room_tokens(self._loaded.model.config, element, self.device, typical)

    def rendered(self) -> str:
        """The prompt as the folder's chat template renders it."""
        return self._loaded.rendered

    def glimpse(self, picture: bytes) -> Glimpse:
        """What it makes of *picture*, alone and greedily: for golden answers."""
        one = self.prepare(Picture("golden", picture), self._settings.pixels)
        look = _look(one, None)
        numbers = self._decoder.numbers(look).double() if self.device.type != "mps" else self._decoder.numbers(look)
        logits, tokens = self._decoder.first_logits([look])[0].topk(LOOKED_AT)
        (written,) = self._decoder.write([look], most_tokens())
        answer = validate(written.row.text)
        if isinstance(answer, Wrong):
            raise ValueError(f"the answer is no observation: {'; '.join(answer.problems)}")  # noqa: TRY004 - of a text
        top = tuple((int(token), float(logit)) for token, logit in zip(tokens.tolist(), logits.tolist(), strict=True))
        return Glimpse((1, *one.grid), float(numbers.mean()), float(numbers.std(correction=0)), one.tokens, top, answer)

    def _seen(self, one: Preview, seed: int | None, written: Written, ran: Mapping[str, Any]) -> Seen:
        text = written.row.text
        provenance = {
            **ran,
            "grid": list(one.grid),
            "tokens": one.tokens,
            "new_tokens": len(written.row.tokens),
            "passes": written.passes,
            "seed": seed,
            "finish_reason": "stop" if written.row.complete else "length",
        }
        if not written.row.complete:
            return Unanswered(
                "answer_truncated", {"beginning": printable(text), "most_tokens": self._most, **provenance}
            )
        observation = validate(text)
        if isinstance(observation, Wrong):
            return Unanswered(
                "answer_invalid",
                {"problems": list(observation.problems), "beginning": observation.beginning, **provenance},
            )
        return Observed(observation, {name: graded(shares) for name, shares in written.levels.items()}, provenance)


def graded(shares: Sequence[float]) -> Graded:
    """Probabilities of 1..5 as their mean, and their entropy as a share of the largest there can be."""
    total = sum(shares)
    parts = [share / total for share in shares]
    expected = sum(level * part for level, part in enumerate(parts, 1))
    entropy = -sum(part * math.log(part) for part in parts if part > 0) / math.log(len(parts))
    return Graded(min(5.0, max(1.0, expected)), min(1.0, max(0.0, entropy)))


def seed_of(picture: Picture) -> int | None:
    """The seed of this attempt at *picture*: none for the first, which takes the likeliest; then one that depends on it alone."""
    if picture.attempt <= 1:
        return None
    return int.from_bytes(hashlib.sha256(f"{picture.name}\0{picture.attempt}".encode()).digest()[:6], "big")


def _look(one: Preview, seed: int | None) -> Look:
    return Look(one.patches, one.grid, None if seed is None else np.random.default_rng(seed))
