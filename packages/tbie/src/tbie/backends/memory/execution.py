"""A fleet in memory: workers are objects that a test steps by hand; one that holds work is never let go."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

from tbie.core.clock import Clock
from tbie.core.reading import Boot, BootState, FleetView, Known, Reading
from tbie.worker import Worker


class MemoryFleet:
    """A ``Fleet`` whose workers run when ``step`` is called."""

    def __init__(self, hire: Callable[[str, str], Worker], clock: Clock) -> None:
        self._hire, self._clock = hire, clock
        self._desired: Counter[str] = Counter()
        self._hired: Counter[str] = Counter()
        self.workers: defaultdict[str, list[Worker]] = defaultdict(list)

    def set_desired(self, pool: str, workers: int) -> None:
        self._desired[pool] = workers
        staff = self.workers[pool]
        while len(staff) < workers:
            self._hired[pool] += 1
            staff.append(self._hire(pool, f"{pool}-{self._hired[pool]}"))
        idle = [worker for worker in staff if not worker.held]
        for worker in idle[: max(0, len(staff) - workers)]:
            worker.flush()
            staff.remove(worker)

    def view(self, pool: str) -> Reading[FleetView]:
        staff = self.workers[pool]
        busy = sum(bool(worker.held) for worker in staff)
        boots = tuple(
            Boot(w.name, BootState.CLAIMED, w.first_claim_ms)
            if w.claimed
            else Boot(w.name, BootState.REGISTERED, w.started_ms)
            for w in staff
            if not w.done
        )
        return Known(FleetView(self._desired[pool], len(staff), busy, boots), "memory", self._clock.now_ms())

    def step(self) -> int:
        """One step of every worker; returns how many messages they claimed."""
        return sum(worker.step().claimed for staff in self.workers.values() for worker in list(staff))
