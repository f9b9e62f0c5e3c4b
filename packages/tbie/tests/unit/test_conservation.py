"""What a queue that cannot be asked for a message has lost, by counting alone: a world in small, with every fault of counting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from tbie.backends.aws.conservation import LIKELY_LOOKS, Look, Sent, judge
from tbie.sim.chance import Chance

SETTLE_MS = 60_000


@dataclass(slots=True)
class Small:
    """Open stages, the register's rows, the queue's messages, and the reconciler that keeps them together."""

    chance: Chance
    now_ms: int = 1_000_000_000
    open: set[int] = field(default_factory=set)
    rows: dict[int, Sent] = field(default_factory=dict)
    queue: dict[str, int] = field(default_factory=dict)
    looks: tuple[Look, ...] = ()
    held: set[str] = field(default_factory=set)
    error: int = 0
    """Added to every count."""
    most: int = 0
    resent: int = 0
    serial: int = 0

    def add(self, count: int) -> None:
        """Open so many stages and send their messages."""
        for _ in range(count):
            self.serial += 1
            self.open.add(self.serial)
            self.send(self.serial)

    def send(self, item: int) -> None:
        """A fresh message with a fresh token, and its row."""
        self.serial += 1
        mid = f"m{self.serial}"
        self.queue[mid] = item
        self.rows[item] = Sent("a#0", str(item), mid, mid, self.now_ms, 0, self.now_ms)
        self.most = max(self.most, len(self.queue))

    def lose(self, count: int) -> set[int]:
        """So many messages vanish, any; returns what they were about."""
        gone = some(self.chance, self.queue, count)
        return {self.queue.pop(mid) for mid in gone}

    def sweep(self, after_ms: int = SETTLE_MS) -> int:
        """Look, give up the rows that are missing, send what is open without a row; how many were missing."""
        self.now_ms += after_ms
        counted = max(0, len(self.queue) + self.error)
        found = judge(list(self.rows.values()), self.held, counted, self.now_ms, SETTLE_MS, self.looks)
        self.looks = found.looks
        for row in found.missing:
            del self.rows[int(row.sk)]
        for item in sorted(self.open - self.rows.keys()):
            self.resent += 1
            self.send(item)
        return len(found.missing)

    def work(self, count: int) -> None:
        """Receive so many messages, any: complete what is current, drop what is superseded."""
        for mid in some(self.chance, self.queue, min(count, len(self.queue))):
            item = self.queue.pop(mid)
            row = self.rows.get(item)
            if row is None or row.mid == mid:
                self.open.discard(item)
                self.rows.pop(item, None)

    def lost(self) -> set[int]:
        """Open stages without a message that anybody would work on."""
        return {item for item in self.open if item not in self.rows or self.rows[item].mid not in self.queue}


def some(chance: Chance, things: Iterable[str], count: int) -> list[str]:
    """So many of *things*, any."""
    return sorted(sorted(things), key=lambda _: chance.bits())[:count]


def settled(chance: Chance, count: int) -> Small:
    """A backlog that is older than any doubt about counts."""
    world = Small(chance)
    world.add(count)
    for _ in range(3):
        world.sweep()
    return world


seeds = st.integers(0, 2**32).map(Chance)


def rounds(world: Small, most: int, each: int) -> Iterator[int]:
    """Sweeps with so much work after each, until nothing is open; fails after *most* of them."""
    for number in range(most):
        if not world.open:
            return
        yield number
        world.sweep()
        world.work(each)
    raise AssertionError(f"after {most} sweeps still open: {len(world.open)}, lost: {len(world.lost())}")


@given(seeds, st.integers(0, 50), st.integers(1, 100))
def test_repeated_sweeps_over_an_unchanged_backlog_report_nothing(chance: Chance, count: int, sweeps: int) -> None:
    world = settled(chance, count)
    assert [world.sweep() for _ in range(sweeps)] == [0] * sweeps
    assert (len(world.queue), world.resent) == (count, 0)


@given(seeds, st.integers(1, 60), st.data())
def test_whatever_is_lost_is_sent_again_and_the_queue_never_exceeds_what_is_open_and_what_was_lost(
    chance: Chance, count: int, data: st.DataObject
) -> None:
    lost = data.draw(st.integers(0, count))
    world = settled(chance, count)
    world.most = 0
    world.lose(lost)
    for _ in rounds(world, 12 + 3 * count, max(1, count // 4)):
        assert len(world.queue) <= count + lost
    assert world.most <= count + lost


@given(seeds, st.integers(1, 60), st.data())
def test_without_any_worker_as_many_are_sent_again_as_were_lost_and_then_no_more(
    chance: Chance, count: int, data: st.DataObject
) -> None:
    lost = data.draw(st.integers(0, count))
    world = settled(chance, count)
    world.lose(lost)
    found = [world.sweep() for _ in range(20)]
    assert sum(found) == lost
    assert sum(found[:2]) == lost, "the second look after the loss"
    assert len(world.queue) == count
    if lost == count:
        assert not world.lost(), "nothing hides a loss of everything"


@given(seeds, st.integers(1, 40), st.integers(-100, 100))
def test_a_count_that_is_wrong_for_less_than_a_minute_is_concluded_from_by_nobody(
    chance: Chance, count: int, error: int
) -> None:
    world = settled(chance, count)
    world.error = error
    assert world.sweep() == 0
    world.error = 0
    assert [world.sweep() for _ in range(10)] == [0] * 10


@given(seeds, st.integers(1, 40), st.integers(1, 15), st.data())
def test_a_count_that_stays_too_low_costs_that_many_messages_once_and_not_in_every_sweep(
    chance: Chance, count: int, error: int, data: st.DataObject
) -> None:
    error = min(error, count)
    world = settled(chance, count)
    world.error = -error
    found = [world.sweep() for _ in range(30)]
    assert sum(found) == error, "their superseded messages then fill the gap in the count"
    world.error = 0
    for _ in rounds(world, 40 + 3 * count, 10):
        assert len(world.queue) <= count + error


@given(seeds, st.integers(2, 40), st.data())
def test_duplicates_hide_a_loss_only_until_somebody_receives_them(
    chance: Chance, count: int, data: st.DataObject
) -> None:
    lost = data.draw(st.integers(1, count))
    world = settled(chance, count)
    for number in range(data.draw(st.integers(0, 2 * count))):
        world.queue[f"duplicate{number}"] = sorted(world.open)[chance.below(count)]
    most = len(world.queue)
    world.lose(min(lost, len(world.queue)))
    for _ in rounds(world, 30 + 5 * count, max(1, count // 3)):
        assert len(world.queue) <= most + lost


@given(seeds, st.integers(1, 30), st.integers(1, 30))
def test_rows_whose_work_is_done_go_and_take_no_living_message_with_them_for_ever(
    chance: Chance, count: int, orphans: int
) -> None:
    world = settled(chance, count)
    for number in range(orphans):  # deleted from the queue, and the process died before the register heard of it
        world.rows[-1 - number] = Sent("a#0", str(-1 - number), f"o{number}", f"o{number}", 0, 0, 0)
    for _ in rounds(world, 20 + 3 * count, max(1, count // 4)):
        assert len(world.queue) <= count + orphans
    for _ in range(5):
        world.sweep()
    assert world.rows == {}


@given(seeds, st.integers(1, 10), st.integers(1, 10))
def test_traffic_that_never_ends_does_not_hide_a_loss_for_ever(chance: Chance, lost: int, flow: int) -> None:
    """In each minute as many come as are served, the queue counts what is young, and its oldest are lost."""
    world = Small(chance)
    world.add(lost)
    gone = set(world.open)
    world.queue.clear()
    for _ in range(60):
        world.add(flow)
        world.sweep(SETTLE_MS // 2)  # what came is young when it is counted …
        for mid in [mid for mid, item in world.queue.items() if item not in gone or world.rows[item].mid == mid][:flow]:
            item = world.queue.pop(mid)  # … and is served before it is old
            world.open.discard(item)
            world.rows.pop(item, None)
        world.now_ms += SETTLE_MS // 2
    assert not gone & world.lost()


@given(seeds, st.integers(2, 40), st.data())
def test_what_somebody_holds_is_never_taken_for_lost(chance: Chance, count: int, data: st.DataObject) -> None:
    world = settled(chance, count)
    world.held = set(data.draw(st.lists(st.sampled_from(sorted(world.queue)), unique=True, max_size=count - 1)))
    free = sorted(world.queue.keys() - world.held)
    for mid in some(chance, free, data.draw(st.integers(0, len(free)))):
        del world.queue[mid]
    for _ in range(6):
        world.sweep()
    assert world.held <= {row.mid for row in world.rows.values()}


def test_looks_that_come_too_soon_or_from_the_future_are_not_counted() -> None:
    rows = [Sent("a#0", "1", "t", "m", 0, 0, 0)]
    now_ms = 10 * SETTLE_MS
    for before in ([], [Look(now_ms - SETTLE_MS + 1, 1, 1)], [Look(now_ms + SETTLE_MS, 1, 1)]):
        assert judge(rows, set(), 0, now_ms, SETTLE_MS, before).missing == ()
    assert judge(rows, set(), 0, now_ms, SETTLE_MS, [Look(now_ms - SETTLE_MS, 1, 1)]).missing == tuple(rows)


def test_what_is_put_off_is_given_up_last_and_no_more_at_once_than_memory_has_room_for() -> None:
    rows = [Sent("a#0", str(n), "t", f"m{n}", 1_000 - n, 5_000 if n % 2 else 0, 0) for n in range(100)]
    before = [Look(8 * SETTLE_MS, 100, 100)]
    found = judge(iter(rows), set(), 0, 10 * SETTLE_MS, SETTLE_MS, before, most=10)
    assert [row.mid for row in found.missing] == [f"m{n}" for n in range(98, 78, -2)]
    assert found.looks[-1].certain == 90, "the next look goes on from there"
    assert (found.rows, found.oldest_sent_ms) == (100, 0)


@given(seeds, st.integers(0, 20), st.integers(1, 20))
def test_messages_so_young_that_the_queue_does_not_count_them_yet_are_not_missed(
    chance: Chance, count: int, flow: int
) -> None:
    world = settled(chance, count)
    for _ in range(LIKELY_LOOKS - 1):
        world.add(flow)
        world.error = -flow
        assert world.sweep(SETTLE_MS - 1) == 0
        world.now_ms += 1
    world.error = 0
    assert [world.sweep() for _ in range(LIKELY_LOOKS)] == [0] * LIKELY_LOOKS
