"""Two instances over the same images: what each says, side by side, and where they differ. Pure.

Caller: ``aws compare``. Compared is what people and scripts read of an image: not when, where or how often it came about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from parjanya.export.record import ImageRecord

NOT_COMPARED = frozenset({"id", "tenant", "execution", "decided_by", "conflict", "override"})
"""Fields of a record that may differ: how and when something ran, and what people decided. Of a failure the words are not
compared, because they name places."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one image."""

    tenant: str
    id: str
    path: str
    field: str
    first: Any
    second: Any

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "tenant": self.tenant,
            "id": self.id,
            "path": self.path,
            "field": self.field,
            "first": self.first,
            "second": self.second,
        }


@dataclass(slots=True)
class Comparison:
    """What came of comparing."""

    compared: int = 0
    same: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    """Verdicts of the images that both have, by the first; a failure counts under its code."""
    differences: list[Difference] = field(default_factory=list)
    only_first: list[str] = field(default_factory=list)
    only_second: list[str] = field(default_factory=list)

    @property
    def alike(self) -> bool:
        """Whether both have the same images and say the same of each."""
        return not (self.differences or self.only_first or self.only_second)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "alike": self.alike,
            "compared": self.compared,
            "same": self.same,
            "verdicts": dict(self.verdicts),
            "differences": [difference.to_json() for difference in self.differences],
            "only_first": self.only_first,
            "only_second": self.only_second,
        }


def compare(first: Iterable[ImageRecord], second: Iterable[ImageRecord]) -> Comparison:
    """Match the records of two instances by tenant and id and compare them field by field."""
    found = Comparison()
    mine = {(record.tenant, record.id): record for record in first}
    theirs = {(record.tenant, record.id): record for record in second}
    found.only_first = sorted(mine[key].path for key in mine.keys() - theirs.keys())
    found.only_second = sorted(theirs[key].path for key in theirs.keys() - mine.keys())
    for key in sorted(mine.keys() & theirs.keys()):
        one, other = mine[key], theirs[key]
        found.compared += 1
        found.verdicts[one.failure.code if one.failure else (one.verdict or one.status)] += 1
        differences = _differences(one, other)
        found.same += not differences
        found.differences += differences
    return found


def _differences(one: ImageRecord, other: ImageRecord) -> list[Difference]:
    mine, theirs = _said(one), _said(other)
    return [
        Difference(one.tenant, one.id, one.path, name, mine[name], theirs[name])
        for name in mine
        if mine[name] != theirs[name]
    ]


def _said(record: ImageRecord) -> Mapping[str, Any]:
    told = {name: value for name, value in record.to_json().items() if name not in NOT_COMPARED}
    if record.override is not None:
        told["verdict"] = record.policy_verdict
    failure = record.failure
    told["failure"] = [failure.stage, failure.code, failure.retriable] if failure else None
    return told
