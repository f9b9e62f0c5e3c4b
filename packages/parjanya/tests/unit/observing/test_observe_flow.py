"""The stage *observe* where a model looks: what becomes of each of its answers, and the classical engine as second witness."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from parjanya.stages import observe
from parjanya.vision import classical
from parjanya.vision.engine import Begin, Graded, Observed, Picture, Seen, Unanswered
from tbie.core.clock import ManualClock
from tbie.core.errors import ObjectMissingError
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed, Outcome, Retry, TerminalFailure
from tbie.execution import Drift, Work

sys.path.insert(0, str(Path(__file__).parents[1] / "judge"))
from judge_pictures import Shelf, jpeg, scene, work_on

SEEN = Observed({"medium": "photo", "sharp": 4}, {"sharp": Graded(4.2, 0.3)}, {"pixel_budget": 1_048_576, "seed": 1})


@dataclass
class Eye:
    """An engine that answers as it is told, in reverse order."""

    answer: Callable[[Picture], Seen] = lambda picture: SEEN
    begins: bool = True
    shown: list[Picture] = field(default_factory=list)
    closed: bool = False
    name: str = "scripted"

    def identity(self) -> Mapping[str, object]:
        return {"engine": self.name, "model": "eye-1"}

    def attest(self) -> Drift | None:
        return None

    def observe(self, pictures: Sequence[Picture], begin: Begin) -> Iterator[tuple[int, Seen]]:
        try:
            for position in reversed(range(len(pictures))):
                picture = pictures[position]
                if self.begins:
                    begin([position])
                self.shown.append(picture)
                yield position, self.answer(picture)
        finally:
            self.closed = True

    def worn(self) -> str | None:
        return None

    def close(self) -> None:
        """Nothing is held."""


def works(shelf: Shelf, count: int) -> list[Work]:
    picture = jpeg(scene(0, (320, 224)))
    return [replace(work_on(shelf, picture, "observe"), key=ItemKey("studio", f"i{n}")) for n in range(count)]


def ran(eye: Eye, given: Sequence[Work], shelf: Shelf, clock: ManualClock | None = None) -> dict[int, Outcome]:
    flow = observe.make_flow(shelf, eye, clock or ManualClock())
    found: dict[int, Outcome] = {}
    for position, outcome in flow(given, lambda positions: None):
        assert position not in found
        found[position] = outcome
    return found


def facts(outcome: Outcome) -> dict[str, Any]:
    assert isinstance(outcome, Completed)
    return dict(outcome.facts)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("witness")]


@pytest.mark.parametrize("begins", [True, False])
def test_what_the_model_saw_stands_beside_what_the_classical_engine_saw(begins: bool) -> None:
    shelf = Shelf()
    (work,) = works(shelf, 1)

    found = facts(ran(Eye(begins=begins), [work], shelf)[0])

    assert found["model"] == {
        "observation": {"medium": "photo", "sharp": 4},
        "grades": {"sharp": {"expected": 4.2, "entropy": 0.3}},
        "execution": {"engine": "scripted", "model": "eye-1", "pixel_budget": 1_048_576, "seed": 1},
    }
    alone = observe.make_handler(shelf)(work)
    assert isinstance(alone, Completed)
    assert {name: value for name, value in found.items() if name != "model"} == dict(alone.facts)
    assert "model" not in alone.facts


def test_each_answer_goes_to_its_own_work_whatever_the_order_and_whoever_is_missing() -> None:
    shelf = Shelf()
    given = works(shelf, 5)
    given[2] = replace(work_on(shelf, None, "observe"), key=ItemKey("studio", "i2"))
    given[3] = replace(given[3], facts={})
    eye = Eye(lambda picture: replace(SEEN, provenance={"of": picture.name}))

    found = ran(eye, given, shelf)

    named = {position: facts(found[position])["model"]["execution"]["of"] for position in (0, 1, 4)}
    assert named == {0: "i0", 1: "i1", 4: "i4"}
    missing, unnamed = found[2], found[3]
    assert isinstance(missing, TerminalFailure)
    assert (missing.reason, missing.retriable) == ("preview_missing", True)
    assert isinstance(unnamed, TerminalFailure)
    assert unnamed.reason == "preview_unreadable"
    assert [picture.name for picture in eye.shown] == ["i4", "i1", "i0"]


def test_a_preview_that_goes_missing_meanwhile_is_no_end_of_the_flow() -> None:
    class Leaky(Shelf):
        def get(self, address: Address) -> bytes:
            raise ObjectMissingError("gone")

    shelf = Leaky()
    eye = Eye(lambda picture: SEEN if picture.jpeg else Unanswered("preview_unreadable", terminal=True))

    found = ran(eye, works(shelf, 1), shelf)

    assert found[0] == TerminalFailure("preview_unreadable", retriable=True)


def test_the_engine_is_told_which_attempt_this_is() -> None:
    shelf, eye = Shelf(), Eye()
    (work,) = works(shelf, 1)

    ran(eye, [replace(work, attempt=3)], shelf)

    assert [picture.attempt for picture in eye.shown] == [3]


def test_begin_is_told_in_positions_of_the_works() -> None:
    shelf = Shelf()
    given = [replace(work_on(shelf, None, "observe"), key=ItemKey("studio", "gone")), *works(shelf, 2)]
    begun: list[list[int]] = []

    list(observe.make_flow(shelf, Eye(), ManualClock())(given, lambda positions: begun.append(list(positions))))

    assert begun == [[2], [1]]


class TestUnanswered:
    """What becomes of an image without a valid observation."""

    @pytest.mark.parametrize(
        ("seen", "outcome"),
        [
            (Unanswered("answer_invalid", {"beginning": "I"}), Retry("answer_invalid", None, {"beginning": "I"})),
            (Unanswered("model_busy", not_before_s=2.5), Retry("model_busy", 1_700_000_002_500)),
            (
                Unanswered("model_unreachable", not_before_s=5, counted=False),
                Retry("model_unreachable", 1_700_000_005_000, counted=False),
            ),
            (Unanswered("preview_unreadable", terminal=True), TerminalFailure("preview_unreadable", retriable=True)),
        ],
    )
    def test_it_is_tried_again_or_fails_as_the_engine_says(self, seen: Unanswered, outcome: Outcome) -> None:
        shelf = Shelf()

        assert ran(Eye(lambda picture: seen), works(shelf, 1), shelf)[0] == outcome

    @pytest.mark.parametrize(("said_s", "waits_ms"), [(1e9, 3_600_000), (-5, 0)])
    def test_a_server_puts_off_an_image_by_an_hour_at_most(self, said_s: float, waits_ms: int) -> None:
        outcome = observe.unanswered(Unanswered("model_busy", not_before_s=said_s), 1_000)

        assert isinstance(outcome, Retry)
        assert outcome.not_before_ms == 1_000 + waits_ms

    def test_the_second_witness_is_not_kept_for_it(self) -> None:
        shelf = Shelf()

        found = ran(Eye(lambda picture: Unanswered("answer_invalid")), works(shelf, 40), shelf)

        assert len(found) == 40


def test_the_witness_looks_while_the_model_does(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf, looked = Shelf(), threading.Event()
    real = classical.observe

    def noted(*args: Any) -> dict[str, object]:
        looked.set()
        return real(*args)

    def answer(picture: Picture) -> Seen:
        assert looked.wait(20)  # the model has not answered, and the witness is at work already
        return SEEN

    monkeypatch.setattr(classical, "observe", noted)

    assert isinstance(ran(Eye(answer), works(shelf, 1), shelf)[0], Completed)


def test_pixels_are_not_kept_for_all_works_of_a_claim() -> None:
    shelf = Shelf()
    given = works(shelf, 6)

    ran(Eye(), given, shelf)

    assert [dict(work.scratch) for work in given] == [{}] * 6


def test_closing_the_flow_closes_the_engine_s() -> None:
    shelf, eye = Shelf(), Eye()
    flow = observe.make_flow(shelf, eye, ManualClock())(works(shelf, 9), lambda positions: None)
    next(flow)
    flow.close()  # type: ignore[attr-defined]

    assert eye.closed
    assert len(eye.shown) == 1
