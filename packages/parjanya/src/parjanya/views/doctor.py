"""What the guardrails of this instance found, as people and programs read it. Callers: ``doctor``, and engines that start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tbie.guardrails import CLOUD_GUARDRAILS, GUARDRAILS, Examined, Guardrail, Result, Surroundings, examine

_MARKS = {Result.PASS: "pass   ", Result.FAIL: "FAIL   ", Result.UNKNOWN: "unknown"}


def examine_all(around: Surroundings) -> list[Examined]:
    """Every guardrail, Truth first; then those of what is deployed, if anything is."""
    return examine([*GUARDRAILS, *_of_deployment(around)], around)


def examine_at_start(around: Surroundings) -> list[Examined]:
    """Those that are cheap, and mean something before an engine has declared itself."""
    return examine([rail for rail in (*GUARDRAILS, *_of_deployment(around)) if rail.at_start], around)


def _of_deployment(around: Surroundings) -> list[Guardrail]:
    """Those whose part of a deployment there is here."""
    return [rail for rail in CLOUD_GUARDRAILS if rail.name in around.cloud]


def report(examined: Sequence[Examined]) -> dict[str, Any]:
    """The report as plain data."""
    counts = {result.value: sum(e.found.result is result for e in examined) for result in Result}
    return {"passed": all_pass(examined), "counts": counts, "guardrails": [e.to_json() for e in examined]}


def all_pass(examined: Sequence[Examined]) -> bool:
    """Whether every guardrail holds. One that could not be examined does not."""
    return all(e.found.result is Result.PASS for e in examined)


def lines(examined: Sequence[Examined]) -> list[str]:
    """The report for people."""
    told = []
    for rail, found in examined:
        told.append(f"{_MARKS[found.result]} {rail.name}: {found.detail}")
        if found.result is not Result.PASS:
            told.append(f"        incident {rail.incident}. {rail.remedy}")
    counts = report(examined)["counts"]
    told.append(", ".join(f"{count} {result}" for result, count in counts.items()))
    return told


def sentence(examined: Examined) -> str:
    """One guardrail that does not hold, in one line."""
    rail, found = examined
    return f"{rail.name}: {found.detail} (incident {rail.incident}). {rail.remedy}"


def forbids(examined: Sequence[Examined]) -> list[Examined]:
    """Those that failed and make work unsafe: an engine must not start."""
    return [e for e in examined if e.found.result is Result.FAIL and e.guardrail.needed]


def advises(examined: Sequence[Examined]) -> list[Examined]:
    """Those that failed and that work can go on without."""
    return [e for e in examined if e.found.result is Result.FAIL and not e.guardrail.needed]
