"""Invariants 6, 10, 11 and 12: the unknown decides nothing, drifted machines take nothing, turns are fair, cost is bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tbie.core.keys import ItemKey
from tbie.core.reading import Known, Unknown
from tbie.execution import Drift
from tbie.intent import Claim, Envelope, Message, Presence
from tbie.reconciler.leader import Role
from tbie.sim.checkers.base import Checker
from tbie.sim.process import Process
from tbie.sim.workload import LIMITS, SETTINGS
from tbie.truth import Command, Exhaust, Rotate

if TYPE_CHECKING:
    from tbie.reconciler.loop import Pass
    from tbie.sim.actors.control import Control
    from tbie.sim.world import World

Name = tuple[str, ItemKey]
SIGHTLESS = ("misrouted_intent", "object_missing")
"""Failures that are decided from the address alone, without a look at the queue."""


class UnknownIsNotZero(Checker):
    """A reading that failed decides nothing, and is reported with the pass that met it."""

    number, name = 6, "unknown is not zero"

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, dict[Name, Presence | None]] = {}
        """By reconciler: what it was last told about each stage."""
        self._dark: dict[str, set[Name]] = {}
        self._depths: dict[str, dict[str, bool]] = {}
        self._running: dict[tuple[str, str], int | None] = {}
        self._unknown: Counter[str] = Counter()

    def before_pass(self, name: str) -> None:
        """What an earlier pass was told does not count."""
        self.seen[name], self._dark[name], self._depths[name] = {}, set(), {}
        self._unknown[name] = 0

    def on_reading(self, process: Process, what: str, args: Sequence[Any], answer: Any) -> None:
        """Remember what this pass was told."""
        name = process.name
        if name not in self.seen:
            return
        known = isinstance(answer, Known)
        self._unknown[name] += not known
        if what == "intent.depth":
            self._depths[name][args[0]] = known
        elif what == "fleet.view":
            self._running[name, args[0]] = answer.value.running if known else None
        else:
            self._told(name, args[0], args[1], answer)

    def _told(self, name: str, stage: str, keys: Sequence[ItemKey], answer: Any) -> None:
        if isinstance(answer, Unknown):
            self._dark[name] |= {(stage, key) for key in keys}
            return
        found: Mapping[ItemKey, Presence] = answer.value
        for key in keys:
            self.seen[name][stage, key] = found.get(key)
            self._dark[name].discard((stage, key))

    def on_commit(self, process: Process, commands: Sequence[Command]) -> None:
        """A token is replaced, or a stage given up, only with sight of its queue."""
        if process.kind != "reconciler":
            return
        for command in commands:
            if isinstance(command, Rotate) or (isinstance(command, Exhaust) and command.reason not in SIGHTLESS):
                dark = (command.stage, command.key) in self._dark[process.name]
                if self.broken(not dark):
                    self.fail(f"{process.name} decides {command} and could not see")

    def on_desired(self, process: Process, pool: str, workers: int) -> None:
        """No fleet shrinks on a reading that failed."""
        depths, running = self._depths[process.name], self._running.get((process.name, pool))
        blind = [s.name for s in process.workflow.in_pool(pool) if not depths.get(s.name, False)]
        if blind:
            least = min(LIMITS[pool].ceiling, running or 0)
            if self.broken(workers >= least):
                self.fail(f"{process.name} wants {workers} of {running} in {pool}, blind for {blind}")

    def after_pass(self, world: World, control: Control, done: Pass) -> None:
        """Within one cycle."""
        if self._unknown[control.name]:
            world.sometimes["a pass was blind and said so"] += 1
            if self.broken(bool(done.blind)):
                self.fail(f"{control.name} met an unknown and says that it saw everything")


class DeclaredEnvironment(Checker):
    """A worker that knows that its machine is not what was declared takes nothing, and finds out within a heartbeat."""

    number, name = 10, "declared environment"

    def __init__(self) -> None:
        super().__init__()
        self._attested: dict[str, tuple[Drift | None, int]] = {}

    def on_attest(self, world: World, name: str, drift: Drift | None) -> None:
        """What a worker was told of its machine."""
        self._attested[name] = (drift, world.clock.now_ms())
        world.sometimes["a worker declined work because of drift"] += drift is not None

    def on_exchange(self, world: World, process: Process, claims: Sequence[Claim]) -> None:
        """Before it takes effect."""
        if process.kind != "worker" or not claims:
            return
        drift, at_ms = self._attested[process.name]
        if self.broken(drift is None):
            self.fail(f"{process.name} claims although {drift}")
        age = process.turn_ms - at_ms  # what comes in between during the turn is not the worker's fault
        bound = world.settings.heartbeat_interval_s * 1000
        if self.broken(age <= bound):
            self.fail(f"{process.name} claims, and looked at its machine {age} ms ago")


class Fair(Checker):
    """A tenant's first item of a stage waits for at most a bounded share of another tenant's burst."""

    number, name = 11, "fair"
    BOUND = 2
    """Fresh items of one other tenant that may go first."""

    def __init__(self) -> None:
        super().__init__()
        self._tenants: set[tuple[str, str]] = set()
        self._claimed: set[Name] = set()
        self._waiting: dict[Name, Counter[str]] = {}

    def excuse(self) -> None:
        """The order was disturbed by force."""
        self._waiting = {}

    def after_send(self, world: World, envelopes: Sequence[Envelope]) -> None:
        """A tenant's first message of a stage begins to wait."""
        for envelope in envelopes:
            tenant = (envelope.stage, envelope.key.tenant)
            if tenant not in self._tenants:
                self._tenants.add(tenant)
                self._waiting[envelope.stage, envelope.key] = Counter()

    def after_exchange(self, world: World, messages: Sequence[Message]) -> None:
        """Who was served while it waited."""
        for message in messages:
            envelope = message.envelope
            name = (envelope.stage, envelope.key)
            fresh = name not in self._claimed
            self._claimed.add(name)
            for other in [n for n in self._waiting if n[0] == envelope.stage]:
                if other[1].tenant == envelope.key.tenant:
                    del self._waiting[other]  # its tenant is served
                elif not self._visible(world, other):
                    del self._waiting[other]
                elif fresh:
                    self._waiting[other][envelope.key.tenant] += 1
                    count = self._waiting[other][envelope.key.tenant]
                    if self.broken(count <= self.BOUND):
                        self.fail(f"{other} waited for {count} fresh items of {envelope.key.tenant}")

    @staticmethod
    def _visible(world: World, name: Name) -> bool:
        stored = world.intent.everything().get(name)
        return stored is not None and stored.owner is None and stored.visible_ms <= world.clock.now_ms()


class BoundedConvergence(Checker):
    """A pass costs what is open and what has changed; what it has read in the stream has its intent when it ends."""

    number, name = 12, "bounded convergence"
    BASE = 60
    """Store calls of a pass that finds nothing: two readings of each stage, a sweep's pages, a heartbeat, a term."""
    EACH = 8
    """Store calls for each open stage and each change."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: Counter[str] = Counter()
        self._began: dict[str, tuple[int, int, int]] = {}
        self._at_end: dict[str, bool] = {}
        self._sent: set[str] = set()

    def before_pass(self, world: World, name: str) -> None:
        """What there is when it begins."""
        self._at_end.pop(name, None)
        self._began[name] = (self._calls[name], len(world.shadow.open), world.shadow.seq)

    def on_call(self, process: Process, what: str, args: Sequence[Any], answer: Any) -> None:
        """One more."""
        self._calls[process.name] += 1
        if what == "truth.opened_since" and args[1] == SETTINGS.stream_batch:
            self._at_end[process.name] = answer[1] - args[0] < args[1]

    def sent(self, envelopes: Sequence[Envelope]) -> None:
        """These have been sent."""
        self._sent.update(envelope.token for envelope in envelopes)

    def excuse(self, world: World) -> None:
        """The position in the stream was moved by force: what is open now may have been skipped."""
        self._sent.update(world.shadow.open.values())

    def after_pass(self, world: World, control: Control, done: Pass, atomic: bool) -> None:
        """Cost of the pass; and, where nobody came in between, its effect."""
        calls, was_open, seq = self._began[control.name]
        spent = self._calls[control.name] - calls
        work = was_open + len(world.shadow.open) + (world.shadow.seq - seq) + done.read
        if self.broken(spent <= self.BASE + self.EACH * work):
            self.fail(f"{control.name} made {spent} calls for {work} stages that are open or have changed")
        if done.role is Role.STANDBY or done.blind or not atomic or not self._at_end.get(control.name):
            return
        for (stage, key), token in world.shadow.open.items():
            issued = world.shadow.tokens[token]
            if self.broken(token in self._sent or issued.number > seq):
                self.fail(
                    f"{control.name} has read the stream to its end, and never sent {token} ({stage} of {key.item})"
                )
