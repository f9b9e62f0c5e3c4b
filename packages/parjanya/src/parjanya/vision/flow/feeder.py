"""Threads that prepare pictures while the device works, bounded by the bytes that what they made holds.

Caller: ``flow``. A thread takes the next position when what is held, plus a guess for everything that is being prepared, leaves
room for one more; one picture is always allowed, however large. Bytes count until ``release``: what is on the device is held.

Each position is told to *begin* before its picture is read: a decoder that ends the process leaves its name behind.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from parjanya.vision.engine import Begin, Picture, Unanswered
from parjanya.vision.flow.device import P, UnreadableError
from parjanya.vision.flow.words import evidence_of

BYTES_PER_PIXEL = 24
"""A first guess of what a prepared pixel holds: three colours, four bytes each, twice where a model sees pairs of frames."""


@dataclass(frozen=True, slots=True)
class Ready(Generic[P]):
    """What became of one picture: *prepared*, or *failed*."""

    position: int
    prepared: P | None = None
    failed: Unanswered | None = None


class Feeder(Generic[P]):
    """Prepares *pictures* in order, in *threads* threads, from its construction until ``close``."""

    def __init__(
        self,
        prepare: Callable[[Picture, int], P],
        begin: Begin,
        pictures: Sequence[Picture],
        pixels: int,
        threads: int,
        most_bytes: int,
    ) -> None:
        self._prepare, self._begin = prepare, begin
        self._pictures, self._pixels, self._most = pictures, pixels, most_bytes
        self._guess = pixels * BYTES_PER_PIXEL
        self._changed = threading.Condition()
        self._next = self._preparing = self._held = 0
        self._ready: list[Ready[P]] = []
        self._closed = False
        self._trouble: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._work, name=f"prepare-{number}", daemon=True)
            for number in range(min(threads, len(pictures)))
        ]
        for thread in self._threads:
            thread.start()

    def take(self, enough: Callable[[Sequence[Ready[P]]], bool]) -> list[Ready[P]]:
        """What is ready: waits until it is *enough*, or until nothing more can come before something is released.

        Empty only if nothing is left, or nothing can come because all room is held by what was taken before. Raises what
        *begin* raised in a thread.
        """
        with self._changed:
            self._changed.wait_for(lambda: enough(self._ready) or not self._more_comes())
            if self._trouble is not None:
                raise self._trouble
            taken, self._ready = self._ready, []
            return taken

    def release(self, held: int) -> None:
        """Something that held *held* bytes has been answered, and is gone."""
        with self._changed:
            self._held -= held
            self._changed.notify_all()

    def close(self) -> None:
        """Begin nothing more, wait for what is being prepared, let go of all of it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._ready = []

    def _more_comes(self) -> bool:
        return self._preparing > 0 or self._may_begin()

    def _may_begin(self) -> bool:
        left = not self._closed and self._next < len(self._pictures)
        return left and (self._held == 0 or self._held + self._guess <= self._most)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._next >= len(self._pictures) or self._may_begin())
                if not self._may_begin():
                    return
                position, guess = self._next, self._guess
                self._next += 1
                self._preparing += 1
                self._held += guess
            try:
                self._begin([position])
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is for the caller, who waits for this thread
                with self._changed:
                    self._preparing -= 1
                    self._trouble, self._closed = error, True
                    self._changed.notify_all()
                return
            ready, held = self._attempt(position)
            with self._changed:
                self._preparing -= 1
                self._held += held - guess
                self._guess = max(self._guess, held)
                self._ready.append(ready)
                self._changed.notify_all()

    def _attempt(self, position: int) -> tuple[Ready[P], int]:
        try:
            prepared = self._prepare(self._pictures[position], self._pixels)
        except UnreadableError as error:
            return Ready(position, failed=Unanswered("preview_unreadable", evidence_of(error), terminal=True)), 0
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this picture's, and the others go on
            return Ready(position, failed=Unanswered("preparation_failed", evidence_of(error))), 0
        return Ready(position, prepared), prepared.bytes
