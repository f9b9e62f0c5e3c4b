"""Items whose only stage is a handler that answers as it goes, and workers over them that come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.keys import ItemKey
from tbie.core.outcome import Outcome
from tbie.core.reading import Known
from tbie.execution import AsTheyCome, Begin, Suspect, Work
from tbie.intent import Presence
from tbie.testing.builders import RETENTION_S, World, chain, echo, key, new_items, record_of
from tbie.truth import StageRecord
from tbie.worker import Worker

Answers = Iterator[tuple[int, Outcome]]
FLUSH_S = 0.25


@dataclass
class Noted:
    """A ``Progress`` that remembers everything."""

    now: tuple[str, ...] | None = None
    prepared: tuple[str, ...] | None = None
    log: list[tuple[str, ...]] = field(default_factory=list)

    def prepare(self, stage: str, suspects: Sequence[Suspect]) -> None:
        del stage
        self.now, self.prepared = None, tuple(suspect.item.item for suspect in suspects)

    def begin(self, stage: str, suspects: Sequence[Suspect], max_run_s: float) -> None:
        del stage, max_run_s
        self.prepared = None
        self.now = tuple(suspect.item.item for suspect in suspects)
        self.log.append(self.now)

    def end(self) -> None:
        self.now = self.prepared = None


class Flows:
    """Items i0001, i0002, … whose only stage is a flow; workers come and go."""

    def __init__(self, count: int, batch: int = 10, max_receives: int = 3) -> None:
        workflow, self.clock, ids = (
            chain("a", claim_batch=batch, max_receives=max_receives),
            ManualClock(),
            SequentialIds(),
        )
        self.truth, self.intent = MemoryTruth(workflow, self.clock, ids), MemoryIntent(self.clock, RETENTION_S)
        self.world = World(workflow, self.truth, self.intent, self.clock, ids)
        self.world.add(new_items(count))
        self.world.reconciler().step()
        self.progress = Noted()
        self.calls: list[list[str]] = []

    def worker(
        self,
        flow: Callable[[Sequence[Work], Begin], Answers],
        name: str = "w1",
        worn: Callable[[], str | None] = lambda: None,
    ) -> Worker:
        def run(works: Sequence[Work], begin: Begin) -> Answers:
            self.calls.append([work.key.item for work in works])
            return flow(works, begin)

        handlers = {"a": AsTheyCome(run, worn)}
        world = self.world
        stores = (world.truth, world.intent, self.clock, world.settings)
        return Worker(name, "default", world.workflow, handlers, *stores, progress=self.progress, flush_s=FLUSH_S)

    def row(self, number: int) -> StageRecord:
        return record_of(self.truth, key(f"i{number:04}"), "a")

    def rows(self) -> dict[int, tuple[str, int, str | None]]:
        """State, attempts and reason of each."""
        found = {}
        for item in self.truth.items(limit=1_000):
            record = item.stages["a"]
            found[int(item.key.item[1:])] = (record.state.value, record.attempts, record.reason)
        return found

    def messages(self) -> Mapping[ItemKey, Presence]:
        reading = self.intent.presence("a", [item.key for item in self.truth.items(limit=1_000)])
        assert isinstance(reading, Known)
        return reading.value

    def receives(self) -> dict[int, int]:
        """Of the messages that are left, how often each was received."""
        return {int(found.item[1:]): presence.receives for found, presence in sorted(self.messages().items())}


def in_order(works: Sequence[Work], begin: Begin) -> Answers:
    """The simplest flow there is."""
    for position, work in enumerate(works):
        begin([position])
        yield position, echo(work)
