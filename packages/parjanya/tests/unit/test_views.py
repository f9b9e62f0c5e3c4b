"""Views over a Truth whose state the tests set by hand: status, story, records, health. Nothing runs here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parjanya.catalog.items import Found, ingest
from parjanya.views.health import check_health
from parjanya.views.records import records
from parjanya.views.status import read_status
from parjanya.views.story import story
from parjanya.workflow import image_workflow
from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.objects import MemoryObjects
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.cause import Cause
from tbie.core.clock import ManualClock
from tbie.core.errors import TruthUnavailableError
from tbie.core.ids import SequentialIds
from tbie.core.keys import ItemKey
from tbie.core.outcome import Completed, Outcome, Retry, TerminalFailure
from tbie.core.reading import Depth, Known, Reading, Unknown
from tbie.core.settings import Settings
from tbie.intent import Presence
from tbie.reconciler.loop import Reconciler
from tbie.truth import Committed, Heartbeat, Settle

PATH = Path("/photos/a.jpg")


class UnreadableIntent(MemoryIntent):
    """A queue behind a door that somebody locked."""

    def presence(self, stage: str, keys: Any) -> Reading[Any]:
        return Unknown("access denied", "intent", 0)

    def depth(self, stage: str) -> Reading[Depth]:
        return Unknown("access denied", "intent", 0)


class Instance:
    """One image in memory, moved by hand."""

    def __init__(self, intent: type[MemoryIntent] = MemoryIntent) -> None:
        self.workflow, self.clock, self.settings = image_workflow(), ManualClock(), Settings()
        self.truth = MemoryTruth(self.workflow, self.clock, SequentialIds())
        self.intent = intent(self.clock, self.settings.retention_s)
        self.objects = MemoryObjects(frozenset({"file"}))
        (self.key,) = ingest(self.truth, self.workflow, "default", [Found(PATH, 10, 20)], "test").keys

    def settle(self, stage: str, outcome: Outcome, last: bool = False) -> None:
        (item,) = self.truth.get([self.key])
        assert item is not None
        record = item.stages[stage]
        cause = Cause("worker:w", "test")
        command = Settle(
            self.key, stage, record.generation, record.token, record.version, outcome, cause, last_receive=last
        )
        (result,) = self.truth.commit([command])
        assert isinstance(result, Committed)

    def reconcile(self) -> None:
        args = (self.workflow, self.truth, self.intent, lambda _: True, self.clock, self.settings)
        Reconciler(*args).step(force_sweep=True, grace_s=0)

    def why(self, stage: str) -> tuple[str | None, str | None]:
        (item,) = self.truth.get([self.key])
        assert item is not None
        told = story(item, self.workflow, self.truth, self.intent, self.clock, self.settings)
        found = next(s for s in told["stages"] if s["stage"] == stage)
        return found.get("why"), found.get("moves")

    def status(self) -> dict[str, Any]:
        return read_status(self.workflow, self.truth, self.intent, {}, self.clock, self.settings).to_json()

    def failing(self, running: bool = False) -> set[str]:
        args = (self.workflow, self.truth, self.intent, self.clock, self.settings)
        return {check.name for check in check_health(*args, running=running) if not check.ok}


def test_a_young_stage_without_an_intent_is_left_to_the_stream_and_an_old_one_to_the_sweep() -> None:
    instance = Instance()
    assert instance.why("technical") == ("just_opened", "the change stream")
    instance.clock.advance_ms(5_000)
    why, moves = instance.why("technical")
    assert why == "truth_without_intent"
    assert moves is not None
    assert "reconcile --once" in moves
    assert instance.status()["gap"] == 1


def test_a_stage_with_a_live_intent_waits_for_a_worker() -> None:
    instance = Instance()
    instance.reconcile()
    assert instance.why("technical") == ("intent_is_live", "a worker taking its intent")
    assert instance.status()["gap"] == 0


def test_a_stage_between_two_attempts_waits_for_time() -> None:
    instance = Instance()
    instance.reconcile()
    instance.settle("technical", Retry("handler_error", instance.clock.now_ms() + 4_000))
    assert instance.why("technical") == ("waits 4.0 s after handler_error", "time")


@pytest.mark.parametrize(("retriable", "hint"), [(True, "once the cause is gone"), (False, "another file")])
def test_a_failure_says_what_would_move_it_and_what_it_keeps_from_happening(retriable: bool, hint: str) -> None:
    instance = Instance()
    instance.settle("technical", TerminalFailure("bad", retriable, {"message": "it is bad"}))
    why, moves = instance.why("technical")
    assert why == "failed: bad"
    assert moves is not None
    assert hint in moves
    assert "replay --from technical" in moves
    assert instance.why("curate") == ("not applicable: technical:bad", "a replay of the stage that it depends on")
    (record,) = records(instance.truth, instance.workflow, instance.objects)
    assert record.status == "failed"
    assert record.failure is not None
    assert (record.failure.code, record.failure.message) == ("bad", "it is bad")
    assert record.verdict is None


def test_a_stage_behind_a_barrier_says_so() -> None:
    instance = Instance()
    for stage in ("technical", "preview", "quality", "observe"):
        instance.settle(stage, Completed({}))
    assert "no other item of this tenant" in str(instance.why("group")[0])
    assert instance.why("curate")[0] == "waits for group"
    (record,) = records(instance.truth, instance.workflow, instance.objects)
    assert record.status == "pending"


def test_what_cannot_be_read_is_unknown_everywhere_and_nowhere_zero() -> None:
    instance = Instance(UnreadableIntent)
    instance.clock.advance_ms(100_000)
    assert instance.why("technical")[0] == "intent_unreadable"
    status = instance.status()
    assert status["gap"] is None
    assert status["stages"]["technical"]["gap"] is None
    assert status["stages"]["technical"]["intent"] == {"error": "access denied"}
    assert status["stages"]["technical"]["truth"]["pending"] == 1
    assert instance.failing() == {"queues_readable", "queue_usable", "control_plane_alive"}


def test_a_silent_control_plane_is_a_finding_only_where_it_matters() -> None:
    instance = Instance()
    assert [finding["code"] for finding in instance.status()["findings"]] == ["control_plane_silent"]
    assert instance.failing() == {"control_plane_alive"}
    instance.reconcile()
    assert instance.failing() == set()
    instance.clock.advance_ms(int(instance.settings.silence_s * 1000) + 1)
    assert instance.failing() == {"control_plane_alive"}
    instance.settle("technical", TerminalFailure("bad", False))
    assert instance.failing() == set()  # an idle home may be left alone
    assert instance.failing(running=True) == {"control_plane_alive"}  # a running engine may not be silent


def test_a_blind_control_plane_is_a_finding_with_what_it_cannot_read() -> None:
    instance = Instance()
    body = {"blind": ["intent: access denied"]}
    instance.truth.beat(Heartbeat("reconciler", "1", instance.clock.now_ms(), body))
    (finding,) = instance.status()["findings"]
    assert finding["code"] == "control_plane_blind"
    assert finding["state"] == "standing"
    told = {known["name"]: known["value"] for known in finding["evidence"]}
    assert told["unreadable"] == ["intent: access denied"]


def test_a_truth_that_is_away_fails_every_check_that_needs_it_and_raises_nothing() -> None:
    class Away(MemoryTruth):
        def last_seq(self) -> int:
            raise TruthUnavailableError("away")

        def tally(self, tenant: str | None = None) -> Any:
            raise TruthUnavailableError("away")

    instance = Instance()
    instance.truth = Away(instance.workflow, instance.clock, SequentialIds())
    assert instance.failing() == {"truth_readable", "truth_writable", "stream_follows", "control_plane_alive"}


def test_a_dead_letter_does_not_cover_a_pending_stage() -> None:
    class Dead(MemoryIntent):
        def presence(self, stage: str, keys: Any) -> Reading[Any]:
            return Known({key: Presence(self.token, True, 2) for key in keys}, "intent", 0)

        token = "1"

    instance = Instance(Dead)
    (row,) = instance.truth.open_stages("technical", None, 10)
    Dead.token = row.token  # the very intent of that row: only that it is dead makes the difference
    assert instance.status()["gap"] == 1


def test_the_timeline_is_every_change_in_order_with_who_and_why() -> None:
    instance = Instance()
    instance.clock.advance_ms(1_000)
    instance.settle("technical", TerminalFailure("bad", False))
    (item,) = instance.truth.get([instance.key])
    assert item is not None
    args = (instance.workflow, instance.truth, instance.intent, instance.clock, instance.settings)
    first, second = story(item, *args)["timeline"]
    assert (first["who"], first["why"], first["changes"]) == ("test", "ingested", ["technical: new → pending"])
    assert second["who"] == "worker:w"
    assert "technical: pending → failed (bad)" in second["changes"]
    assert first["at"] < second["at"]


def test_ingesting_again_adds_nothing_replays_what_changed_and_retries_what_may_be_mended() -> None:
    instance = Instance()

    def again(found: Found) -> tuple[int, int, int, int]:
        done = ingest(instance.truth, instance.workflow, "default", [found], "test")
        return done.added, done.changed, done.retried, done.known

    same = Found(PATH, 10, 20)
    assert again(same) == (0, 0, 0, 1)
    instance.settle("technical", TerminalFailure("no_permission", True))
    assert again(same) == (0, 0, 1, 0)
    instance.settle("technical", TerminalFailure("corrupt", False))
    assert again(same) == (0, 0, 0, 1)
    assert again(Found(PATH, 10, 21)) == (0, 1, 0, 0)
    assert again(Found(Path("/photos/b.jpg"), 10, 20)) == (1, 0, 0, 0)
    other = ingest(instance.truth, instance.workflow, "other", [same], "test")
    assert (other.added, other.keys[0]) == (1, ItemKey("other", instance.key.item))


def test_images_left_at_a_barrier_by_a_dead_reconciler_are_not_an_idle_home() -> None:
    instance = Instance()
    for stage in ("technical", "preview", "quality", "observe"):
        instance.settle(stage, Completed({}))
    instance.clock.advance_ms(60_000)
    status = instance.status()
    assert status["open"] == 0
    assert status["stages"]["group"]["truth"]["waiting"] == 1
    assert [finding["code"] for finding in status["findings"]] == ["control_plane_silent"]
    assert instance.failing() == {"control_plane_alive"}
