"""A device that follows a script: for tests of the flow. It holds padded tokens up to a limit, and one picture may be its end.

Tests add this folder to ``sys.path`` and import it. A picture's bytes say what it comes to: ``b"tokens=900"``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from parjanya.vision.engine import Observed, Picture, Seen
from parjanya.vision.flow.device import OutOfMemoryError, UnreadableError

PIXELS = 1 << 20
"""The pixel budget that the tests ask for; a picture of *n* tokens comes to ``n`` at it, and to less at less."""


def picture(name: int | str, tokens: int = 100) -> Picture:
    """One that comes to *tokens* at ``PIXELS``."""
    return Picture(str(name), f"tokens={tokens}".encode())


@dataclass(frozen=True, slots=True)
class ScriptedPrepared:
    """A prepared picture: numbers, and nothing behind them."""

    picture: Picture
    tokens: int
    bytes: int
    pixels: int


@dataclass
class ScriptedDevice:
    """Answers with the picture's name; remembers what was asked of it."""

    limit: int = 1 << 30
    """Padded tokens that fit."""
    room: int = 1000
    """What ``room_tokens`` guesses."""
    fails: Callable[[Sequence[str]], Exception | None] = lambda names: None
    """Given the names in a batch, what ``run`` raises."""
    gate: threading.Event | None = None
    """``run`` waits here if it is set."""
    holds: int = 1000
    """Bytes of a prepared picture."""
    inside: threading.Event = field(default_factory=threading.Event)
    """Set while ``run`` is inside."""
    batches: list[list[str]] = field(default_factory=list)
    refused: list[list[str]] = field(default_factory=list)
    prepared: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    run_threads: set[int] = field(default_factory=set)
    held_now: int = 0
    most_held: int = 0

    def prepare(self, picture: Picture, pixels: int) -> ScriptedPrepared:
        """As the picture's bytes say."""
        head, _, number = picture.jpeg.partition(b"=")
        if head == b"broken":
            raise RuntimeError("the decoder has a bug")
        if head != b"tokens":
            raise UnreadableError("this is no picture\x1b[2J")
        with self.changed:
            self.prepared.append(picture.name)
            self.held_now += self.holds
            self.most_held = max(self.most_held, self.held_now)
            self.changed.notify_all()
        return ScriptedPrepared(picture, max(1, int(number) * pixels // PIXELS), self.holds, pixels)

    def run(self, batch: Sequence[ScriptedPrepared]) -> Sequence[Seen]:
        """Each with its name as observation, if the batch fits."""
        names = [one.picture.name for one in batch]
        self.run_threads.add(threading.get_ident())
        self.inside.set()
        if self.gate is not None and not self.gate.wait(20):
            raise AssertionError("nobody opened the gate")
        self.inside.clear()
        if len(batch) * max(one.tokens for one in batch) > self.limit:
            self.refused.append(names)
            raise OutOfMemoryError(f"{len(batch)} pictures want more than {self.limit} tokens")
        error = self.fails(names)
        if error is not None:
            self.refused.append(names)
            raise error
        self.batches.append(names)
        with self.changed:
            self.held_now -= sum(one.bytes for one in batch)
        return [Observed({"name": one.picture.name}, provenance={"tokens": one.tokens}) for one in batch]

    def room_tokens(self) -> int:
        """``room``."""
        return self.room

    def wait_prepared(self, count: int) -> bool:
        """Until *count* pictures have been prepared."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.prepared) >= count, 20)
