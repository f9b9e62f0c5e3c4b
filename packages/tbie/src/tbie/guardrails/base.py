"""Guardrails: the checks that incidents left behind. Pure: readings of a machine in, pass, fail or unknown out.

Callers: ``doctor``, and every engine when it starts. Who takes the readings knows files and processes; nothing here does.
A reading that failed gives *unknown*, which is not a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeVar

from tbie.core.outcome import Facts
from tbie.core.reading import Known, Reading, Unknown
from tbie.core.settings import Settings
from tbie.workflow import Stage

T = TypeVar("T")


class Result(StrEnum):
    """What became of a check."""

    PASS = "pass"  # noqa: S105 - a word, not a secret
    FAIL = "fail"
    UNKNOWN = "unknown"  # what it looks at could not be read


class Tried(NamedTuple):
    """Something that was done to see whether it can be done."""

    ok: bool
    detail: str


class Clocks(NamedTuple):
    """What the clocks around one process say, in epoch milliseconds."""

    process_ms: int
    files_ms: int
    """The time that the file system gave to a file written just then."""
    newest_heartbeat_ms: int | None
    stepped_s: float
    """How far wall time and monotonic time came apart while this was read."""


class Leaders(NamedTuple):
    """Who says that it leads, and since when nobody has."""

    engine_alive: bool
    """Whether some process holds the lock of the engine."""
    leading: tuple[str, ...]
    """Reconcilers whose last heartbeat is fresh and says that they lead."""
    heartbeat_age_s: float | None


def not_read(what: str) -> Unknown:
    """A reading that nobody took."""
    return Unknown("it was not read", what, 0)


NOT_READ = not_read("doctor")


@dataclass(slots=True)
class Surroundings:
    """Everything that guardrails look at, as it was read on one machine."""

    settings: Settings
    absent: frozenset[str] = frozenset()
    """Guardrails about something that an instance of this kind does not have."""
    refused: str | None = None
    """Why the settings that were given do not stand; ``settings`` are then the defaults."""
    stages: Sequence[Stage] = ()
    dead_letters: Mapping[str, Reading[int]] = field(default_factory=dict)
    """By stage: how many dead letters could be read."""
    free_bytes: Mapping[str, Reading[int]] = field(default_factory=dict)
    schemas: Mapping[str, Reading[tuple[int, int]]] = field(default_factory=dict)
    """By file: its version, and the one that this program writes."""
    logs: Mapping[str, Reading[tuple[bool, bool]]] = field(default_factory=dict)
    """By file: whether it keeps a write-ahead log, and whether it should."""
    manifest: Reading[Mapping[str, tuple[str | None, str | None]] | None] = NOT_READ
    """Components that differ, as declared and found; None if nothing was declared."""
    worker: Reading[Tried] = NOT_READ
    clocks: Reading[Clocks] = NOT_READ
    uses: Mapping[str, Reading[Tried]] = field(default_factory=dict)
    """By store: whether it could be written, read and cleaned up."""
    leaders: Reading[Leaders] = NOT_READ
    tenants: Reading[tuple[frozenset[str], frozenset[str]]] = NOT_READ
    """Those that have records, and those that are rows."""
    buckets: Reading[Mapping[str, str | None]] = NOT_READ
    """Buckets in use, each with the error of resolving it, None if there was none."""
    locks: Reading[Tried] = NOT_READ
    open_files: Reading[int] = NOT_READ
    oldest_open_s: Reading[float | None] = NOT_READ
    cloud: Mapping[str, Reading[object]] = field(default_factory=dict)
    """By guardrail of ``cloud``: what is wrong with that part of a deployment. Empty where there is none."""


class Found(NamedTuple):
    """What a check saw."""

    result: Result
    detail: str
    evidence: Facts


Check = Callable[[Surroundings], Found]


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One check and the incident it was left behind by."""

    name: str
    incident: str
    remedy: str
    check: Check
    needed: bool = False
    """An engine does not start when it fails: work would be done twice, or lost, or written where nobody finds it."""
    at_start: bool = True
    """Cheap, and meaningful before an engine has declared itself: examined whenever one starts."""


class Examined(NamedTuple):
    """One guardrail with what it found."""

    guardrail: Guardrail
    found: Found

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        rail, found = self.guardrail, self.found
        remedy = None if found.result is Result.PASS else rail.remedy
        return {
            "name": rail.name,
            "result": found.result.value,
            "detail": found.detail,
            "evidence": dict(found.evidence),
            "incident": rail.incident,
            "remedy": remedy,
        }


def examine(guardrails: Sequence[Guardrail], surroundings: Surroundings) -> list[Examined]:
    """Every guardrail that means something here with what it found, in order."""
    meant = [rail for rail in guardrails if rail.name not in surroundings.absent]
    return [Examined(rail, rail.check(surroundings)) for rail in meant]


def passed(detail: str, **evidence: object) -> Found:
    """It holds."""
    return Found(Result.PASS, detail, evidence)


def failed(detail: str, **evidence: object) -> Found:
    """It does not hold."""
    return Found(Result.FAIL, detail, evidence)


def unknown(reading: Unknown) -> Found:
    """It could not be seen."""
    return Found(Result.UNKNOWN, f"{reading.source}: {reading.error}", {"source": reading.source})


def judge_each(
    readings: Mapping[str, Reading[T]], judge: Callable[[str, T], str | None], well: str, what: str
) -> Found:
    """One result for several readings: a failure first, then what is unknown. None at all is unknown, not a pass."""
    if not readings:
        return unknown(not_read(what))
    problems: list[str] = []
    blind: list[str] = []
    evidence: dict[str, object] = {}
    for name, reading in readings.items():
        match reading:
            case Known(value=value):
                evidence[name] = list(value) if isinstance(value, tuple) else value
                if problem := judge(name, value):
                    problems.append(problem)
            case Unknown(error=error):
                evidence[name] = None
                blind.append(f"{name}: {error}")
    if problems:
        return failed("; ".join(problems), **evidence)
    if blind:
        return Found(Result.UNKNOWN, "; ".join(blind), evidence)
    return passed(well, **evidence)
