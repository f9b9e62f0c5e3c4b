"""Every branch of the reconciler's decisions, and the size of the fleet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tbie.core.finding import Boundary
from tbie.intent import Presence
from tbie.reconciler.decide import Action, Blind, Looked, Sight, Unchecked, decide, size_fleet
from tbie.testing.builders import key, new_item
from tbie.truth import Heartbeat, OpenStage
from tbie.watchdog import watch

ROW = OpenStage(key(), "a", "v1", 1, "tok", 1_000, 0, 0, new_item().address)


@pytest.mark.parametrize(
    ("sight", "age_ms", "action", "reason"),
    [
        (Unchecked(), 0, Action.EMIT, "opened"),
        (Blind("denied"), 99_999, Action.NOTHING, "intent_unreadable"),
        (Looked(None), 999, Action.NOTHING, "just_opened"),
        (Looked(None), -999, Action.NOTHING, "just_opened"),
        (
            Looked(None),
            -3_600_000,
            Action.SUPERSEDE,
            "truth_without_intent",
        ),  # opened by a process whose clock is ahead
        (Looked(None), 1_000, Action.SUPERSEDE, "truth_without_intent"),
        (Looked(Presence("other", False, 0)), 0, Action.SUPERSEDE, "stale_intent"),
        (Looked(Presence("other", True, 3)), 0, Action.SUPERSEDE, "stale_intent"),
        (Looked(Presence("tok", True, 3, {"reason": "crash"})), 0, Action.EXHAUST, "receives_exhausted"),
        (Looked(Presence("tok", False, 2)), 99_999, Action.NOTHING, "intent_is_live"),
    ],
)
def test_one_decision_for_each_sight(sight: Sight, age_ms: int, action: Action, reason: str) -> None:
    decision = decide(ROW, "v1", sight, ROW.since_ms + age_ms, 1_000)
    assert (decision.action, decision.reason, decision.open) == (action, reason, ROW)


def test_a_live_intent_of_an_older_version_is_superseded_but_a_dead_one_is_exhausted_first() -> None:
    newer = "v2"
    live = decide(ROW, newer, Looked(Presence("tok", False, 1)), 9_000, 1_000)
    assert (live.action, live.reason, live.evidence) == (
        Action.SUPERSEDE,
        "version_changed",
        {"row": "v1", "now": "v2"},
    )
    assert decide(ROW, newer, Looked(Presence("tok", True, 3)), 9_000, 1_000).action is Action.EXHAUST


@pytest.mark.parametrize("sight", [Unchecked(), Blind("x"), Looked(None), Looked(Presence("tok", True, 1))])
def test_a_stage_that_the_workflow_lost_is_left_alone(sight: Sight) -> None:
    decision = decide(ROW, None, sight, 99_999, 0)
    assert (decision.action, decision.reason) == (Action.NOTHING, "stage_not_declared")


def test_exhaustion_carries_the_evidence_of_the_dead_letter() -> None:
    found = Presence("tok", True, 3, {"reason": "worker_died", "signal": "SIGSEGV"})
    evidence = decide(ROW, "v1", Looked(found), 9_000, 0).evidence
    assert evidence == {"receives": 3, "reason": "worker_died", "signal": "SIGSEGV"}


counts = st.integers(0, 10_000)


@given(
    work=counts, live=st.none() | counts, running=st.integers(0, 50), per=st.integers(1, 100), top=st.integers(0, 50)
)
def test_a_fleet_has_enough_workers_and_no_more_than_allowed(
    work: int, live: int | None, running: int, per: int, top: int
) -> None:
    size = size_fleet(work, live, running, per, top, 1)
    assert 0 <= size <= top
    if live is None:
        assert size >= min(top, running)
        assert size >= min(top, 1) or not work
    else:
        there_is = max(work, live)
        assert size == top or size * per >= there_is
        assert size == 0 or (size - 1) * per < there_is


SILENCE_MS = 6_000


def beat(at_ms: int, instance: str = "1", component: str = "reconciler", **body: object) -> Heartbeat:
    return Heartbeat(component, instance, at_ms, body)


@pytest.mark.parametrize(
    ("beats", "codes"),
    [
        ([], ["control_plane_silent"]),
        ([beat(10_000, component="worker")], ["control_plane_silent"]),
        ([beat(4_000, blind=[])], []),
        ([beat(3_999, blind=[])], ["control_plane_silent"]),
        ([beat(9_000, blind=["queue (a): denied"])], ["control_plane_blind"]),
        ([beat(100, "old", blind=["x"]), beat(9_000, "new", blind=[])], []),
        ([beat(9_500)], []),
    ],
)
def test_the_watchdog_tells_silence_from_blindness_from_health(beats: list[Heartbeat], codes: list[str]) -> None:
    findings = watch(beats, 10_000, SILENCE_MS)
    assert [finding.code for finding in findings] == codes
    assert all(finding.boundary is Boundary.CONTROL_PLANE and finding.next_step for finding in findings)


def test_silence_is_evidence_with_numbers() -> None:
    (finding,) = watch([beat(1_000, "r7")], 10_000, SILENCE_MS)
    told = {known.name: (known.value, known.source, known.at_ms) for known in finding.evidence}
    source = "heartbeat of reconciler r7"
    assert told == {
        "last_heartbeat_ms": (1_000, source, 1_000),
        "age_s": (9.0, source, 1_000),
        "silence_s": (6.0, "settings", 10_000),
        "instance": ("r7", source, 1_000),
    }


def test_workers_that_decline_work_are_named_with_what_differs_until_they_fall_silent() -> None:
    body = {"state": "execution_drift", "drift": {"numpy": ["2.4", "2.5"]}}
    beats = [Heartbeat("reconciler", "r", 1_000, {}), Heartbeat("worker", "w", 1_000, body)]
    (finding,) = watch(beats, 1_500, 6_000)
    assert (finding.code, finding.boundary) == ("execution_drift", Boundary.EXECUTION)
    assert (finding.value("workers"), finding.value("differences")) == (["w"], {"numpy": ["2.4", "2.5"]})
    assert [f.code for f in watch(beats, 9_000, 6_000)] == ["control_plane_silent"]
