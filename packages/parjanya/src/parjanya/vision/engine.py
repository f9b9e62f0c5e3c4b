"""What a vision-language engine is: it is shown pictures and says what it sees, as typed fields, never as a verdict.

Callers: the stage ``observe`` gives it the large previews of what a worker has claimed. Engines: ``openai`` (any server that
speaks chat completions), ``transformers`` (in this process). Each overlaps its own preparation with its own device or
requests; the kernel sees answers as they come.

Pictures are hostile: text inside an image may ask for anything. It cannot change what is asked, which fields exist or what
rules decide; at worst it makes an observation wrong, which is why policies want a second witness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tbie.execution import Drift

PIXEL_BUDGET = 1_024 * 32 * 32
"""Pixels of a picture as a model sees it, unless another budget is declared: 1,024 tokens of 32 by 32 pixels, about what a
preview of 2,048 by 1,365 holds after halving. More costs time in proportion; focus and noise are measured elsewhere."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture to look at."""

    name: str
    """The item's id, for messages and logs."""
    jpeg: bytes
    """The large preview (at most 2048 px), as stored: a JPEG made by this program."""
    attempt: int = 1
    """1 for the first time. An engine varies its seed with it: the same question asked the same way fails the same way."""


@dataclass(frozen=True, slots=True)
class Graded:
    """A grade with what the model's own probabilities say about it."""

    expected: float
    """1..5: the mean over the five levels."""
    entropy: float
    """0 (certain) .. 1 (all five levels alike)."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A valid observation."""

    observation: Mapping[str, Any]
    """By field name (``parjanya.observation.fields``), validated."""
    grades: Mapping[str, Graded] = field(default_factory=dict)
    """By grade field, where the engine gives probabilities; a grade that is missing here is known by its digit alone."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """What ran: ``pixel_budget`` in force, ``grid``, ``tokens``, ``seed``, ``finish_reason``, ``run_s``, what the server calls
    itself, … Stamped from what ran, not from what was asked for."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No valid observation."""

    reason: str
    """A stable code: ``answer_truncated``, ``answer_invalid``, ``model_unreachable``, ``model_refused``,
    ``gpu_out_of_memory``, ``preview_unreadable``, …"""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """Bounded, printable, without secrets: the beginning of what came back, the status, the budget."""
    terminal: bool = False
    """Another attempt would give the same answer (the preview cannot be decoded, say)."""
    not_before_s: float | None = None
    """Seconds to wait before another attempt, if the server said so (429, 503 with Retry-After)."""
    counted: bool = True
    """False if the item is not to blame and no receive should be used up (the server is away as a whole)."""


Seen = Observed | Unanswered
Begin = Callable[[Sequence[int]], None]
"""Called with positions just before work on them begins that cannot be divided: if the process dies, these are suspects."""


class Engine(Protocol):
    """One model, ready to look. Not thread-safe unless it says so; one per worker process."""

    @property
    def name(self) -> str:
        """``openai`` or ``transformers``."""
        ...

    def identity(self) -> Mapping[str, Any]:
        """All that changes answers, as plain data: model, manifest id, prompt and schema hashes, pixel budget, sampling, engine
        code version. Its fingerprint is part of the version of the stage ``observe``; it is stamped on every row."""
        ...

    def attest(self) -> Drift | None:
        """Whether this process may take work, asked at boot and then every heartbeat: None if it may.

        At boot in full (files, hashes, golden answers; or a server that is reachable and enforces the schema), later only what
        is cheap. Never raises; what is wrong is in the drift, in words.
        """
        ...

    def observe(self, pictures: Sequence[Picture], begin: Begin) -> Iterator[tuple[int, Seen]]:
        """Look at *pictures*: (position, what came of it), each position once, in any order, as they come.

        Closing the iterator stops it: nothing new is begun, what is unanswered stays so.
        """
        ...

    def worn(self) -> str | None:
        """Why this process should finish and make room for a fresh one (memory that does not come back), None if not."""
        ...

    def close(self) -> None:
        """Let go of the model, the connections, the threads."""
        ...
