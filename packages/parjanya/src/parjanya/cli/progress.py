"""How far along: a bar on a terminal, a line now and then in a log. Always on the error stream.

Called by ``curate``, ``ingest --wait`` and ``replay``: standard output belongs to results. The caller says what has
happened; this module owns no clock and no thread, so it says nothing between two calls. A pipe, a CI log and
``TERM=dumb`` get whole lines, at most one in `LINE_EVERY_S` seconds unless another tenth of the work is done.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from tbie.core.clock import Clock

if TYPE_CHECKING:
    from rich.progress import TaskID

LINE_EVERY_S = 5.0
LINE_EVERY_SHARE = 0.10
RATE_WINDOW_S = 15.0
DRAW_EVERY_S = 0.1
COUNTS = ("keep", "review", "reject", "failed")


def progress(total: int | None, stream: TextIO, clock: Clock) -> Display:
    """A display for *total* images (None when nobody knows yet), to be used in a ``with`` block."""
    fancy = stream.isatty() and os.environ.get("TERM") != "dumb"
    return Display(total, clock, _Bar(stream) if fancy else _Lines(stream, clock))


class Display:
    """Turns counts into rate and remaining time, and hands both to a bar or to lines."""

    def __init__(self, total: int | None, clock: Clock, face: _Bar | _Lines) -> None:
        self._total = total
        self._clock = clock
        self._face = face
        self._done = 0
        self._counts: dict[str, int] = {}
        self._started_s = clock.monotonic_s()
        self._samples: deque[tuple[float, int]] = deque([(self._started_s, 0)])

    def __enter__(self) -> Self:
        self._face.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._face.close(self._facts())

    def update(
        self,
        *,
        done: int,
        total: int | None = None,
        rate: float | None = None,
        keep: int | None = None,
        review: int | None = None,
        reject: int | None = None,
        failed: int | None = None,
    ) -> None:
        """What is true now: *done* images of *total*, and how many of each kind. None leaves a number as it was.

        *rate* is images per second where the caller knows better; else it is measured over the last seconds.
        """
        self._total = self._total if total is None else total
        self._done = done
        given = {"keep": keep, "review": review, "reject": reject, "failed": failed}
        self._counts |= {name: value for name, value in given.items() if value is not None}
        now_s = self._clock.monotonic_s()
        self._samples.append((now_s, done))
        while len(self._samples) > 2 and now_s - self._samples[1][0] >= RATE_WINDOW_S:
            self._samples.popleft()
        self._face.show(self._facts(rate))

    def _facts(self, rate: float | None = None) -> Facts:
        (first_s, first), (last_s, last) = self._samples[0], self._samples[-1]
        if rate is None and last_s > first_s and last >= first:
            rate = (last - first) / (last_s - first_s)
        left = None if self._total is None else max(0, self._total - self._done)
        remaining_s = left / rate if left is not None and rate else None
        elapsed_s = self._clock.monotonic_s() - self._started_s
        return Facts(self._done, self._total, rate, remaining_s, elapsed_s, dict(self._counts))


@dataclass(frozen=True, slots=True)
class Facts:
    """One moment of the display. ``rate`` is images per second; None is unknown, not zero."""

    done: int
    total: int | None
    rate: float | None
    remaining_s: float | None
    elapsed_s: float
    counts: Mapping[str, int]

    def tail(self) -> str:
        """Rate, remaining time and counts, as far as they are known."""
        parts = []
        if self.rate is not None:
            parts.append(f"{self.rate:.1f}/s" if self.rate < 100 else f"{self.rate:.0f}/s")
        if self.remaining_s is not None and self.done != self.total:
            parts.append(f"{duration(self.remaining_s)} left")
        parts += [f"{name} {self.counts[name]}" for name in COUNTS if name in self.counts]
        return " · ".join(parts)

    def line(self) -> str:
        """One line for a log."""
        if self.total is None:
            head = f"{self.done} images"
        else:
            share = f" ({self.done * 100 // self.total} %)" if self.total else ""
            head = f"{self.done} of {self.total} images{share}"
        tail = self.tail()
        return f"{head} · {tail}" if tail else head


def duration(seconds: float) -> str:
    """``8 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class _Lines:
    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._said_s = clock.monotonic_s()
        self._said_done = 0
        self._last = ""

    def open(self) -> None:
        """Nothing is worth a line yet."""

    def show(self, facts: Facts) -> None:
        now_s = self._clock.monotonic_s()
        tenth = bool(facts.total) and facts.done - self._said_done >= (facts.total or 0) * LINE_EVERY_SHARE
        late = now_s - self._said_s >= LINE_EVERY_S and facts.done != self._said_done
        if facts.done > self._said_done and (tenth or late):
            self._say(facts, now_s)

    def close(self, facts: Facts) -> None:
        if facts.done and facts.line() != self._last:
            self._say(facts, self._clock.monotonic_s())

    def _say(self, facts: Facts, now_s: float) -> None:
        self._said_s, self._said_done, self._last = now_s, facts.done, facts.line()
        print(self._last, file=self._stream, flush=True)


class _Bar:
    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console  # for terminals alone
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        console = Console(file=stream)
        columns = (BarColumn(bar_width=28), MofNCompleteColumn(), TextColumn("{task.fields[tail]}", markup=False))
        # auto_refresh would start a thread with a clock of its own
        self._progress = Progress(*columns, console=console, auto_refresh=False)
        self._task: TaskID | None = None
        self._drawn_s = float("-inf")

    def open(self) -> None:
        self._progress.start()
        self._task = self._progress.add_task("", total=None, tail="")

    def show(self, facts: Facts) -> None:
        if facts.elapsed_s - self._drawn_s < DRAW_EVERY_S and facts.done != facts.total:
            return
        self._drawn_s = facts.elapsed_s
        self._draw(facts)

    def close(self, facts: Facts) -> None:
        self._draw(facts)
        self._progress.stop()

    def _draw(self, facts: Facts) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=facts.done, total=facts.total, tail=facts.tail())
            self._progress.refresh()
