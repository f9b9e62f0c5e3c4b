"""What several runs of the same case come to, and how that reads in a table. Pure: no process, no clock.

A time is the median of the runs in which the thing happened, and says of how many; a thing that never happened has no
time, and a case that could not be run has no figures at all. The three are never confused.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

Result = dict[str, object]


class Case(NamedTuple):
    """One fault in one system under one setting."""

    scenario: str
    system: str
    setting: str


class Entry(NamedTuple):
    """All runs of one case."""

    case: Case
    results: tuple[Result, ...]
    troubles: tuple[str, ...] = ()
    """Why a run gave no result, in words."""

    def to_json(self) -> dict[str, object]:
        """For ``--json``."""
        return {
            **self.case._asdict(),
            "runs": list(self.results),
            "troubles": list(self.troubles),
            "reads": reading(self),
        }


def seconds(results: Sequence[Result], name: str) -> str:
    """``1.2 s (1.1–1.4, n = 3)``; of the runs in which it happened."""
    values = [float(value) for result in results if isinstance(value := result[name], int | float)]
    if not values:
        return "never"
    if len(values) == 1:
        return f"{values[0]:.1f} s (n = 1)"
    return f"{statistics.median(values):.1f} s ({min(values):.1f}–{max(values):.1f}, n = {len(values)})"


def reading(entry: Entry) -> str:
    """One cell of the table."""
    if not entry.results:
        return f"not run: {entry.troubles[0].splitlines()[0][:120] if entry.troubles else 'no reason given'}"
    match entry.case.scenario:
        case "flush":
            words = _flush(entry.results)
        case "kill-process" | "kill-service":
            words = _kill(entry.results)
        case "zombie":
            words = _zombie(entry.results)
        case _:
            raise ValueError(entry.case.scenario)
    return words + (f"; {len(entry.troubles)} runs failed" if entry.troubles else "")


def _flush(results: Sequence[Result]) -> str:
    recovered, jobs = spread([result["recovered"] for result in results]), results[0]["jobs"]
    whole = [result for result in results if result["recovered"] == result["jobs"]]
    repeated = spread([result["repeated"] for result in results])
    words = f"{recovered} of {jobs}"
    if whole:
        words += (
            f": work went on after {seconds(whole, 'again_at_work_s')}, all done after {seconds(whole, 'last_done_s')}"
        )
    else:
        words += f" (n = {len(results)})"
    return words + (f"; {repeated} of them twice" if repeated != "0" else "")


def _kill(results: Sequence[Result]) -> str:
    again = [result for result in results if result["rerun"]]
    if not again:
        return f"not run again (n = {len(results)})"
    words = f"after {seconds(again, 'after_s')}"
    if len(again) < len(results):
        words += f"; not run again in {len(results) - len(again)} of {len(results)}"
    undone = sum(not result["done"] for result in again)
    return words + (f"; not finished in {undone}" if undone else "")


def _zombie(results: Sequence[Result]) -> str:
    redelivered = [result for result in results if result["redelivered"]]
    if not redelivered:
        effects = spread([result["effects"] for result in results])
        return f"never redelivered, so no zombie: effect {effects} × once it woke (n = {len(results)})"
    words = f"redelivered after {seconds(redelivered, 'after_s')}; zombie {'/'.join(_kinds(redelivered, 'zombie'))}"
    words += f"; effect left {spread([result['effects'] for result in redelivered])} ×"
    guarded = [result["guarded"] for result in redelivered]
    words += ", no fence" if None in guarded else f", by its fence {spread(guarded)} ×"
    for name, head in (("state", "; record: "), ("result_of", ", result of ")):
        kinds = [kind for kind in _kinds(redelivered, name) if kind != "None"]
        words += head + "/".join(kinds) if kinds else ""
    missed = len(results) - len(redelivered)
    return words + (f"; not redelivered in {missed} of {len(results)}" if missed else "")


def spread(values: Sequence[object]) -> str:
    """``3``, or ``2–5`` where runs differ."""
    numbers = sorted(int(value) for value in values if isinstance(value, int))
    if not numbers:
        return "unknown"
    return str(numbers[0]) if numbers[0] == numbers[-1] else f"{numbers[0]}–{numbers[-1]}"


def _kinds(results: Sequence[Result], name: str) -> list[str]:
    return sorted({str(result[name]) for result in results})


def table(entries: Sequence[Entry], titles: dict[str, str], heads: dict[str, str]) -> str:
    """One Markdown table for each scenario that was run."""
    parts = []
    for scenario, head in heads.items():
        rows = [entry for entry in entries if entry.case.scenario == scenario]
        if rows:
            parts += [f"\n{head}\n", "| system | setting | result |", "|---|---|---|"]
            parts += [f"| {titles[e.case.system]} | {e.case.setting} | {reading(e)} |" for e in rows]
    return "\n".join(parts)
