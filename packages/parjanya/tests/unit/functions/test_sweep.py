"""The function ``sweep`` over stores in memory: repairs, time that runs out, and the lines that alarms wait for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from parjanya.functions.sweep import RESERVE_S, handle
from tbie.core.clock import ManualClock
from tbie.core.errors import TruthUnavailableError
from tbie.core.reading import Known, Unknown
from tbie.core.settings import Settings
from tbie.testing.builders import WHO, new_items
from tbie.truth import Heartbeat

sys.path.insert(0, str(Path(__file__).parents[2]))
from functions_ground import Context, Told, stores


def full(count: int = 3, settings: Settings | None = None) -> Told:
    made = stores(settings=settings)
    made.truth.add(new_items(count), WHO)
    made.clock.advance_ms(60_000)  # type: ignore[attr-defined]
    return made


def live(of: Told, stage: str = "technical") -> int:
    depth = of.intent.depth(stage)
    assert isinstance(depth, Known)
    return depth.value.live


def test_open_work_without_an_intent_gets_one_and_every_reading_is_told() -> None:
    of = full(3)
    of.truth.beat(Heartbeat("worker", "w1", of.clock.now_ms(), {"pool": "images"}))
    assert handle({}, Context(), of) == {"blind": [], "more": False}
    assert live(of) == 3
    *readings, line = of.lines
    stages = {r["Stage"]: (r["Backlog"], r["BacklogAge"], r["CoverageGap"]) for r in readings if "Stage" in r}
    assert stages == {"technical": (3, 60.0, 3), "preview": (0, 0.0, 0)}
    assert [(r["Pool"], r["Workers"]) for r in readings if "Pool" in r] == [("images", 1)]
    assert (line["Heartbeat"], line["Blind"], line["Emitted"], line["desired"]) == (1, 0, 3, {"images": 1})


def test_a_line_is_what_cloudwatch_reads_as_metrics() -> None:
    of = full(0)
    handle(None, Context(), of)
    line = of.passes()[0]
    told = line["_aws"]["CloudWatchMetrics"]
    by = {tuple(block["Dimensions"][0]): [metric["Name"] for metric in block["Metrics"]] for block in told}
    assert by == {("System", "Component"): ["Heartbeat", "Emitted", "PassSeconds"], ("System",): ["Blind"]}
    assert {block["Namespace"] for block in told} == {"TBIE"}
    assert (line["System"], line["Component"], line["_aws"]["Timestamp"]) == ("studio", "sweep", of.clock.now_ms())
    assert all(isinstance(line[metric["Name"]], int | float) for block in told for metric in block["Metrics"])


def test_it_beats_in_truth_as_the_reconciler_that_the_watchdog_looks_for() -> None:
    of = full(1)
    handle({}, Context(), of)
    (beat,) = of.truth.heartbeats()
    assert (beat.component, beat.body["blind"], beat.body["pushed"]) == ("reconciler", [], True)


def test_a_queue_that_cannot_be_read_is_unknown_and_not_empty() -> None:
    of = full(3)
    of.intent.presence = lambda *_: Unknown("AccessDenied: sqs:GetQueueAttributes", "intent", 0)  # type: ignore[method-assign]
    answer = handle({}, Context(), of)
    assert answer["blind"] == ["intent: AccessDenied: sqs:GetQueueAttributes"]
    assert live(of) == 0, "nothing is sent on top of what nobody can see"
    line = of.passes()[0]
    assert (line["Heartbeat"], line["Blind"], line["finding"]) == (0, 1, "control_plane_blind")
    technical = next(r for r in of.lines if r.get("Stage") == "technical")
    assert "CoverageGap" not in technical, "unknown is not zero"


def test_a_truth_that_is_away_is_a_blind_pass_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    of = full(1)

    def away(*_: object, **__: object) -> Any:
        raise TruthUnavailableError("Truth is away")

    for name in ("documents", "open_stages", "tally", "heartbeats", "beat", "last_seq"):
        monkeypatch.setattr(of.truth, name, away)
    assert handle({}, Context(), of)["blind"][0] == "Truth is away"
    assert of.passes()[0]["Heartbeat"] == 0


class Slow(ManualClock):
    """Every look at it takes a second."""

    def monotonic_s(self) -> float:
        self.advance_ms(1_000)
        return super().monotonic_s()


def test_a_sweep_that_has_no_time_left_goes_on_in_the_next_pass_of_any_process() -> None:
    settings = Settings(sweep_page=10)
    of = stores(Slow(), settings)
    of.truth.add(new_items(95), WHO)
    of.clock.advance_ms(60_000)  # type: ignore[attr-defined]
    passes = 0
    while True:
        passes += 1
        of.extra.clear()  # another process
        answer = handle({}, Context(RESERVE_S + 5), of)
        if not answer["more"]:
            break
        assert passes < 30
    assert passes > 2
    assert live(of) == 95


def test_chores_are_done_in_the_time_that_is_left_and_their_trouble_is_told_and_no_more() -> None:
    of = full(1)
    asked: list[float] = []
    handle({}, Context(100.0), of, asked.append)
    assert asked == [of.clock.monotonic_s() + 100.0 - RESERVE_S]

    def broken(_until_s: float) -> None:
        raise RuntimeError("a bug")

    handle({}, Context(), of, broken)
    assert [line["message"] for line in of.lines if line["event"] == "chores"] == ["a bug"]

    def away(_until_s: float) -> None:
        raise TruthUnavailableError("Truth is away")

    assert handle({}, Context(), of, away)["blind"] == ["Truth is away"]


def test_passes_over_a_standing_backlog_do_not_grow_the_queue() -> None:
    of = full(20)
    for _ in range(50):
        handle({}, Context(), of)
        of.clock.advance_ms(60_000)  # type: ignore[attr-defined]
    assert live(of) == 20
