"""What came from outside and was refused: kept once, told for a day, read whatever the documents hold."""

from __future__ import annotations

from typing import Any, cast

import pytest

from packages.tbie.tests.unit.diagnose.scene import Scene
from tbie.core.errors import TruthUnavailableError
from tbie.core.refusal import Refusal, excerpt
from tbie.refused import KEPT, REFUSED, STANDS_MS, keep, read
from tbie.testing.faults import intercept_truth
from tbie.truth import Document

DAY_S = STANDS_MS / 1000


@pytest.fixture
def scene() -> Scene:
    """Nothing is open, and everybody is alive."""
    scene = Scene()
    scene.well()
    return scene


def refuse(scene: Scene, *refused: Refusal, by: str = "intake") -> None:
    keep(scene.truth, by, refused, scene.clock.now_ms())


def stranger(number: int = 1, code: str = "not_an_upload") -> Refusal:
    return Refusal(code, f"m{number}", excerpt(f"no upload {number}\n☂"))


def test_what_was_refused_is_told_by_component_and_code_with_the_newest_of_it(scene: Scene) -> None:
    refuse(scene, stranger(1), stranger(2))
    scene.later(60)
    refuse(scene, stranger(3, "not_an_intent"), by="queue a")
    scene.later(60)
    scene.well()
    assert scene.codes() == ["events_refused"]
    finding = scene.find("events_refused")
    assert finding.value("refused") == 3
    assert finding.value("reasons") == {"intake:not_an_upload": 2, "queue a:not_an_intent": 1}
    assert (finding.value("newest"), finding.value("record")) == ("queue a:not_an_intent", "m3")
    assert finding.value("found") == "no upload 3\\n\\u2602"
    assert [known.at_ms for known in finding.evidence if known.name == "record"] == [scene.clock.now_ms() - 60_000]
    assert finding.value("kept_at_most") is None


def test_it_holds_up_nothing_and_the_verdict_says_so(scene: Scene) -> None:
    refuse(scene, stranger())
    found = scene.diagnose()
    assert (found.verdict, found.healthy) == ("control-plane", False)
    assert found.summary.startswith("Work goes on")
    scene.add(1)
    scene.later(60)
    scene.well()
    assert "events_refused" in scene.codes()
    assert "events_refused" not in scene.diagnose().summary, "what holds up work comes first"


def test_it_is_told_for_a_day_after_the_last_one(scene: Scene) -> None:
    refuse(scene, stranger(1))
    scene.later(DAY_S / 2)
    refuse(scene, stranger(2))
    scene.later(DAY_S / 2)
    scene.well()
    assert scene.find("events_refused").value("refused") == 1
    scene.later(DAY_S / 2)
    scene.well()
    assert scene.codes() == []
    assert len(scene.truth.documents(REFUSED)) == 2, "they stay to be looked at"


def test_one_that_comes_again_is_kept_once_and_told_anew_after_its_day(scene: Scene) -> None:
    for _ in range(5):
        refuse(scene, stranger())
        scene.later(60)
    assert len(scene.truth.documents(REFUSED)) == 1
    scene.later(DAY_S)
    scene.well()
    assert scene.codes() == []
    refuse(scene, stranger())
    assert scene.find("events_refused").value("refused") == 1
    assert len(scene.truth.documents(REFUSED)) == 1


def test_of_a_flood_the_latest_are_kept_and_the_finding_says_that_there_may_have_been_more(scene: Scene) -> None:
    for number in range(KEPT + 10):
        refuse(scene, stranger(number))
        scene.later(1)
    assert len(scene.truth.documents(REFUSED)) == KEPT
    scene.well()
    finding = scene.find("events_refused")
    assert (finding.value("refused"), finding.value("kept_at_most")) == (KEPT, KEPT)
    assert finding.value("record") == f"m{KEPT + 9}"


def test_a_truth_that_is_away_loses_the_note_and_nothing_else(scene: Scene) -> None:
    def away(*_: Any) -> Any:
        raise TruthUnavailableError("Truth is away")

    keep(intercept_truth(scene.truth, away), "intake", [stranger()], scene.clock.now_ms())
    assert scene.codes() == []


def test_documents_that_cannot_be_read_are_unknown_and_not_none(scene: Scene) -> None:
    def away(name: str, method: Any, args: Any, kwargs: Any) -> Any:
        if name.endswith("documents") and args == (REFUSED,):
            raise TruthUnavailableError("no documents today")
        return method(*args, **kwargs)

    scene.truth = intercept_truth(scene.truth, away)
    found = scene.diagnose()
    assert (found.verdict, found.findings) == ("unknown", ())
    assert "no documents today" in found.summary


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"component": 3, "code": None, "record": ["m1"], "evidence": {"deep": {}}, "at_ms": "yesterday"},
        {"component": "", "code": "", "record": "", "evidence": "", "at_ms": True},
        {"code": "\ud800\n\x1b[31m" * 1_000, "evidence": "☂" * 10_000, "at_ms": 10**30},
        {"component": "intake", "code": "no_size", "at_ms": -1},
        {"component": "intake", "code": "no_size", "at_ms": 1.5},
    ],
)
def test_a_document_that_nobody_of_us_wrote_is_counted_and_breaks_nothing(scene: Scene, body: dict[str, Any]) -> None:
    scene.truth.write_document(REFUSED, "x", body, None)
    finding = scene.find("events_refused")
    assert finding.value("refused") == 1
    shown = [str(finding.value(name)) for name in ("reasons", "newest", "found", "record")]
    assert all(len(each) < 900 and each.isascii() and each.isprintable() for each in shown)
    scene.later(DAY_S)
    scene.well()
    assert scene.codes() == [], "it has the time at which Truth took it"


@pytest.mark.parametrize("body", [None, [], "text", 7])
def test_a_body_that_is_no_mapping_is_read_as_unknown(body: object) -> None:
    kept = read(Document(REFUSED, "x", 1, cast("Any", body), 5))
    assert kept == ("unknown", "unknown", None, "unknown", 5)
