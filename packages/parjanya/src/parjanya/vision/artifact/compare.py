"""How two descriptions of a model differ, component by component, in words; pure.

Caller: ``attest``. Files are compared first and named first: what follows from a changed file is said after it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from parjanya.vision.artifact.problems import SHOWN, Problem, file, shown
from tbie.execution import Drift

Difference = tuple[str, str | None, str | None]
"""Component, declared, found; None where it is absent."""

_MOST_VALUE = 160
_IN_ORDER = "nothing wrong with it"
"""What a manifest declares of everything that it does not speak of: a folder with a problem is not baked."""


def files(declared: Mapping[str, Mapping[str, Any]], found: Mapping[str, Mapping[str, Any]]) -> Iterator[Difference]:
    """Files that are missing, that nobody declared, or of which size or content is another."""
    for name in sorted(declared.keys() | found.keys()):
        here, there = found.get(name), declared.get(name)
        if there is None:
            yield file(name), None, f"{found[name]['bytes']} bytes that nobody declared"
        elif here is None:
            yield file(name), f"sha256 {there['sha256']}", None
        elif here["bytes"] != there["bytes"]:
            yield file(name), f"{there['bytes']} bytes", f"{here['bytes']} bytes"
        elif here.get("sha256", there["sha256"]) != there["sha256"]:
            yield file(name), f"sha256 {there['sha256']}", f"sha256 {here['sha256']}"


def values(name: str, declared: object, found: object) -> Iterator[Difference]:
    """Leaves of two documents that are not equal; *name* is the path of words that leads to them."""
    if isinstance(declared, Mapping) and isinstance(found, Mapping):
        for key in sorted(declared.keys() | found.keys(), key=str):
            yield from values(f"{name} {shown(str(key))}", declared.get(key), found.get(key))
    elif declared != found:
        yield name, _told(declared), _told(found)


def drift(differences: Iterable[Difference], problems: Iterable[Problem] = ()) -> Drift | None:
    """The first ``SHOWN`` of *differences*, with what *problems* say about the same components; None if there are none."""
    every: dict[str, tuple[str | None, str | None]] = {}
    for component, was, now in differences:
        every.setdefault(component, (was, now))
    for problem in problems:
        if problem.subject in every:
            was, now = every[problem.subject]
            every[problem.subject] = (was, f"{now or 'absent'}; {problem.words}")
        else:
            every[problem.subject] = (_IN_ORDER, problem.words)
    if not every:
        return None
    told = dict(list(every.items())[:SHOWN])
    if len(every) > SHOWN:
        told["more"] = (None, f"{len(every) - SHOWN} more differences")
    return Drift(told)


def _told(value: object) -> str | None:
    if value is None:
        return None
    return shown(value if isinstance(value, str) else json.dumps(value, sort_keys=True), _MOST_VALUE)
