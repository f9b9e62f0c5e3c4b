"""What is left of a sweep, as data: one errand for each kind of page and stage, and the way into plain data and back. Pure.

Caller: ``sweep``. What comes back from a store is checked; what does not fit is no place, and the sweep begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Facts
from tbie.truth import FailedStage, OpenStage

_TOLD = 5  # sentences about what could not be read that are kept with a place


@dataclass(slots=True)
class Coverage:
    """One stage as a sweep found it, before it repaired anything."""

    open: int = 0
    gap: int | None = 0
    """Open stages without a live intent for longer than the grace; None if the queue could not be read."""
    oldest_ms: int | None = None
    """The age of the oldest of them; None if there is none."""


class Kind(StrEnum):
    """What is done in a page."""

    EXPIRE = "expire"
    COMPARE = "compare"
    REVIVE = "revive"
    LIFT = "lift"


@dataclass(slots=True)
class Errand:
    """One kind of page, for one stage, and how far it has come."""

    kind: Kind
    stage: str = ""
    after: OpenStage | FailedStage | None = None
    """The last row of the page before."""
    seen: int = 0
    bounds: tuple[int, int] | None = None
    """As it began: how many rows were open, and the time; for failed rows, none and the time before which they failed."""


class Place(NamedTuple):
    """A sweep that stopped in the middle."""

    left: list[Errand]
    grace_ms: int
    open: int
    coverage: Mapping[str, Coverage]
    blind: list[str]


def write_place(
    left: Iterable[Errand], grace_ms: int, opened: int, coverage: Mapping[str, Coverage], blind: list[str]
) -> Facts:
    """A place as plain data."""
    return {
        "left": [
            [e.kind.value, e.stage, _row_out(e.after), e.seen, list(e.bounds) if e.bounds else None] for e in left
        ],
        "grace_ms": grace_ms,
        "open": opened,
        "coverage": {name: [seen.open, seen.gap, seen.oldest_ms] for name, seen in coverage.items()},
        "blind": blind[:_TOLD],
    }


def read_place(body: Facts, stages: set[str]) -> Place | None:
    """What ``write_place`` wrote; None if it is nothing of the kind, or speaks of stages that are gone."""
    try:
        return _read(dict(body), stages)
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def _read(body: dict[str, Any], stages: set[str]) -> Place | None:
    left = []
    for kind, stage, after, seen, bounds in body["left"]:
        which = Kind(kind)
        if which in (Kind.COMPARE, Kind.REVIVE) and stage not in stages:
            return None
        begin, at_ms = bounds if bounds is not None else (0, 0)
        left.append(
            Errand(
                which, str(stage), _row_in(after), int(seen), (int(begin), int(at_ms)) if bounds is not None else None
            )
        )
    coverage = {
        str(name): Coverage(int(opened), _number(gap), _number(oldest))
        for name, (opened, gap, oldest) in body["coverage"].items()
    }
    blind = [str(line) for line in body["blind"]]
    return Place(left, int(body["grace_ms"]), int(body["open"]), coverage, blind) if left else None


def _row_out(row: OpenStage | FailedStage | None) -> list[Any] | None:
    if row is None:
        return None
    fields = [list(value) if isinstance(value, tuple) else value for value in row]
    return ["open" if isinstance(row, OpenStage) else "failed", *fields]


def _row_in(fields: list[Any] | None) -> OpenStage | FailedStage | None:
    if fields is None:
        return None
    kind, (tenant, item), *rest = fields
    key = ItemKey(str(tenant), str(item))
    if kind == "failed":
        return FailedStage(key, *rest)
    bucket, name = rest.pop(7)
    *numbers, reason = rest
    return OpenStage._make([key, *numbers, Address(str(bucket), str(name)), reason])


def _number(value: object) -> int | None:
    if value is not None and not isinstance(value, int):
        raise ValueError(f"{value!r} is not a number")
    return value
