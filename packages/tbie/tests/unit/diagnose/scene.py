"""A system in memory for the tests of the diagnosis: stores, a ledger, heartbeats, and hands that break things.

The reconciler and the workers of these tests are made by hand, so that each finding can be shown alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.finding import Finding
from tbie.core.ids import SequentialIds
from tbie.core.keys import ItemKey
from tbie.core.outcome import Facts
from tbie.core.settings import Settings
from tbie.diagnose import Diagnosis, diagnose, take
from tbie.intent import Claim, Envelope, IntentQueue, Message
from tbie.reconciler.ledger import LedgerEntry, Noted
from tbie.testing.builders import WHO, all_open, chain, new_items
from tbie.truth import Heartbeat, NewItem, OpenStage, TruthStore
from tbie.workflow import Workflow


class NotedDown:
    """A ledger in a list, without a bound."""

    def __init__(self) -> None:
        self.entries: list[LedgerEntry] = []

    def note(self, decisions: Sequence[Noted]) -> None:
        for d in decisions:
            same = [e for e in self.entries if (e.key, e.stage) == (d.key, d.stage)][-1:]
            if same and (same[0].token, same[0].action, same[0].reason) == (d.token, d.action, d.reason):
                entry = same[0]
                self.entries[self.entries.index(entry)] = entry._replace(last_ms=d.at_ms, times=entry.times + d.times)
            else:
                fields = (d.key, d.stage, d.token, d.action, d.reason, d.evidence, d.at_ms, d.at_ms, d.times)
                self.entries.append(LedgerEntry(*fields))

    def of(self, key: ItemKey) -> list[LedgerEntry]:
        return [entry for entry in self.entries if entry.key == key]

    def recent(self, limit: int = 100) -> list[LedgerEntry]:
        return sorted(self.entries, key=lambda entry: -entry.last_ms)[:limit]

    def counts(self, since_ms: int = 0) -> dict[tuple[str, str], int]:
        return {(e.action, e.reason): 1 for e in self.entries if e.last_ms >= since_ms}

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass(slots=True)
class Scene:
    """One system at one moment."""

    workflow: Workflow = field(default_factory=lambda: chain("a", "b"))
    settings: Settings = field(default_factory=Settings)
    clock: ManualClock = field(default_factory=ManualClock)
    ledger: NotedDown | None = field(default_factory=NotedDown)
    truth: TruthStore = field(init=False)
    queue: IntentQueue = field(init=False)

    def __post_init__(self) -> None:
        self.truth = MemoryTruth(self.workflow, self.clock, SequentialIds())
        self.queue = MemoryIntent(self.clock, self.settings.retention_s)

    def add(self, count: int = 3, tenant: str = "t1", items: Sequence[NewItem] = ()) -> None:
        """Add items, as somebody who takes them in does."""
        self.truth.add(items or new_items(count, tenant), WHO)

    def open(self) -> list[OpenStage]:
        """Everything that is pending."""
        return all_open(self.truth, self.workflow)

    def send(self, rows: Sequence[OpenStage] | None = None, note: bool = True) -> list[Envelope]:
        """Send intents as the stream does, and say in the ledger and by the position that it was done."""
        rows = self.open() if rows is None else rows
        envelopes = [self.envelope(row) for row in rows]
        self.queue.send(envelopes)
        if note:
            self.note("emit", "opened", rows)
        self.read_on()
        return envelopes

    def read_on(self) -> None:
        """Move the position to the newest change."""
        self.truth.save_cursor("reconciler", self.truth.last_seq())

    def note(self, action: str, reason: str, rows: Sequence[OpenStage], **evidence: object) -> None:
        """Write decisions about *rows* into the ledger."""
        if self.ledger is not None:
            now = self.clock.now_ms()
            self.ledger.note([Noted(r.key, r.stage, r.token, action, reason, evidence, now) for r in rows])

    def envelope(self, row: OpenStage) -> Envelope:
        """The right intent of *row*."""
        return Envelope(row.key, row.stage, row.generation, row.token, row.version, row.address, row.stage)

    def claim(self, limit: int = 1, stage: str = "a", owner: str = "w1") -> list[Message]:
        """Take messages as a worker does."""
        return self.queue.exchange((), [Claim(stage, owner, limit, 60.0, 3)])

    def lead(self, instance: str = "r1", **body: object) -> None:
        """The reconciler says that it lives, has just swept, and sees everything."""
        usual: Facts = {
            "role": "leader",
            "last_sweep_ms": self.clock.now_ms(),
            "blind": [],
            "cursor": self.truth.cursor("reconciler"),
        }
        self.truth.beat(Heartbeat("reconciler", instance, self.clock.now_ms(), {**usual, **body}))

    def work(self, name: str = "w1", **body: object) -> None:
        """A worker says that it lives."""
        usual: Facts = {"pool": "default", "state": "busy", "done": 1, "claimed": 2, "started_ms": 0}
        self.truth.beat(Heartbeat("worker", name, self.clock.now_ms(), {**usual, **body}))

    def well(self) -> None:
        """Reconciler and worker have just said that they live."""
        self.lead()
        self.work()

    def later(self, seconds: float) -> None:
        """Time passes."""
        self.clock.advance_ms(int(seconds * 1000))

    def diagnose(self) -> Diagnosis:
        """What a diagnosis says now."""
        readings = take(self.workflow, self.truth, self.queue, self.clock, self.settings, ledger=self.ledger)
        return diagnose(readings, self.settings)

    def codes(self) -> list[str]:
        """The codes that it finds now, those of what was mended in brackets."""
        return [f.code if f.state.value == "standing" else f"({f.code})" for f in self.diagnose().findings]

    def find(self, code: str) -> Finding:
        """The finding of that code, which there must be."""
        found = [finding for finding in self.diagnose().findings if finding.code == code]
        assert found, f"{code} is not among {self.codes()}"
        return found[0]
