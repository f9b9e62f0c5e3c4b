"""How fast a campaign resets items, how fast it looks at items that do not match, and how long its report takes to read.

    python benchmarks/campaign.py [--items 20000]

SQLite with an fsync at each commit, the images' workflow, items whose stages are all done. Nobody works meanwhile: this
is the most a campaign can do. Resets go to *curate*, as after a changed policy. In brackets: processor time, which other
programs on the machine do not lengthen.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from parjanya.views.campaigns import grader, outcome
from parjanya.workflow import image_workflow
from tbie.backends.sqlite.objects import LocalObjects
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.campaign import Driver, find, start
from tbie.core.cause import Cause
from tbie.core.clock import SystemClock
from tbie.core.ids import RandomIds
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed
from tbie.core.settings import Settings
from tbie.truth import Advance, Item, NewItem, Settle, StageState

GROUP = 200
WHO = Cause("bench", "filled")


def fill(truth: SqliteTruth, count: int) -> None:
    """Items with every stage done, with facts of about the size that images have."""
    workflow = image_workflow()
    facts = {"sha256": "0" * 64, "numbers": {f"n{i}": i / 7 for i in range(40)}, "verdict": "keep", "reasons": []}
    barriers = tuple(stage.name for stage in workflow.stages if stage.barrier)
    for first in range(0, count, GROUP):
        keys = [ItemKey("t", f"{n:08x}") for n in range(first, min(first + GROUP, count))]
        truth.add([NewItem(key, Address("file", key.item), {"path": f"/x/{key.item}.jpg"}) for key in keys], WHO)
        while commands := [
            Settle(item.key, r.stage, r.generation, r.token, r.version, Completed(facts), WHO)
            for item in truth.get(keys)
            if item is not None
            for r in item.stages.values()
            if r.state is StageState.PENDING
        ]:
            truth.commit(commands)
            truth.commit([Advance(key, WHO, barriers) for key in keys])


class Watch:
    """Wall time and processor time since it was made."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def of(self, count: int, what: str) -> str:
        """How many of *count* in a second."""
        wall_s, cpu_s = time.perf_counter() - self._began[0], time.process_time() - self._began[1]
        return f"{count / wall_s:,.0f} {what} in a second ({1000 * cpu_s / count:.2f} ms each)"


def drive(truth: SqliteTruth, clock: SystemClock, count: int, matching: bool) -> None:
    """Carry out a whole campaign."""
    workflow, settings = image_workflow(), Settings()

    def selects(then: Item, _now: Item) -> bool:
        return matching and "technical" in then.stages

    driver = Driver(
        workflow, truth, clock, settings, lambda _: selects, grader(workflow), limit_rate=False, limit_open=False
    )
    campaign = start(
        truth, workflow, clock, kind="replay", selector="", stage="curate", reason="r", who="bench", rate_per_s=1.0
    )
    watch = Watch()
    while driver.step(campaign.id).more:
        pass
    counts = find(truth, campaign.id)[0].counts
    assert (counts.looked, counts.reset) == (count, count if matching else 0), counts
    print(watch.of(count, "resets" if matching else "items looked at, none of which matches"))


def main() -> None:
    """Run it and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=20_000)
    count = parser.parse_args().items
    with tempfile.TemporaryDirectory() as folder:
        clock, workflow = SystemClock(), image_workflow()
        truth = SqliteTruth(Path(folder) / "truth.db", workflow, clock, RandomIds())
        fill(truth, count)
        drive(truth, clock, count, matching=False)
        drive(truth, clock, count, matching=True)
        watch = Watch()
        report = outcome(truth, find(truth, "c2")[0], workflow, LocalObjects(Path(folder) / "objects", {}))
        print(watch.of(report.reset, "images reported"))
        truth.close()


if __name__ == "__main__":
    main()
