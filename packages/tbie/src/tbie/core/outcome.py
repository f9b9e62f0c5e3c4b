"""What an execution can say about its work. There are three answers and no fourth.

A handler that raises is not an answer: the worker turns it into ``Retry`` and keeps the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tbie.core.keys import ItemKey

Facts = Mapping[str, object]
"""What a stage has found out: JSON-serialisable, owned by that stage alone."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The work is done and these are its facts.

    ``invalidates`` names stages of *other* items whose stored facts are contradicted by what was found here; they are
    reset to that boundary in the same Truth transaction (a new member joins a group, say).
    """

    facts: Facts
    invalidates: tuple[tuple[ItemKey, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Retry:
    """Something outside this item was in the way; the same intent is worth another attempt.

    ``not_before_ms`` is epoch milliseconds; None lets the stage's back-off decide. With ``counted`` false it was no attempt
    at all (the server is away as a whole): it uses up neither a receive nor an attempt, so it never becomes a failure,
    however long that lasts. The row still says why it waits, and what fails together is paused as a class.
    """

    reason: str
    not_before_ms: int | None = None
    evidence: Facts = field(default_factory=dict)
    counted: bool = True


@dataclass(frozen=True, slots=True)
class TerminalFailure:
    """Another attempt would give the same answer.

    ``reason`` is a stable code (``snake_case``); ``retriable`` says whether a *replay* makes sense once somebody has
    changed something outside (freed the disk, restored the file).
    """

    reason: str
    retriable: bool
    evidence: Facts = field(default_factory=dict)


Outcome = Completed | Retry | TerminalFailure
