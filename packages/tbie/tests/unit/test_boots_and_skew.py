"""How far workers have come, whose clock differs, and what a heartbeat says when something cannot be read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tbie.backends.memory.execution import MemoryFleet
from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.backends.sqlite.execution import ProcessFleet
from tbie.belief import Beliefs
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.reading import Boot, BootState, Depth, FleetView, Known, Reading, Unknown
from tbie.core.settings import Settings
from tbie.reconciler.boots import join, overdue
from tbie.reconciler.fleet import PoolLimits
from tbie.reconciler.loop import Reconciler
from tbie.reconciler.skew import SkewWatch
from tbie.testing.builders import RETENTION_S, WHO, World, chain, everywhere, new_items
from tbie.truth import Heartbeat

R, S, G, C = BootState.REQUESTED, BootState.STARTED, BootState.REGISTERED, BootState.CLAIMED


def beat(name: str, at_ms: int = 9_000, **body: object) -> Heartbeat:
    return Heartbeat("worker", name, at_ms, body)


# -- boots


@pytest.mark.parametrize(
    ("boot", "said", "expected"),
    [
        (Boot("w", S, 1_000), None, Boot("w", S, 1_000)),
        (Boot("w", S, 1_000), beat("w", started_ms=2_000, claimed=0, done=0), Boot("w", G, 2_000)),
        (Boot("w", G, 1_500), beat("w", started_ms=2_000, claimed=0, done=0), Boot("w", G, 1_500)),
        (Boot("w", G, 1_500), beat("w", claimed=3, first_claim_ms=4_000, done=0), Boot("w", C, 4_000)),
        (Boot("w", G, 1_500), beat("w", claimed=3, first_claim_ms=4_000, done=1), None),
        (Boot("w", G, 1_500), beat("other", claimed=3, done=3), Boot("w", G, 1_500)),
    ],
)
def test_what_a_fleet_sees_is_joined_with_what_the_worker_says(
    boot: Boot, said: Heartbeat | None, expected: Boot | None
) -> None:
    assert join([boot], [said] if said else []) == ((expected,) if expected else ())


@pytest.mark.parametrize(
    ("state", "budget_s"), [(R, 10), (S, 20), (G, 30), (C, 35)], ids=["requested", "started", "registered", "claimed"]
)
def test_each_step_has_a_budget_of_its_own(state: BootState, budget_s: int) -> None:
    settings = Settings(boot_complete_margin_s=30.0)
    boot = Boot("w", state, 0)
    assert overdue([boot], budget_s * 1_000, settings, 5.0, work_is_visible=True) == []
    (late,) = overdue([boot], budget_s * 1_000 + 1, settings, 5.0, work_is_visible=True)
    assert (late.boot, late.budget_s) == (boot, budget_s)


def test_a_worker_without_work_need_not_claim_any() -> None:
    assert overdue([Boot("w", G, 0)], 999_000, Settings(), 5.0, work_is_visible=False) == []


def test_workers_in_memory_claim_and_then_are_workers_like_any_other() -> None:
    workflow, clock, ids = chain("a"), ManualClock(), SequentialIds()
    world = World(workflow, MemoryTruth(workflow, clock, ids), MemoryIntent(clock, RETENTION_S), clock, ids)
    fleet = MemoryFleet(lambda pool, name: world.worker(name, pool=pool), clock)
    fleet.set_desired("default", 1)
    view = fleet.view("default")
    assert isinstance(view, Known)
    assert [boot.state for boot in view.value.boots] == [G]
    world.add(new_items(1))
    world.reconciler().step()
    fleet.step()
    view = fleet.view("default")
    assert isinstance(view, Known)
    assert view.value.boots == ()


def seen(fleet: ProcessFleet) -> FleetView:
    view = fleet.view("p")
    assert isinstance(view, Known)
    return view.value


def test_a_process_is_requested_then_started_then_registered(tmp_path: Path) -> None:
    clock = ManualClock()
    code = "import sys; open(sys.argv[1], 'w').close(); sys.stdin.read(); sys.stdout.close()\nimport signal; signal.pause()"

    def command(_pool: str, owner: str) -> list[str]:
        return [sys.executable, "-c", code, str(tmp_path / f"{owner}.slot")]

    fleet = ProcessFleet(tmp_path, command, lambda _: None, clock, SequentialIds())
    fleet.set_desired("p", 1)
    asked_ms = clock.now_ms()
    clock.advance_ms(2_000)
    assert seen(fleet).boots == (Boot("p-next-1", R, asked_ms),)
    fleet.supervise()
    try:
        started_ms = clock.now_ms()
        (boot,) = seen(fleet).boots
        if boot.state is S:  # it has not come far enough to be registered yet
            assert boot.since_ms == started_ms
        slot = tmp_path / f"{boot.owner}.slot"
        while not slot.exists():
            pass
        clock.advance_ms(700)
        assert seen(fleet).boots[0].state is G
    finally:
        fleet.drain()
        assert fleet.wait(20.0)


def test_workers_that_cannot_start_are_requests_with_the_error_and_the_count(tmp_path: Path) -> None:
    clock = ManualClock()
    fleet = ProcessFleet(
        tmp_path, lambda *_: [str(tmp_path / "no-such-program")], lambda _: None, clock, SequentialIds()
    )
    fleet.set_desired("p", 2)
    for _ in range(3):
        fleet.supervise()
        clock.advance_ms(31_000)
    view = seen(fleet)
    assert [boot.state for boot in view.boots] == [R, R]
    assert view.boot_failures == 3
    assert "no-such-program" in (view.last_boot_error or "")


def test_a_worker_that_dies_is_remembered_with_its_reason(tmp_path: Path) -> None:
    clock = ManualClock()
    fleet = ProcessFleet(
        tmp_path, lambda *_: [sys.executable, "-c", "raise SystemExit(3)"], lambda _: None, clock, SequentialIds()
    )
    fleet.set_desired("p", 1)
    fleet.supervise()
    fleet.set_desired("p", 0)
    assert fleet.wait(20.0)
    (died,) = seen(fleet).deaths
    assert (died.reason, died.item, died.at_ms) == ("worker_died", "", clock.now_ms())


# -- clocks


def looks(*beats: tuple[int, int]) -> dict[str, float]:
    """The verdict after looks of (our time, the time a worker wrote), with a tolerance of five seconds."""
    watch, found = SkewWatch(5.0), dict[str, float]()
    for now_ms, at_ms in beats:
        found = watch.look([beat("w", at_ms)], now_ms, now_ms / 1_000)
    return found


def test_a_heartbeat_from_the_future_has_a_clock_that_is_ahead() -> None:
    assert looks((10_000, 15_000)) == {}
    assert looks((10_000, 15_001)) == {"w": 5.001}


def test_a_heartbeat_that_is_new_and_calls_itself_old_has_a_clock_that_is_behind() -> None:
    assert looks((100_000, 40_000)) == {}, "it may simply be dead"
    assert looks((100_000, 40_000), (102_000, 42_000)) == {"w": -58.0}
    assert looks((100_000, 99_000), (102_000, 101_000)) == {}


def test_a_worker_that_is_slow_or_dead_is_not_skewed() -> None:
    assert looks((100_000, 99_000), (160_000, 101_000)) == {}, "written a second after the last look"
    assert looks((100_000, 99_000), (160_000, 99_000), (220_000, 99_000)) == {}


def test_what_was_seen_of_a_clock_is_forgotten_with_its_worker() -> None:
    behind = [(100_000, 40_000), (102_000, 42_000)]
    assert looks(*behind, (104_000, 42_000)) == {"w": -58.0}
    assert looks(*behind, *[(104_000 + n * 2_000, 42_000) for n in range(5)]) == {}


# -- blind


class Source:
    """Readings that fail on demand; remembers what size was asked for."""

    def __init__(self) -> None:
        self.queue: Reading[Depth] = Known(Depth(5, 0, 0, 0, 0), "queue", 0)
        self.fleet: Reading[FleetView] = Known(FleetView(2, 2, 1), "fleet", 0)
        self.asked: list[int] = []

    def read(self) -> Beliefs:
        return Beliefs({"a": self.queue}, {"default": self.fleet})

    def set_desired(self, pool: str, workers: int) -> None:
        del pool
        self.asked.append(workers)

    def view(self, pool: str) -> Reading[FleetView]:
        del pool
        return self.fleet


def a_control(source: Source) -> tuple[Reconciler, MemoryTruth, MemoryIntent, ManualClock]:
    workflow, clock = chain("a"), ManualClock()
    truth, intent = MemoryTruth(workflow, clock, SequentialIds()), MemoryIntent(clock, RETENTION_S)
    limits = {"default": PoolLimits(8)}
    control = Reconciler(
        workflow, truth, intent, everywhere, clock, Settings(), belief=source, fleet=source, limits=limits
    )
    return control, truth, intent, clock


def test_an_unreadable_queue_holds_scale_in_and_is_said_in_the_same_pass() -> None:
    source = Source()
    control, truth, _, clock = a_control(source)
    control.step()
    source.queue = Unknown("denied", "queue", 0)
    clock.advance_ms(500)
    truth.add(new_items(1), WHO)
    done = control.step()
    assert done.emitted.sent == 1, "the stream needs no sight of the queue"
    assert source.asked[-1] == 2, "as many as are running"
    (said,) = truth.heartbeats()
    assert said.body["blind"] == ["queue (a): denied"]


def test_an_unreadable_fleet_is_said_as_an_error_and_not_as_nobody() -> None:
    source = Source()
    control, truth, _, clock = a_control(source)
    source.fleet = Unknown("no such cluster", "fleet", 0)
    control.step()
    (said,) = truth.heartbeats()
    assert said.body["fleet"] == {"default": {"error": "no such cluster"}}
    assert said.body["blind"] == ["fleet (default): no such cluster"]
    source.fleet = Known(FleetView(1, 1, 0, (Boot("w", S, 5),), 2, "no room"), "fleet", 0)
    clock.advance_ms(2_000)
    control.step()
    (said,) = truth.heartbeats()
    assert said.body["fleet"] == {
        "default": {
            "desired": 1,
            "running": 1,
            "busy": 0,
            "boot_failures": 2,
            "last_boot_error": "no room",
            "boots": [["w", "started", 5]],
            "refused": None,
            "drift": [],
        }
    }


def test_a_heartbeat_always_has_the_same_keys() -> None:
    control, truth, _, _ = a_control(Source())
    control.step()
    (said,) = truth.heartbeats()
    assert {
        "role", "epoch", "passes", "read", "emitted", "emitted_total", "open", "last_sweep_ms", "desired", "blind",
        "cursor", "lag", "tenants", "fleet", "pauses", "deaths", "skew", "coverage", "coverage_at_ms",
    } <= said.body.keys()  # fmt: skip
