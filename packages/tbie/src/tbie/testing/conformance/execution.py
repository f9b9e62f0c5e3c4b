"""What every ``Fleet`` must do: grow on request, shrink by letting the idle go, and never stop one that holds work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from tbie.core.reading import BootState, FleetView, Known
from tbie.execution import Fleet


class Staff(Protocol):
    """A fleet under test, with the handles that only its backend can give."""

    @property
    def fleet(self) -> Fleet:
        """The fleet."""
        ...

    def settle(self) -> None:
        """Let what was asked for happen: start processes, let idle ones leave. Returns when it has."""
        ...

    def occupy(self, pool: str) -> None:
        """Give every worker of *pool* work that does not end by itself."""
        ...

    def free(self, pool: str) -> None:
        """End that work."""
        ...


@dataclass(frozen=True, slots=True)
class Pools:
    """Names of two pools that the backend can start."""

    first: str = "default"
    second: str = "other"


class FleetConformance:
    """Subclass it and override ``make_staff``: a context that cleans up what still runs."""

    pools = Pools()

    def make_staff(self, folder: Path) -> Iterator[Staff]:
        """Yield one fleet with no workers, then stop whatever was started."""
        raise NotImplementedError("say how this backend's fleet is made")

    @pytest.fixture
    def staff(self, tmp_path: Path) -> Iterator[Staff]:
        """A fleet without workers."""
        yield from self.make_staff(tmp_path)

    def view(self, staff: Staff, pool: str) -> FleetView:
        """The view, which must be readable."""
        reading = staff.fleet.view(pool)
        assert isinstance(reading, Known), reading
        return reading.value

    def test_a_pool_nobody_asked_for_is_known_to_be_empty(self, staff: Staff) -> None:
        reading = staff.fleet.view(self.pools.first)
        assert isinstance(reading, Known)
        assert reading.value == FleetView(0, 0, 0)
        assert reading.source

    def test_workers_come_when_asked_for(self, staff: Staff) -> None:
        staff.fleet.set_desired(self.pools.first, 2)
        staff.settle()
        assert _counts(self.view(staff, self.pools.first)) == (2, 2, 0)

    def test_workers_that_have_done_nothing_yet_are_shown_on_their_way(self, staff: Staff) -> None:
        staff.fleet.set_desired(self.pools.first, 2)
        staff.settle()
        boots = self.view(staff, self.pools.first).boots
        assert len({boot.owner for boot in boots}) == 2
        assert {boot.state for boot in boots} <= {BootState.STARTED, BootState.REGISTERED}
        assert self.view(staff, self.pools.second).boots == ()

    def test_pools_do_not_mix(self, staff: Staff) -> None:
        staff.fleet.set_desired(self.pools.first, 2)
        staff.fleet.set_desired(self.pools.second, 1)
        staff.settle()
        assert self.view(staff, self.pools.first).running == 2
        assert self.view(staff, self.pools.second).running == 1

    def test_asking_again_for_the_same_size_starts_nobody(self, staff: Staff) -> None:
        for _ in range(20):
            staff.fleet.set_desired(self.pools.first, 1)
            staff.settle()
        assert self.view(staff, self.pools.first).running == 1

    def test_the_idle_leave_when_fewer_are_wanted(self, staff: Staff) -> None:
        staff.fleet.set_desired(self.pools.first, 2)
        staff.settle()
        staff.fleet.set_desired(self.pools.first, 0)
        staff.settle()
        assert _counts(self.view(staff, self.pools.first)) == (0, 0, 0)

    def test_one_that_holds_work_is_not_stopped(self, staff: Staff) -> None:
        staff.fleet.set_desired(self.pools.first, 2)
        staff.settle()
        staff.occupy(self.pools.first)
        staff.fleet.set_desired(self.pools.first, 0)
        staff.settle()
        assert _counts(self.view(staff, self.pools.first)) == (0, 2, 2)
        staff.free(self.pools.first)
        staff.fleet.set_desired(self.pools.first, 0)
        staff.settle()
        assert _counts(self.view(staff, self.pools.first)) == (0, 0, 0)


def _counts(view: FleetView) -> tuple[int, int, int]:
    """Asked for, running, holding work."""
    return view.desired, view.running, view.busy
