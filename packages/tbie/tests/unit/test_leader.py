"""Leadership: one reconciler acts, the others watch; a deposed one commits nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import Clock, ManualClock
from tbie.core.errors import FencedError
from tbie.core.ids import SequentialIds
from tbie.core.settings import Settings
from tbie.reconciler.leader import TERM, Leadership, Role
from tbie.reconciler.loop import Reconciler
from tbie.testing.builders import RETENTION_S, WHO, chain, everywhere, key, new_item, new_items, record_of
from tbie.truth import OpenStage, Reset

SETTINGS = Settings(leader_lease_s=9.0)


class Skewed:
    """A clock whose wall time is wrong; its monotonic time is everybody's."""

    def __init__(self, clock: ManualClock, ahead_ms: int) -> None:
        self._clock, self._ahead_ms = clock, ahead_ms

    def now_ms(self) -> int:
        return self._clock.now_ms() + self._ahead_ms

    def monotonic_s(self) -> float:
        return self._clock.monotonic_s()


class Contest:
    """Reconcilers over the same stores."""

    def __init__(self) -> None:
        self.workflow, self.clock = chain("a", "b"), ManualClock()
        self.truth = MemoryTruth(self.workflow, self.clock, SequentialIds())
        self.intent = MemoryIntent(self.clock, RETENTION_S)

    def enter(self, name: str, clock: Clock | None = None, sole: bool = False) -> Reconciler:
        clock = clock or self.clock
        leadership = Leadership(self.truth, clock, SETTINGS, name, sole)
        return self.join(name, clock, leadership)

    def join(self, name: str, clock: Clock, leadership: Leadership | None) -> Reconciler:
        stores = (self.workflow, self.truth, self.intent, everywhere, clock, SETTINGS)
        return Reconciler(*stores, instance=name, leadership=leadership)

    @property
    def holder(self) -> object:
        (term,) = self.truth.documents(TERM)
        return term.body["holder"]

    def said(self, name: str) -> dict[str, object]:
        (beat,) = [b for b in self.truth.heartbeats() if b.instance == name]
        return dict(beat.body)


def test_one_leads_and_the_other_stands_by_emitting_nothing() -> None:
    contest = Contest()
    first, second = contest.enter("first"), contest.enter("second")
    assert first.step().role is Role.LEADER
    contest.truth.add([new_item()], WHO)
    standing = second.step(force_sweep=True, grace_s=0.0)
    assert (standing.role, standing.read, standing.emitted.sent, standing.swept) == (Role.STANDBY, 0, 0, None)
    assert first.step().emitted.sent == 1
    assert (contest.said("first")["role"], contest.said("second")["role"]) == ("leader", "standby")


def test_a_leader_that_renews_is_never_replaced_whatever_the_clocks_say() -> None:
    contest = Contest()
    leader = contest.enter("leader")
    rivals = [contest.enter(f"rival{ms}", Skewed(contest.clock, ms)) for ms in (-3_600_000, 3_600_000)]
    for _ in range(60):
        assert leader.step().role is Role.LEADER
        assert {rival.step().role for rival in rivals} == {Role.STANDBY}
        contest.clock.advance_ms(1_000)


def test_a_leader_that_falls_silent_is_replaced_after_its_lease_and_not_before() -> None:
    contest = Contest()
    contest.enter("dead").step()
    heir = contest.enter("heir")
    assert heir.step().role is Role.STANDBY
    contest.clock.advance_ms(8_999)
    assert heir.step().role is Role.STANDBY
    contest.clock.advance_ms(1)
    assert heir.step().role is Role.LEADER
    assert contest.holder == "heir"


def test_a_leader_that_wakes_up_after_it_was_replaced_commits_nothing() -> None:
    contest = Contest()
    sleeper, heir = contest.enter("sleeper"), contest.enter("heir")
    contest.truth.add([new_item()], WHO)
    sleeper.step()
    heir.step()
    contest.clock.advance_ms(2_000)  # within a third of the lease: the sleeper would not look
    usurper = contest.enter("usurper", sole=True)
    assert usurper.step().role is Role.LEADER
    contest.intent.purge()
    seq = contest.truth.last_seq()
    woken = sleeper.step(force_sweep=True, grace_s=0.0)  # wants to give the row a fresh token
    assert woken.role is Role.STANDBY
    assert contest.truth.last_seq() == seq, "nothing of it was committed"
    assert contest.said("sleeper")["role"] == "standby"
    assert sleeper.step().role is Role.STANDBY
    assert usurper.step(force_sweep=True, grace_s=0.0).emitted.superseded == 1


def test_a_fence_is_what_stops_the_commit() -> None:
    contest = Contest()
    contest.truth.add([new_item()], WHO)
    leadership = Leadership(contest.truth, contest.clock, SETTINGS, "x")
    term = leadership.hold()
    assert term is not None
    Leadership(contest.truth, contest.clock, SETTINGS, "y", sole=True).hold()
    with pytest.raises(FencedError):
        contest.truth.commit([Reset(key(), "a", WHO)], term)
    assert record_of(contest.truth, key(), "a").generation == 1


def test_a_clean_stop_lets_the_successor_start_at_once_and_where_the_last_one_was() -> None:
    contest = Contest()
    first, second = contest.enter("first"), contest.enter("second")
    contest.truth.add([new_item()], WHO)
    first.step()
    second.step()
    first.close()
    contest.truth.add([new_item("i2")], WHO)
    took_over = second.step()
    assert (took_over.role, took_over.read) == (Role.LEADER, 1)
    second.close()
    assert contest.truth.documents(TERM) == []


def test_a_standby_that_stops_takes_nobodys_term_away() -> None:
    contest = Contest()
    leader, standby = contest.enter("leader"), contest.enter("standby")
    leader.step()
    standby.step()
    standby.close()
    assert contest.holder == "leader"
    assert leader.step().role is Role.LEADER


def test_whoever_holds_the_lock_of_the_home_waits_for_no_dead_leaders_lease() -> None:
    contest = Contest()
    contest.enter("killed").step()
    assert contest.enter("restarted", sole=True).step().role is Role.LEADER


def test_each_term_has_a_greater_epoch() -> None:
    contest = Contest()
    first = contest.enter("first")
    first.step()
    before = contest.said("first")["epoch"]
    first.close()
    contest.enter("second").step()
    after = contest.said("second")["epoch"]
    assert isinstance(before, int)
    assert isinstance(after, int)
    assert after > before


def test_an_operators_pass_beside_a_living_leader_repairs_and_deposes_nobody() -> None:
    contest = Contest()
    leader = contest.enter("leader")
    contest.truth.add([new_item()], WHO)
    leader.step()
    contest.clock.advance_ms(2_000)
    leader.step()  # has saved how far it has read
    contest.intent.purge()
    operator = contest.join("operator", contest.clock, None)
    done = operator.step(force_sweep=True, grace_s=0.0)
    operator.close()
    assert (done.role, done.emitted.superseded) == (Role.OPERATOR, 1)
    assert contest.said("operator")["role"] == "operator"
    assert leader.step(force_sweep=True, grace_s=0.0).emitted.superseded == 0, "it is repaired already"
    assert contest.holder == "leader"


class Slow(MemoryTruth):
    """Each page takes a second, in which others have their turns."""

    def __init__(self, contest: Contest) -> None:
        super().__init__(contest.workflow, contest.clock, SequentialIds())
        self._slow = contest.clock
        self.meanwhile: Callable[[], None] | None = None

    def open_stages(self, stage: str, after: OpenStage | None, limit: int) -> list[OpenStage]:
        self._slow.advance_ms(1_000)
        others, self.meanwhile = self.meanwhile, None
        if others is not None:
            others()
        self.meanwhile = others
        return super().open_stages(stage, after, limit)


def test_a_first_sweep_that_is_longer_than_a_lease_keeps_the_lead_and_says_that_it_lives() -> None:
    contest = Contest()
    truth = contest.truth = Slow(contest)
    truth.add(new_items(30 * SETTINGS.sweep_page), WHO)
    truth.save_cursor("reconciler", truth.last_seq())
    one, two = contest.enter("one", sole=True), contest.enter("two")
    silent_s: list[float] = []

    def meanwhile() -> None:
        assert two.step().role is Role.STANDBY
        beats = [b.at_ms for b in truth.heartbeats() if b.instance == "one"]
        silent_s.append((contest.clock.now_ms() - max(beats, default=0)) / 1_000)

    one.step()
    truth.meanwhile = meanwhile
    assert one.step(force_sweep=True, grace_s=0.0).role is Role.LEADER
    assert len(silent_s) > 2 * SETTINGS.leader_lease_s
    assert max(silent_s) <= SETTINGS.silence_s
