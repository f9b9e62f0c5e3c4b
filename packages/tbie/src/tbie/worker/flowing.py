"""One flow of a handler that answers as it goes: what has begun, what was answered, and what becomes of the rest.

Caller: ``worker`` alone. Nothing here touches a store. Also decides which messages may be run in one piece with others.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

from tbie.core.errors import SettingsError
from tbie.core.outcome import Completed, Outcome, Retry, TerminalFailure
from tbie.execution import AnyHandler, AsTheyCome, Progress, Suspect, Together, Work
from tbie.truth import QUARANTINED
from tbie.worker.chain import FAULTS, Job, raised
from tbie.workflow import Stage


def check_receives(stage: Stage, handler: AnyHandler | None) -> None:
    """Refuse a stage of which a death could not be traced to one item.

    Raises:
        SettingsError: several items run in one piece, and none of them gets a second receive.
    """
    several = stage.claim_batch > 1 and isinstance(handler, Together | AsTheyCome)
    if several and stage.retry.max_receives < 2:
        raise SettingsError(
            f"stage {stage.name!r} runs up to {stage.claim_batch} items in one piece but allows a single receive: if one of "
            "them ends the process nobody can tell which (from the second receive on they run alone). Allow two, or claim one."
        )


def pieces(jobs: Sequence[Job], stage: Stage) -> list[list[Job]]:
    """*jobs* as they are to be run: those that may share a piece first, then each of the others alone.

    Alone goes what may have taken others with it: a receive that nobody answered, a death, an exception. And the last
    receive: it ends in a failure, and nobody may fail for what somebody else does.
    """
    together = [job for job in jobs if not _alone(job, stage)]
    rest = [[job] for job in jobs if _alone(job, stage)]
    return [together, *rest] if together else rest


def why_worn(handler: AsTheyCome) -> str | None:
    """What *handler* says of its process. One that cannot even say that makes room, too: a fresh process may be better."""
    try:
        return handler.worn()
    except Exception as error:  # noqa: BLE001 - whatever it raises, what was done is done, and the rest is given back
        return f"{type(error).__name__}: {error}"


def _alone(job: Job, stage: Stage) -> bool:
    receives, record = job.message.receives, job.record
    if receives <= 1:
        return False
    answered = record.attempts >= receives - 1 and record.reason is not None
    suspicious = record.reason in QUARANTINED or record.reason in FAULTS
    return not answered or suspicious or receives >= stage.retry.max_receives


class Flowing:
    """A flow over *jobs*. ``next`` from one thread; ``begin``, which the flow is given, from any."""

    def __init__(
        self,
        handler: AsTheyCome,
        jobs: Sequence[Job],
        works: Sequence[Work],
        stage: Stage,
        progress: Progress,
        on_begin: Callable[[], None] = lambda: None,
    ) -> None:
        self._jobs, self._stage, self._progress, self._on_begin = jobs, stage, progress, on_begin
        self._left = dict.fromkeys(range(len(jobs)))  # not answered, in order
        self._begun: dict[int, None] = {}  # of these, what has begun, oldest first
        self._anything = False
        self._error: Exception | None = None
        self._ended = self._over = False
        self._lock = threading.Lock()
        self._stream: Iterator[tuple[int, Outcome]] | None = None
        self._note()
        try:
            self._stream = iter(handler.run(works, self.begin))
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the intents must survive it
            self._error = error

    def begin(self, positions: Sequence[int]) -> None:
        """Work on *positions* starts now.

        Raises:
            ValueError: one of them is none, or is answered; or the flow is over.
        """
        with self._lock:
            if self._over:  # a thread that it left behind: what it has in hand was given back, and is nobody's fault
                raise ValueError(f"the flow begins {list(positions)}, and is over")
            wrong = [position for position in positions if position not in self._left]
            if wrong:
                raise ValueError(
                    f"the flow begins {wrong} of {len(self._jobs)} works: answered already, or no position"
                )
            for position in positions:
                self._begun.pop(position, None)
                self._begun[position] = None
            self._anything = self._anything or bool(positions)
            self._note()
        self._on_begin()

    def next(self) -> tuple[Job, Outcome] | None:
        """The next answer; None when there is none any more."""
        if self._error is not None or self._stream is None:
            return None
        try:
            position, outcome = next(self._stream)
            return self._jobs[self._answer(position, outcome)], outcome
        except StopIteration:
            self._ended = True
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the intents must survive it
            self._error = error
        return None

    def _answer(self, position: int, outcome: Outcome) -> int:
        if not isinstance(outcome, Completed | Retry | TerminalFailure):
            raise TypeError(f"the flow answered {position!r} with {outcome!r}, which is no outcome")
        with self._lock:
            if position not in self._left:
                raise ValueError(
                    f"the flow answered {position!r} twice, or it is no position of {len(self._jobs)} works"
                )
            del self._left[position]
            self._begun.pop(position, None)
            self._anything = True
            self._note()
        return position

    def _note(self) -> None:
        positions = list(reversed(self._begun)) or list(self._left)  # newest first
        jobs = [self._jobs[position] for position in positions]
        suspects = [Suspect(job.item.key, job.record.token) for job in jobs]
        if self._begun:
            self._progress.begin(self._stage.name, suspects, self._stage.max_run_s)
        elif suspects:
            self._progress.prepare(self._stage.name, suspects)
        else:
            self._progress.end()

    def close(self) -> None:
        """Stop it, whatever it was doing. What it says about that is not heard any more: its works go back."""
        close = getattr(self._stream, "close", None)
        if close is not None:
            with contextlib.suppress(Exception):
                close()
        with self._lock:
            self._over = True
            self._progress.end()

    def unanswered(self) -> tuple[list[tuple[Job, Retry]], list[Job]]:
        """Once it is over: what was not answered and has used up its receive, and what goes back untouched."""
        left = [self._jobs[position] for position in self._left]
        if self._ended:
            words = f"the flow ended without an answer for {len(left)} of {len(self._jobs)} works"
            return [(job, Retry("handler_error", evidence={"message": words})) for job in left], []
        if self._error is None:
            return [], left
        retry = raised(self._error)
        if not self._anything:  # nothing would ever change: the same works would be given back, and taken, for ever
            return [(job, retry) for job in left], []
        begun = [self._jobs[position] for position in self._begun]
        return [(job, retry) for job in begun], [self._jobs[p] for p in self._left if p not in self._begun]
