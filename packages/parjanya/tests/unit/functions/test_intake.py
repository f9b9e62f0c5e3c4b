"""The function ``intake`` over stores in memory: real pictures, duplicates, strangers, and what is left to a worker."""

from __future__ import annotations

import hashlib
import io
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from parjanya.catalog.uploads import MOST_BYTES, Upload
from parjanya.functions.intake import AT_ONCE_BYTES, RESERVE_S, STAGE, handle
from parjanya.imaging.limits import Limits
from parjanya.stages.technical import make_handler
from tbie.core.errors import ObjectUnavailableError, TruthUnavailableError
from tbie.core.keys import ItemKey
from tbie.core.outcome import Completed, Outcome
from tbie.diagnose import diagnose, take
from tbie.execution import Handler, Work
from tbie.refused import REFUSED
from tbie.truth import Item, StageState

sys.path.insert(0, str(Path(__file__).parents[2]))
from functions_ground import TEST_EVENT, Context, Folder, bridged, notification, queued, stores

NOTHING: dict[str, list[dict[str, str]]] = {"batchItemFailures": []}


def picture(colour: str = "red", size: int = 32) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(out, "JPEG")
    return out.getvalue()


class Intake:
    """Stores, a folder of objects, and the stage over them."""

    def __init__(self, folder: Path) -> None:
        self.of, self.folder = stores(), Folder(folder)
        self.technical: Handler | None = make_handler(Limits(), self.folder)

    def upload(self, name: str = "a.jpg", data: bytes | None = None, tenant: str = "t") -> tuple[str, int]:
        """Bytes in the folder; the key and the size that an event names."""
        data = picture() if data is None else data
        digest = hashlib.sha256(data).hexdigest()
        (self.folder.folder / digest).write_bytes(data)
        return "uploads/" + Upload(tenant, digest, name).address.key, len(data)

    def call(self, event: object, left_s: float = 60.0) -> dict[str, Any]:
        return handle(event, Context(left_s), self.of, self.technical)

    @property
    def items(self) -> list[Item]:
        return self.of.truth.items()

    def state(self, item: Item | None = None) -> StageState:
        return (item or self.items[0]).stages[STAGE].state

    @property
    def line(self) -> dict[str, Any]:
        return self.of.passes()[-1]


@pytest.fixture
def intake(tmp_path: Path) -> Intake:
    return Intake(tmp_path)


# -- what is uploaded becomes an item that has been looked at


@pytest.mark.parametrize("shape", ["notification", "bridged", "queued", "queued bridged"])
def test_an_upload_is_an_item_that_was_looked_at_and_is_open_for_what_follows(intake: Intake, shape: str) -> None:
    told = intake.upload("holiday/a.jpg")
    event = {
        "notification": {"Records": [notification(*told)]},
        "bridged": bridged(*told),
        "queued": queued({"Records": [notification(*told)]}),
        "queued bridged": queued(bridged(*told)),
    }[shape]
    assert intake.call(event) == NOTHING
    (item,) = intake.items
    assert (item.key.tenant, item.attributes["path"], item.attributes["size"]) == ("t", "holiday/a.jpg", told[1])
    assert intake.state() is StageState.COMPLETED
    facts = item.stages[STAGE].facts
    assert facts is not None
    assert (facts["format"], facts["width"]) == ("JPEG", 32)
    assert item.stages["preview"].state is StageState.PENDING
    assert (intake.line["Added"], intake.line["LookedAt"], intake.line["Heartbeat"]) == (1, 1, 1)


def test_a_tenant_is_known_from_its_first_upload_on(intake: Intake) -> None:
    intake.call({"Records": [notification(*intake.upload(tenant="newcomer"))]})
    assert intake.of.truth.tenants() == ["newcomer"]


def test_news_that_comes_twice_adds_and_looks_once(intake: Intake) -> None:
    news = notification(*intake.upload())
    intake.call({"Records": [news, news]})
    intake.call({"Records": [news]})
    assert len(intake.items) == len(intake.folder.read) == 1
    assert intake.line["known"] == 1
    assert len(intake.of.truth.history(intake.items[0].key)) == 2, "added, and looked at"


def test_of_two_uploads_of_one_name_the_newer_counts_whoever_tells_last(intake: Intake) -> None:
    old = notification(*intake.upload(data=picture("red")), time="2026-11-26T05:00:00Z")
    new = notification(*intake.upload(data=picture("blue")), time="2026-11-26T05:00:09Z")
    for order in ([old, new], [new, old]):
        other = Intake(intake.folder.folder)
        for news in order:
            other.call({"Records": [news]})
        assert [item.address.key for item in other.items] == [new["s3"]["object"]["key"].removeprefix("uploads/")]
    together = Intake(intake.folder.folder)
    together.call({"Records": [new, old]})
    assert [item.address.key for item in together.items] == [new["s3"]["object"]["key"].removeprefix("uploads/")]


def test_a_file_that_is_no_image_has_its_true_reason_at_once(intake: Intake) -> None:
    intake.call({"Records": [notification(*intake.upload("a.jpg", b"not an image at all, but long enough"))]})
    record = intake.items[0].stages[STAGE]
    assert (record.state, record.reason) == (StageState.FAILED, "not_an_image")


def test_what_is_larger_than_may_be_is_refused_without_being_read(intake: Intake) -> None:
    key, _ = intake.upload()
    intake.call({"Records": [notification(key, MOST_BYTES + 1)]})
    record = intake.items[0].stages[STAGE]
    assert (record.state, record.reason, intake.folder.read) == (StageState.FAILED, "too_large", [])


# -- what is left to a worker


def left(intake: Intake) -> tuple[StageState, dict[str, int]]:
    return intake.state(), intake.line["left_to_workers"]


def test_a_large_file_is_left_to_a_worker(intake: Intake) -> None:
    key, _ = intake.upload()
    intake.call({"Records": [notification(key, AT_ONCE_BYTES + 1)]})
    assert left(intake) == (StageState.PENDING, {"large": 1})


def test_without_time_nothing_is_begun(intake: Intake) -> None:
    intake.call({"Records": [notification(*intake.upload())]}, RESERVE_S)
    assert left(intake) == (StageState.PENDING, {"no_time": 1})


def test_bytes_that_are_not_there_yet_are_a_workers_to_miss(intake: Intake) -> None:
    key, size = intake.upload()
    (intake.folder.folder / key.split("/")[2]).unlink()
    intake.call({"Records": [notification(key, size)]})
    assert left(intake) == (StageState.PENDING, {"source_missing": 1})


@pytest.mark.parametrize(
    ("raised", "why"),
    [
        (ObjectUnavailableError("S3 is away"), "ObjectUnavailableError"),
        (RuntimeError("a bug"), "handler_error:RuntimeError"),
    ],
)
def test_whatever_goes_wrong_leaves_the_item_open(intake: Intake, raised: Exception, why: str) -> None:
    def fails(_work: Work) -> Outcome:
        raise raised

    intake.technical = fails
    assert intake.call({"Records": [notification(*intake.upload())]}) == NOTHING
    assert left(intake) == (StageState.PENDING, {why: 1})
    assert intake.items[0].stages[STAGE].attempts == 0, "nobody is charged"


def test_an_image_that_took_a_function_with_it_is_not_met_by_another_one(intake: Intake) -> None:
    class Killed(BaseException):
        pass

    def kills(_work: Work) -> Outcome:
        raise Killed

    news = queued({"Records": [notification(*intake.upload())]}, receives=2)
    intake.technical = kills
    with pytest.raises(Killed):
        intake.call(news)
    assert intake.call(news) == NOTHING
    assert intake.state() is StageState.PENDING


def test_what_somebody_else_settled_meanwhile_stays_as_it_is(intake: Intake) -> None:
    def slow(work: Work) -> Outcome:
        from tbie.testing.builders import settle

        settle(intake.of.truth, work.key, STAGE, Completed({"format": "a worker's"}))
        return Completed({"format": "ours"})

    intake.technical = slow
    intake.call({"Records": [notification(*intake.upload())]})
    assert intake.items[0].stages[STAGE].facts == {"format": "a worker's"}
    assert intake.line["left_to_workers"] == {"superseded": 1}


def test_a_function_without_the_stage_adds_all_the_same(intake: Intake) -> None:
    intake.technical = None
    intake.call({"Records": [notification(*intake.upload())]})
    assert intake.state() is StageState.PENDING


# -- strangers and trouble


def test_strangers_are_refused_and_their_messages_go_to_the_dead_letters(intake: Intake) -> None:
    key, size = intake.upload()
    event = queued(
        {"Records": [notification(key, size)]},
        "nonsense",
        {"Records": [notification(key, size, bucket="somebody-elses")]},
        {"Records": [notification("uploads/no/upload.jpg")]},
        TEST_EVENT,
        {"Records": [notification("objects/ab/thumb.jpg")]},
        {"Records": [{**notification(key), "s3": {"bucket": {"name": "studio-images"}, "object": {"key": key}}}]},
    )
    answer = intake.call(event)
    assert answer == {"batchItemFailures": [{"itemIdentifier": name} for name in ("m2", "m3", "m4", "m7")]}
    assert len(intake.items) == 1
    codes = [line["code"] for line in intake.of.lines if line["event"] == "refused"]
    assert codes == ["unreadable_message", "foreign_bucket", "not_an_upload", "no_size"]
    assert intake.line["passed"] == 2
    intake.call(event)
    intake.call(event)
    of = intake.of
    kept = [(str(document.body["record"]), document.body["code"]) for document in of.truth.documents(REFUSED)]
    assert sorted(kept) == list(zip(("m2", "m3", "m4", "m7"), codes, strict=True)), "received three times, kept once"
    found = diagnose(take(of.workflow, of.truth, of.intent, of.clock, of.settings), of.settings).findings
    (finding,) = (each for each in found if each.code == "events_refused")
    assert finding.value("reasons") == dict.fromkeys((f"intake:{code}" for code in codes), 1)


def test_a_hostile_name_stays_inside_its_item(intake: Intake) -> None:
    names = ("../../etc/passwd", "a\nb.jpg", "ü☂.jpg", "." * 40, "<script>.jpg")
    for name in names:
        intake.call({"Records": [notification(*intake.upload(name))]})
    assert {item.attributes["path"] for item in intake.items} == {
        "../../etc/passwd",
        "a\nb.jpg",
        "ü☂.jpg",
        "." * 40,
        "<script>.jpg",
    }
    assert all(intake.state(item) is StageState.COMPLETED for item in intake.items)


def test_a_truth_that_is_away_hands_everything_back(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> Any:
        raise TruthUnavailableError("Truth is away")

    monkeypatch.setattr(intake.of.truth, "add", away)
    with pytest.raises(TruthUnavailableError):
        intake.call(queued({"Records": [notification(*intake.upload())]}))
    assert intake.line["blind"] == ["Truth is away"]


def test_a_truth_that_goes_away_after_adding_costs_a_look_and_no_upload(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(keys: list[ItemKey]) -> Any:
        if keys:
            raise TruthUnavailableError("Truth is away")
        return []

    monkeypatch.setattr(intake.of.truth, "get", away)
    assert intake.call(queued({"Records": [notification(*intake.upload())]})) == NOTHING
    assert intake.state() is StageState.PENDING
    assert intake.line["blind"] == ["Truth is away"]


def test_nothing_is_asked_of_truth_where_nothing_arrived(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake.of.truth, "add", None)
    assert intake.call(TEST_EVENT) == NOTHING


def test_two_tenants_may_use_one_name(intake: Intake) -> None:
    intake.call({"Records": [notification(*intake.upload(tenant=tenant)) for tenant in ("a", "b")]})
    assert len({item.key for item in intake.items}) == 2
    assert all(isinstance(item.key, ItemKey) for item in intake.items)
