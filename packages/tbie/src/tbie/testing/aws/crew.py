"""Worker processes on the instances of a fake group: each with a real ``Post``, and work that is only counted.

A process is there while its machine is on; one that ended is started again after a moment, as a service unit does. The crew
notes every machine that was ended while its worker still had something in hand, and why.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tbie.backends.aws.duty import DutySettings
from tbie.backends.aws.instance import Post
from tbie.backends.aws.metadata import Identity, Notice
from tbie.backends.aws.place import Place
from tbie.core.clock import ManualClock
from tbie.core.reading import Known, Reading, Unknown
from tbie.testing.aws.scaling import FakeScaling
from tbie.testing.aws.scaling_rules import Instance


class FakeMetadata:
    """What the instance *id* of a fake group is told."""

    def __init__(self, scaling: FakeScaling, instance: str, clock: ManualClock) -> None:
        self._scaling, self._instance, self._clock = scaling, instance, clock
        self.away = False

    def identity(self) -> Identity:
        return Identity(self._instance, "eu-central-1", "eu-central-1a", "g6.xlarge", "ami-0a")

    def lifecycle(self) -> Reading[str | None]:
        if self.away:
            return Unknown("no answer", "test", self._clock.now_ms())
        return Known(self._scaling.find(self._instance).target, "test", self._clock.now_ms())

    def notices(self) -> Reading[tuple[Notice, ...]]:
        if self.away:
            return Unknown("no answer", "test", self._clock.now_ms())
        at_ms = self._scaling.find(self._instance).notice_ms
        told = (Notice("interruption", "terminate", at_ms),) if at_ms is not None else ()
        return Known(told, "test", self._clock.now_ms())


@dataclass
class Hand:
    """One process: it loads for a while, then takes one piece of work after the other."""

    post: Post
    metadata: FakeMetadata
    pool: str
    ready_at_ms: int
    held: int = 0
    stopped: bool = False
    over: bool = False
    gave_back: int = 0

    def give_back(self) -> None:
        self.gave_back, self.held = self.gave_back + self.held, 0

    def stop(self) -> None:
        self.stopped = True


@dataclass
class Crew:
    """Everybody who works for *scaling*'s groups."""

    scaling: FakeScaling
    place: Place
    clock: ManualClock
    pools: tuple[str, ...]
    settings: DutySettings = field(default_factory=DutySettings)
    load_ms: int = 10_000
    hangs: bool = False
    """Processes that start now never get ready."""
    work: Counter[str] = field(default_factory=Counter)
    """Pieces that wait, by pool."""
    hands: dict[str, Hand] = field(default_factory=dict)
    ended_holding: list[tuple[str, str]] = field(default_factory=list)
    """Instance, and why it was ended, of those that held something."""
    chosen_holding: list[str] = field(default_factory=list)
    """Instances that scale-in chose while they held something, whether or not they were given time."""
    begun_unprotected: int = 0
    """Pieces begun on an instance that scale-in could have taken."""
    finished: int = 0

    def __post_init__(self) -> None:
        self._groups = {self.place.group(pool): pool for pool in self.pools}
        self._boots: dict[str, int] = {}
        self.ended: Counter[str] = Counter()
        for group in self.scaling.groups.values():
            group.on_end = self._ended

    def step(self, ms: int = 2_000) -> None:
        """Some time passes, and everybody does what is due."""
        self.clock.advance_ms(ms)
        self.scaling.run()
        for name, pool in self._groups.items():
            for m in list(self.scaling.groups[name].instances.values()):
                if m.on:
                    self._process(m, pool)
                else:
                    self._lose(m)
        for instance, hand in list(self.hands.items()):
            if hand.held and self.scaling.find(instance).because == "scale-in":
                self.chosen_holding.append(instance)
            self._turn(hand)

    def pass_time(self, seconds: float, step_ms: int = 2_000) -> None:
        for _ in range(int(seconds * 1000 / step_ms)):
            self.step(step_ms)

    def finish(self, pool: str, pieces: int = 1_000) -> None:
        """So many pieces in hand are done."""
        for hand in self.hands.values():
            if hand.pool == pool and hand.held and pieces:
                self.finished += hand.held
                hand.held, pieces = 0, pieces - 1

    def crash(self, instance: str) -> None:
        """Its process dies; what it held comes back when its lease ends, and the unit starts another one."""
        hand = self.hands.pop(instance, None)
        if hand is not None:
            self.work[hand.pool] += hand.held + hand.gave_back

    def _turn(self, hand: Hand) -> None:
        post = hand.post
        if hand.ready_at_ms and self.clock.now_ms() >= hand.ready_at_ms:
            hand.ready_at_ms = 0
            post.attest(lambda: None)()
            post.begin(hand.stop, hand.give_back, lambda: hand.held)
        post.look()
        if hand.over or hand.ready_at_ms:
            return
        if hand.held:
            return
        if hand.stopped:
            post.settled()
            hand.over = post.left.is_set()
            return
        if post.may_ask() and post.took(found := min(1, self.work[hand.pool])) and found:
            self.work[hand.pool] -= 1
            hand.held = 1
            m = self.scaling.find(post.identity.instance)
            self.begun_unprotected += not m.protected

    def _process(self, m: Instance, pool: str) -> None:
        if m.id in self.hands and self._boots[m.id] == m.boots:
            return
        metadata = FakeMetadata(self.scaling, m.id, self.clock)
        post = Post(metadata, self.scaling, self.place, pool, self.clock, self.settings)
        ready_at_ms = self.clock.now_ms() + (self.load_ms if not self.hangs else 10**12)
        self.hands[m.id], self._boots[m.id] = Hand(post, metadata, pool, ready_at_ms), m.boots

    def _ended(self, m: Instance, because: str) -> None:
        self.ended[because] += 1
        self._lose(m, because)

    def _lose(self, m: Instance, because: str = "off") -> None:
        hand = self.hands.pop(m.id, None)
        if hand is None:
            return
        self.work[hand.pool] += hand.held + hand.gave_back  # leases end, what was given back is there
        if hand.held:
            self.ended_holding.append((m.id, because))
