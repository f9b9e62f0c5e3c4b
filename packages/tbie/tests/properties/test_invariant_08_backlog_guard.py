"""Invariant 8: repeated sweeps over the same backlog do not grow the queue.

Mutants it catches, tried by hand: a sweep that supersedes what has a live intent; a sweep that emits without looking; a
queue that keeps the superseded message beside the new one; a queue that takes the same token twice.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from tbie.core.reading import Known
from tbie.testing.builders import World, all_open, gallery, new_items
from tbie.testing.chaos import STAGES, Chaos, Stores, hold


class BacklogGuard(Chaos):
    """Depth is bounded by what exists, at every moment; and a settled view is not touched again."""

    @invariant()
    def no_queue_is_longer_than_there_are_items(self) -> None:
        """One message per (item, stage), whatever was repeated."""
        for stage in STAGES:
            reading = self.raw_intent.depth(stage)
            assert isinstance(reading, Known)
            assert reading.value.live <= len(self.keys)

    @rule(times=st.integers(2, 6))
    def sweeping_again_changes_nothing(self, times: int) -> None:
        """After one sweep that could see, further ones send nothing and leave every token alone."""
        if self.blind:
            return
        control = self.world().reconciler()
        control.step(force_sweep=True, grace_s=0.0)
        seq, depths = self.raw_truth.last_seq(), [self.raw_intent.depth(stage) for stage in STAGES]
        for _ in range(times):
            done = control.step(force_sweep=True, grace_s=0.0)
            assert done.emitted.sent == 0
        assert self.raw_truth.last_seq() == seq
        assert [self.raw_intent.depth(stage) for stage in STAGES] == depths
        assert self.live_messages() >= len(all_open(self.raw_truth, self.workflow))

    def live_messages(self) -> int:
        """In all queues."""
        readings = [self.raw_intent.depth(stage) for stage in STAGES]
        return sum(reading.value.live for reading in readings if isinstance(reading, Known))


def test_sweeps_over_the_same_backlog_do_not_grow_the_queue(stores: Stores) -> None:
    hold(BacklogGuard, stores)


def test_a_thousand_sweeps_over_a_backlog_leave_one_intent_for_each_open_stage(stores: Stores) -> None:
    probe = BacklogGuard(stores.make)
    world = World(gallery(), probe.truth, probe.intent, probe.clock, probe.ids)
    world.add(new_items(20))
    control = world.reconciler()
    sent = 0
    for _ in range(1_000 * stores.share // 100):
        probe.clock.advance_ms(10_000)
        sent += control.step(force_sweep=True).emitted.sent
    assert sent == 20
    assert probe.live_messages() == 20
    probe.raw_truth.close()
    probe.raw_intent.close()
