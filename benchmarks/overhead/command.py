"""What the kernel itself costs for each image, from arrival to verdict: processor time without AWS's library and network.

    ./run bench overhead [--items N] [--rounds N] [--together N] [--json]

The stores of the AWS profile run over a stand-in of AWS's library (``standin``), whose time is not counted, and beside them, in
turns, those of SQLite, whose files lie in the system's temporary folder. Medians of the rounds, and the lowest. Exits 1 if the
goal is missed: a millisecond for an image from its arrival until its fused stages are done, which is one intent.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.overhead.cycle import ARRIVING, JUDGING, SETTINGS, WORKFLOW, Parts, photographed, run
from benchmarks.overhead.standin import Spent, stand_in
from parjanya.profiles.aws import REST_S
from tbie.backends.aws.intent import SqsIntent
from tbie.backends.aws.truth import DynamoTruth
from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.clock import ManualClock
from tbie.core.ids import RandomIds
from tbie.core.keys import ItemKey
from tbie.core.outcome import Facts
from tbie.truth import NewItem

GOAL_MS = 1.0
WHOLE = "together"
COLUMNS = ("AWS ms", "lowest", "SQLite ms", "ratio")
_OWN = {
    "emitted: changes read": ["stream"],
    "emitted: intents sent": ["send"],
    "the reconciler beside these": ["reconciler"],
    "claimed, settled, hand kept": ["claim", "settle", "exchange"],
    "read to be worked on": ["read"],
    "results committed": ["commit"],
    "the worker beside these": ["worker"],
}
_HALVES = {ARRIVING: {"added": ["add"], **_OWN}, JUDGING: {"barrier lifted": ["barrier"], **_OWN}}
PARTS = {half: {**named, WHOLE: [n for names in named.values() for n in names]} for half, named in _HALVES.items()}
"""What is printed: for each half, lines and what is counted in them."""


def over_aws(facts: dict[str, Facts], items: Sequence[NewItem], together: int) -> tuple[Parts, dict[str, float]]:
    """One round over the stores of AWS, and the calls for each item."""
    spent, clock = Spent(), ManualClock()
    clients = stand_in(spent)
    truth = DynamoTruth(clients, WORKFLOW, clock, RandomIds(), check=False)
    stages = [stage.name for stage in WORKFLOW.stages]
    intent = SqsIntent(clients, clock, SETTINGS.retention_s, stages, rest_s=REST_S)
    try:
        parts = run(truth, intent, clock, facts, items, together, lambda: spent.s)
    finally:
        intent.close()
    return parts, {name: n / len(items) for name, n in spent.calls.items()}


def over_sqlite(facts: dict[str, Facts], items: Sequence[NewItem], together: int) -> Parts:
    """One round over files."""
    with tempfile.TemporaryDirectory() as folder:
        clock = ManualClock()
        truth = SqliteTruth(Path(folder) / "truth.db", WORKFLOW, clock, RandomIds())
        intent = SqliteIntent(Path(folder) / "intent.db", clock, SETTINGS.retention_s)
        try:
            return run(truth, intent, clock, facts, items, together)
        finally:
            truth.close()
            intent.close()


class Figures(NamedTuple):
    """Milliseconds of processor time for each image, one entry for each round; and AWS's calls for each image."""

    aws: list[Parts]
    sqlite: list[Parts]
    calls: dict[str, float]

    def row(self, half: str, names: Sequence[str]) -> list[float]:
        """Of the parts *names* of one half together: AWS's median and lowest, SQLite's median, median of the ratios."""
        ours, theirs = ([sum(p.get((half, n), 0.0) for n in names) for p in of] for of in (self.aws, self.sqlite))
        ratio = median(a / s if s else 0.0 for a, s in zip(ours, theirs, strict=True))
        return [median(ours), min(ours), median(theirs), ratio]


def measure(items: int, rounds: int, together: int) -> Figures:
    """Rounds in turns; the first of each, which fills caches, does not count."""
    item, facts = photographed()
    photographs = [item._replace(key=ItemKey(item.key.tenant, f"{n:016x}")) for n in range(items)]
    found = Figures([], [], {})
    for _ in range(rounds + 1):
        parts, calls = over_aws(facts, photographs, together)
        found.aws.append(parts)
        found.sqlite.append(over_sqlite(facts, photographs, together))
        found.calls.update(calls)
    return Figures(found.aws[1:], found.sqlite[1:], found.calls)


def main() -> int:
    """Measure and print; 1 if the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--together", type=int, default=500, help="images that are added in one call")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measure(asked.items, asked.rounds, asked.together)
    rows = {half: {name: found.row(half, names) for name, names in named.items()} for half, named in PARTS.items()}
    if asked.json:
        print(json.dumps({**vars(asked), "columns": COLUMNS, "ms": rows, "calls": found.calls}, indent=1))
    else:
        print(table(rows, found.calls))
    return 0 if rows[ARRIVING][WHOLE][0] <= GOAL_MS else 1


def table(rows: dict[str, dict[str, list[float]]], calls: dict[str, float]) -> str:
    """For people."""
    lines = []
    for half, named in rows.items():
        lines.append(f"{half:32}" + "".join(f"{name:>14}" for name in COLUMNS))
        lines += [f"  {name:30}" + "".join(f"{number:14.3f}" for number in row) for name, row in named.items()]
    made = ", ".join(f"{name} {n:.2f}" for name, n in sorted(calls.items(), key=lambda each: -each[1]) if n >= 0.01)
    return "\n".join([*lines, f"calls for each image: {sum(calls.values()):.2f} ({made})"])
