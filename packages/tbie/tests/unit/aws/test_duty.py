"""What a worker on an instance does, decided from what it sees: each line of the table, and what never happens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tbie.backends.aws.duty import GONE, Duty, DutySettings, Phase, Seen, decide
from tbie.backends.aws.metadata import Notice
from tbie.backends.aws.notices import Announced
from tbie.core.clock import ManualClock
from tbie.core.reading import Known, Unknown

SETTINGS = DutySettings()
SERVING = Seen(
    target="InService",
    ready=True,
    loading_s=0.0,
    declines=False,
    holds=False,
    asking=False,
    held_nothing_s=0.0,
    protected=True,
    may_call=True,
    served=True,
    left_s=None,
    draining_s=0.0,
    hook_done="InService",
    since_extended_s=0.0,
)
L, T = "launch", "terminate"
BOOT: dict[str, Any] = {"ready": False, "served": False, "hook_done": None, "protected": None}
READY: dict[str, Any] = {"served": False, "hook_done": None, "protected": None}
HOLDS: dict[str, Any] = {"holds": True}


@pytest.mark.parametrize(
    ("seen", "duty"),
    [
        # on its way into service
        ({**BOOT, "target": None}, Duty(Phase.LOST)),
        (BOOT, Duty(Phase.LOADING)),
        ({**BOOT, "since_extended_s": 60.0}, Duty(Phase.LOADING, extend=L)),
        ({**BOOT, "since_extended_s": 60.0, "loading_s": 900.0}, Duty(Phase.LOADING, protect=False)),
        (READY, Duty(Phase.STARTING, complete=L)),
        ({**READY, "hook_done": "InService"}, Duty(Phase.STARTING, protect=True)),
        ({**READY, "hook_done": "InService", "may_call": False}, Duty(Phase.STARTING)),
        # through the warm pool
        ({**BOOT, "target": "Warmed:Stopped"}, Duty(Phase.LOADING)),
        ({**READY, "target": "Warmed:Stopped"}, Duty(Phase.WARM, complete=L)),
        ({**READY, "target": "Warmed:Stopped", "hook_done": "Warmed:Stopped"}, Duty(Phase.WARM)),
        ({**READY, "hook_done": "Warmed:Running"}, Duty(Phase.STARTING, complete=L)),
        # in service
        ({}, Duty(Phase.IDLE, take=True)),
        ({"held_nothing_s": 60.0}, Duty(Phase.IDLE, take=True, protect=False)),
        ({"held_nothing_s": 60.0, "protected": False}, Duty(Phase.IDLE, take=True)),
        ({"protected": False, "may_call": False}, Duty(Phase.IDLE)),
        (HOLDS, Duty(Phase.BUSY, take=True)),
        ({**HOLDS, "held_nothing_s": 999.0}, Duty(Phase.BUSY, take=True)),
        ({"declines": True}, Duty(Phase.DECLINING, protect=False)),
        ({"declines": True, "protected": False}, Duty(Phase.DECLINING)),
        # somebody's hand
        ({"target": "Standby"}, Duty(Phase.ASIDE)),
        ({"target": "Detached"}, Duty(Phase.ASIDE)),
        ({"target": "Levitating"}, Duty(Phase.ASIDE)),
        # back into the warm pool
        ({**HOLDS, "target": "Warmed:Stopped"}, Duty(Phase.DRAINING)),
        ({"target": "Warmed:Stopped"}, Duty(Phase.WARM, complete=T)),
        # going
        ({**HOLDS, "target": "Terminated"}, Duty(Phase.DRAINING, drain=True)),
        ({**HOLDS, "target": "Terminated", "since_extended_s": 60.0}, Duty(Phase.DRAINING, drain=True, extend=T)),
        (
            {**HOLDS, "target": "Terminated", "draining_s": 1_800.0},
            Duty(Phase.LEAVING, drain=True, give_back=True, leave=True),
        ),
        ({"target": "Terminated"}, Duty(Phase.LEAVING, drain=True, complete=T, leave=True)),
        ({"target": "Terminated", "asking": True}, Duty(Phase.DRAINING, drain=True)),
        ({**HOLDS, "left_s": 110.0}, Duty(Phase.DRAINING, drain=True)),
        ({**HOLDS, "left_s": 15.0}, Duty(Phase.LEAVING, drain=True, give_back=True, leave=True)),
        ({"left_s": 110.0}, Duty(Phase.LEAVING, drain=True, leave=True)),
        ({**BOOT, "left_s": 110.0}, Duty(Phase.LEAVING, drain=True, leave=True)),
    ],
)
def test_the_duty_of_the_moment(seen: dict[str, Any], duty: Duty) -> None:
    assert decide(replace(SERVING, **seen), SETTINGS) == duty


targets = st.sampled_from(
    [None, "InService", "Warmed:Stopped", "Warmed:Running", "Standby", "Terminated", "Warmed:Terminated", "?"]
)
seconds = st.floats(0, 4_000)
anything = st.builds(
    Seen,
    target=targets,
    ready=st.booleans(),
    loading_s=seconds,
    declines=st.booleans(),
    holds=st.booleans(),
    asking=st.booleans(),
    held_nothing_s=seconds,
    protected=st.sampled_from([None, False, True]),
    may_call=st.booleans(),
    served=st.booleans(),
    left_s=st.none() | st.floats(-10, 200),
    draining_s=seconds,
    hook_done=targets,
    since_extended_s=seconds,
)


@given(anything)
def test_work_is_taken_only_in_service_and_ready_with_nothing_announced(seen: Seen) -> None:
    duty = decide(seen, SETTINGS)
    if duty.take:
        assert (seen.target, seen.left_s) == ("InService", None)
        assert seen.ready
        assert not seen.declines
        assert not duty.drain


@given(anything)
def test_whoever_holds_something_keeps_the_protection_and_the_hook(seen: Seen) -> None:
    duty = decide(seen, SETTINGS)
    if seen.holds and seen.ready:
        assert duty.protect is not False
        assert duty.complete != "terminate"
        assert not duty.leave or duty.give_back


@given(anything)
def test_a_machine_that_goes_is_left_in_time(seen: Seen) -> None:
    duty = decide(seen, SETTINGS)
    if seen.left_s is not None or seen.target in GONE:
        assert duty.drain
        late = seen.left_s is not None and seen.left_s <= SETTINGS.give_back_margin_s
        in_hand = seen.holds or seen.asking
        assert duty.leave is (late or not in_hand or seen.draining_s >= SETTINGS.drain_budget_s)
    else:
        assert (duty.drain, duty.leave, duty.give_back) == (False, False, False)


# -- notices and clocks


def hear(announced: Announced, *notices: Notice) -> list[str]:
    return announced.hear(Known(notices, "test", 0))


@pytest.mark.parametrize(
    ("told_s", "left_s", "off"),
    [(100, 100, False), (120, 120, False), (124, 120, False), (-300, 118, True), (0, 118, True), (900, 118, True)],
    ids=["in time", "whole", "a little late clock", "clock ahead", "at once", "clock behind"],
)
def test_an_interruption_leaves_two_minutes_at_most_whatever_the_clock_of_the_machine_shows(
    told_s: int, left_s: int, off: bool
) -> None:
    clock = ManualClock()
    announced = Announced(clock, SETTINGS)
    assert hear(announced, Notice("interruption", "terminate", clock.now_ms() + told_s * 1_000)) == [
        "interruption announced: terminate"
    ]
    assert announced.left_s() == left_s
    assert announced.clock_off is off
    clock.advance_ms(30_000)
    assert announced.left_s() == left_s - 30


def test_an_interruption_without_a_readable_time_leaves_less_than_two_minutes() -> None:
    announced = Announced(ManualClock(), SETTINGS)
    hear(announced, Notice("interruption", "stop", None))
    assert announced.left_s() == 118
    assert not announced.clock_off


def test_an_interruption_stands_though_it_cannot_be_read_any_more() -> None:
    clock = ManualClock()
    announced = Announced(clock, SETTINGS)
    hear(announced, Notice("interruption", "terminate", clock.now_ms() + 100_000))
    assert announced.hear(Unknown("no answer", "test", 0)) == ["notices cannot be read: no answer"]
    assert announced.hear(Unknown("no answer", "test", 0)) == []
    hear(announced)
    assert announced.left_s() == 100
    assert announced.words() == ["interruption: terminate"]


def test_an_event_counts_from_five_minutes_before_and_may_be_withdrawn() -> None:
    clock = ManualClock()
    announced = Announced(clock, SETTINGS)
    event = Notice("event", "instance-retirement", clock.now_ms() + 3_600_000)
    hear(announced, event)
    assert announced.left_s() is None
    clock.advance_ms(3_300_000)
    assert announced.left_s() == 300
    hear(announced)
    assert announced.left_s() is None


@pytest.mark.parametrize("obeyed", [False, True])
def test_a_raised_risk_is_noted_and_obeyed_only_where_a_replacement_comes(obeyed: bool) -> None:
    announced = Announced(ManualClock(), DutySettings(drain_on_rebalance=obeyed))
    assert hear(announced, Notice("rebalance", "rebalance", 5)) == ["rebalance announced: rebalance"]
    assert (announced.left_s() is not None) is obeyed


def test_maintenance_that_does_not_stop_the_machine_is_noted() -> None:
    announced = Announced(ManualClock(), SETTINGS)
    hear(announced, Notice("event", "system-maintenance", 0))
    assert announced.left_s() is None
    assert announced.words() == ["event: system-maintenance"]
