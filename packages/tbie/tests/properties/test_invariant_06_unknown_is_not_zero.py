"""Invariant 6: a reading that failed is neither empty nor healthy, is reported within one cycle, and decides nothing.

Mutants it catches, tried by hand: ``decide`` that treats ``Blind`` like ``Looked(None)``; a sweep that does not report
what it could not read; ``size_fleet`` that takes an unreadable queue for an empty one; ``set_sizes`` that takes an
unreadable fleet for an empty one; a watchdog that ignores ``blind``.
"""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tbie.backends.memory.truth import MemoryTruth
from tbie.belief import Beliefs
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.reading import Depth, FleetView, Known, Reading, Unknown
from tbie.core.settings import Settings
from tbie.reconciler.fleet import PoolLimits, set_sizes
from tbie.reconciler.loop import Pass
from tbie.testing.builders import WHO, chain, new_items
from tbie.testing.chaos import Chaos, Stores, hold
from tbie.watchdog import watch


class UnknownIsNotZero(Chaos):
    """Sight comes and goes; what a blind control plane does is compared with what it may do."""

    @rule()
    def a_blind_sweep_rotates_nothing_and_says_so_at_once(self) -> None:
        """Whatever the queue really holds."""
        self.control.step()  # the fast path needs no sight and may go on
        before = self.items()
        was_blind, self.blind = self.blind, True
        try:
            done = self.control.step(force_sweep=True, grace_s=0.0)
        finally:
            self.blind = was_blind
        assert done.swept is not None
        assert (done.swept.emitted.superseded, done.swept.emitted.exhausted) == (0, 0)
        lifted = done.swept.lifted
        assert lifted or self.items() == before
        if done.swept.open:
            self.reported()

    def on_pass(self, done: Pass) -> None:
        if done.swept is not None and done.swept.open and self.blind:
            self.reported()

    def reported(self) -> None:
        """The heartbeat of this very pass, read by somebody else, names what is unreadable."""
        findings = watch(self.raw_truth.heartbeats(), self.clock.now_ms(), 6_000)
        assert [finding.code for finding in findings] == ["control_plane_blind"]
        assert "access denied" in str(findings[0].value("unreadable"))


def test_a_blind_control_plane_says_so_and_breaks_nothing(stores: Stores) -> None:
    hold(UnknownIsNotZero, stores)


class _Fleet:
    """Records what it is asked for."""

    def __init__(self) -> None:
        self.asked: dict[str, int] = {}

    def set_desired(self, pool: str, workers: int) -> None:
        self.asked[pool] = workers

    def view(self, pool: str) -> Reading[FleetView]:
        raise AssertionError("sizes are set from the beliefs that were handed in")


def _depths() -> st.SearchStrategy[Reading[Depth]]:
    counts = st.integers(0, 30)
    known = st.builds(lambda v, f, d: Known(Depth(v, f, d, 0, None), "q", 0), counts, counts, counts)
    return st.one_of(known, st.just(Unknown("access denied", "q", 0)))


def _views() -> st.SearchStrategy[Reading[FleetView]]:
    known = st.builds(lambda running: Known(FleetView(running, running, 0), "f", 0), st.integers(0, 8))
    return st.one_of(known, st.just(Unknown("access denied", "f", 0)))


@given(
    open_items=st.integers(0, 12),
    queues=st.fixed_dictionaries({"a": _depths()}, optional={"b": _depths()}),
    view=_views(),
    ceiling=st.integers(0, 8),
)
def test_no_fleet_shrinks_on_a_reading_that_failed(
    open_items: int, queues: Mapping[str, Reading[Depth]], view: Reading[FleetView], ceiling: int
) -> None:
    workflow = chain("a", "b")
    truth = MemoryTruth(workflow, ManualClock(), SequentialIds())
    truth.add(new_items(open_items), WHO)
    fleet = _Fleet()
    set_sizes(
        workflow, truth.tally(), Beliefs(queues, {"default": view}), fleet, {"default": PoolLimits(ceiling)}, Settings()
    )
    sighted = len(queues) == 2 and all(isinstance(reading, Known) for reading in queues.values())
    asked = fleet.asked.get("default")
    match view:
        case _ if sighted:
            due = sum(r.value.visible + r.value.in_flight for r in queues.values() if isinstance(r, Known))
            waiting = queues["a"].value.delayed if isinstance(queues["a"], Known) else 0  # every open item is in a
            assert asked == min(ceiling, max(open_items - waiting, due)), "what waits for its time keeps nobody"
        case Known(value=seen):
            assert asked is not None
            assert asked >= min(ceiling, seen.running), "never scale in on a failed reading"
            assert asked >= min(ceiling, 1) or not open_items, "work in Truth wakes somebody"
        case Unknown():
            assert asked is None, "how many there are is unknown, so no number is right: leave the fleet as it is"
