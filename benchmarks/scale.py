"""Ten million images through the AWS profile's limits, second by second, and what `parjanya plan` had said about it.

A backlog of all images is judged again while others arrive. The simulation knows what the plan knows of one image
(`parjanya.planning`) and nothing of its formulas: records go through the stream and some are lost, messages wait, workers are
asked for by the kernel's own `size_fleet`, start late and take what is there, tenants wait at the barrier until they are silent
or out of patience, each batch compares all that its tenant has by then, sweeps put open rows before the kernel's own `decide`.
Which shard an image falls into is asked of the DynamoDB backend's own keys, for each of them. Prints a table: docs/scale.md.

    python -m benchmarks.scale --images 10e6 --per-hour 20000 --tenants 2000      # minutes
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from parjanya.planning import Workload, calls, comparing, limits, plan, read_prices
from tbie.backends.aws.keys import SHARDS, digest, shard_of
from tbie.core.keys import Address, ItemKey
from tbie.intent import Presence
from tbie.reconciler.decide import Action, Looked, decide, size_fleet
from tbie.truth import OpenStage

LOST = 1e-4
"""Part of the stream's records that never arrive: found by a sweep."""
GRACE_MS, IDLE_S = 1_000, 60

Array = npt.NDArray[Any]


@dataclass(slots=True)
class Seen:
    """What came of it."""

    drain_s: int = 0
    done: int = 0
    peak_depth: int = 0
    peak_fleet: int = 0
    peak_in_flight: int = 0
    peak_in_flight_group: int = 0
    peak_comparing: int = 0
    worker_s: float = 0.0
    group_s: float = 0.0
    batches: int = 0
    resent: int = 0
    sweeps: int = 0
    sweep_reads_most: float = 0.0
    shard_total: Array = field(default_factory=lambda: np.zeros(SHARDS, np.int64))
    shard_second: int = 0
    """Most commits that one shard of one stage's index took in one second."""
    shard_minute: int = 0
    """The same in one minute."""


def shards_of(images: int, tenants: int) -> Array:
    """The shard of every image, by the backend's own keys."""
    found = np.empty(images, np.uint8)
    for number in range(images):
        found[number] = shard_of(digest(ItemKey(f"t{number % tenants}", f"{number:016x}")))
    return found


class System:
    """One second after the other."""

    def __init__(self, asked: Workload, workers: int, seed: int) -> None:
        self.asked, self.ceiling, self.seen = asked, workers, Seen()
        self.chance = np.random.default_rng(seed)
        self.images, self.tenants = int(asked.images), int(asked.tenants)
        self.shards = shards_of(self.images, self.tenants)
        self.emitted = 0
        self.queue: deque[Array] = deque()
        self.ready = self.fresh = 0
        self.lost: list[Array] = []
        self.early = np.bincount(np.arange(self.images) % self.tenants, minlength=self.tenants)
        self.compared = np.zeros(self.tenants, np.int64)  # images that a batch of the tenant would look at
        self.waiting = np.zeros(self.tenants, np.int64)
        self.since = np.zeros(self.tenants, np.int64)
        self.groups: deque[tuple[int, int]] = deque()
        self.comparing: list[tuple[float, int]] = []
        self.comparing_images = self.running = 0
        self.starting: list[int] = []
        self.minute = np.zeros(SHARDS, np.int64)
        units = workers * asked.busy / asked.seconds_per_image * calls.per_image().writes["open"]
        shards_of_stream = math.ceil(units / limits.PARTITION_WRITES.value)
        self.emit_rate = shards_of_stream * limits.STREAM_FACTOR.value * calls.RECORDS_TOGETHER / calls.RECONCILE_S

    def run(self) -> Seen:
        """Until all of the backlog is judged."""
        now = 0
        while self.seen.done < self.images:
            self._emit()
            self._arrive()
            if now % 2 == 0:
                self._scale(now)
            if now % 10 == 0:
                self._lift(now)
            self._compare(now)
            self._work(now)
            if now and now % int(self.asked.sweep_s) == 0:
                self._sweep()
            now += 1
        self.seen.drain_s = now
        return self.seen

    def _emit(self) -> None:
        """The stream tells of what was reset, so many in a second; some of it is never told."""
        number = min(int(self.emit_rate), self.images - self.emitted)
        if not number:
            return
        told = np.arange(self.emitted, self.emitted + number)
        self.emitted += number
        heard = self.chance.random(number) >= LOST
        if not heard.all():
            self.lost.append(told[~heard])
        self._send(told[heard])

    def _send(self, images: Array) -> None:
        self.queue.append(images)
        self.ready += len(images)
        self.seen.peak_depth = max(self.seen.peak_depth, self.ready)

    def _arrive(self) -> None:
        """New images; they take their turn among those of their tenants, and are counted but not followed."""
        self.fresh += int(self.chance.poisson(self.asked.per_hour / 3_600))

    def _scale(self, now: int) -> None:
        opened = self.ready + self.fresh + sum(map(len, self.lost)) + sum(n for _, n in self.groups)
        desired = size_fleet(opened, self.ready + self.fresh, self.running, 1, self.ceiling, 1)
        while self.starting and self.starting[0] <= now:
            self.starting.pop(0)
            self.running += 1
        missing = desired - self.running - len(self.starting)
        if missing > 0:
            self.starting += [now + int(self.asked.start_s)] * missing
        elif missing < 0 and not self.ready:
            self.running = max(desired, len(self.comparing))
        self.seen.peak_fleet = max(self.seen.peak_fleet, self.running)

    def _lift(self, now: int) -> None:
        """The barrier: a tenant without earlier work, or whose oldest image is out of patience."""
        open_now = (self.waiting > 0) & ((self.early == 0) | (now - self.since >= calls.BARRIER_PATIENCE_S))
        for tenant in np.flatnonzero(open_now):
            left = int(self.waiting[tenant])
            while left:
                batch = min(left, calls.GROUP_CLAIM)
                self.groups.append((int(tenant), batch))
                left -= batch
            self.waiting[tenant] = 0

    def _compare(self, now: int) -> None:
        while self.comparing and self.comparing[0][0] <= now:
            _, images = heapq.heappop(self.comparing)
            self.comparing_images -= images
            self.seen.done += images
        free = self.running - len(self.comparing)
        while self.groups and free > 0 and self.comparing_images < limits.IN_FLIGHT.value:
            tenant, images = self.groups.popleft()
            takes = comparing.batch_s(float(self.compared[tenant]))
            heapq.heappush(self.comparing, (now + takes, images))
            self.comparing_images += images
            self.seen.group_s += takes
            self.seen.batches += 1
            free -= 1
        self.seen.peak_comparing = max(self.seen.peak_comparing, len(self.comparing))
        self.seen.peak_in_flight_group = max(self.seen.peak_in_flight_group, self.comparing_images)

    def _work(self, now: int) -> None:
        free = self.running - len(self.comparing)
        self.seen.worker_s += self.running
        self.seen.peak_in_flight = max(self.seen.peak_in_flight, min(free * calls.CLAIM, self.ready))
        able = int(self.chance.poisson(max(0.0, free * self.asked.busy / self.asked.seconds_per_image)))
        fair = min(self.fresh, math.ceil(able * self.fresh / max(1, self.fresh + self.ready)) + self._quiet(able))
        self.fresh -= fair
        left = min(able - fair, self.ready)
        counted = np.zeros(SHARDS, np.int64)
        while left > 0:
            first = self.queue[0]
            taken, rest = first[:left], first[left:]
            if len(rest):
                self.queue[0] = rest
            else:
                self.queue.popleft()
            left -= len(taken)
            self.ready -= len(taken)
            counted += np.bincount(self.shards[taken], minlength=SHARDS)
            self._reach_barrier(taken % self.tenants, now)
        self.seen.shard_total += counted
        self.seen.shard_second = max(self.seen.shard_second, int(counted.max()))
        self.minute += counted
        if now % 60 == 59:
            self.seen.shard_minute = max(self.seen.shard_minute, int(self.minute.max()))
            self.minute[:] = 0

    def _quiet(self, able: int) -> int:
        """New images have waited for nobody of their own tenant that is as old: a fair queue serves them as they come."""
        return min(self.fresh, max(0, able // 2))

    def _reach_barrier(self, tenants: Array, now: int) -> None:
        which, number = np.unique(tenants, return_counts=True)
        self.since[which[self.waiting[which] == 0]] = now
        self.early[which] -= number
        self.waiting[which] += number
        self.compared[which] += number

    def _sweep(self) -> None:
        """Every open row before `decide`, a class of rows at a time: rows of a class differ in nothing that it looks at."""
        seen = self.seen
        seen.sweeps += 1
        lost, self.lost = self.lost, []
        opened = self.ready + sum(map(len, lost)) + sum(n for _, n in self.groups)
        seen.sweep_reads_most = max(seen.sweep_reads_most, _sweep_reads(opened))
        if lost and _decided(None) is Action.SUPERSEDE:
            found = np.concatenate(lost)
            seen.resent += len(found)
            self._send(found)
        assert _decided("t") is Action.NOTHING, "a live intent is left alone"


def _decided(found: str | None) -> Action:
    key, place = ItemKey("t1", "i1"), Address("b", "k")
    row = OpenStage(key, "preview", "v", 1, "t", 0, 0, 0, place)
    presence = Presence(token=found, receives=0, dead=False, address=place) if found is not None else None
    return decide(row, "v", Looked(presence), now_ms=60_000, grace_ms=GRACE_MS).action


def _sweep_reads(opened: int) -> float:
    """Pages of a hundred rows, each a query to every shard that is rounded up to a unit; what is in it is as large as it is."""
    pages = math.ceil(opened / calls.SWEEP_PAGE)
    rows = math.ceil(calls.SWEEP_PAGE / SHARDS) + 4
    return calls.SWEEP_QUERIES + pages * SHARDS * max(1, math.ceil(rows * calls.ENTRY_BYTES / 4_096))


def compare(asked: Workload, seen: Seen) -> list[tuple[str, float, float]]:
    """(what, predicted, seen)."""
    said = plan(asked, read_prices())
    needs = {need.name: need.need for need in said.needs}
    part = said.per_second / SHARDS
    return [
        ("hours to drain", said.drain_hours or math.inf, seen.drain_s / 3_600),
        ("workers", said.workers, seen.peak_fleet),
        ("workers comparing, on average", comparing.while_draining(asked), seen.group_s / seen.drain_s),
        ("most messages in flight, preview", needs["messages in flight, preview"], seen.peak_in_flight),
        ("most messages in flight, group", needs["messages in flight, all comparing"], seen.peak_in_flight_group),
        ("commits of the fullest shard, all", asked.images / SHARDS, int(seen.shard_total.max())),
        ("commits/s of the fullest shard, worst minute", part, seen.shard_minute / 60),
        ("commits/s of the fullest shard, worst second", part, seen.shard_second),
        (
            "read units of the largest sweep",
            said.numbers["read units of a sweep, all images open"],
            seen.sweep_reads_most,
        ),
        ("images whose record was lost, sent by a sweep", asked.images * LOST, seen.resent),
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run it, print it."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--images", type=float, default=10e6)
    parser.add_argument("--per-hour", type=float, default=20_000)
    parser.add_argument("--tenants", type=int, default=2_000)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--seconds-per-image", type=float, default=1.0)
    parser.add_argument("--drain-hours", type=float, default=72.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    asked = Workload(
        given.images, given.per_hour, given.seconds_per_image, given.workers, given.drain_hours, given.tenants
    )
    workers = plan(asked, read_prices()).workers
    began = time.perf_counter()
    seen = System(asked, workers, given.seed).run()
    took = time.perf_counter() - began
    rows = compare(asked, seen)
    if given.json:
        print(json.dumps({"took_s": round(took, 1), **{name: [one, other] for name, one, other in rows}}))
    else:
        print(f"{'':<50}{'plan':>16}{'simulation':>16}{'ratio':>9}")
        for name, one, other in rows:
            print(f"{name:<50}{one:>16,.1f}{other:>16,.1f}{other / one if one else math.nan:>9.2f}")
        print(f"\n{seen.batches:,} batches of group, {seen.sweeps:,} sweeps, {took:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
