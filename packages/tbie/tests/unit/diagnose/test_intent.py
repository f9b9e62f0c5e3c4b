"""What became of an intent that is not there, and everything else about the queue: each finding, and its absence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from packages.tbie.tests.unit.diagnose.scene import Scene
from tbie.core.keys import Address
from tbie.intent import Delete
from tbie.testing.builders import WHO as _WHO
from tbie.testing.builders import new_items, settle
from tbie.testing.faults import intercept_intent, intercept_truth
from tbie.truth import Rotate, StageState


@pytest.fixture
def scene() -> Scene:
    """Three items of one tenant, their intents sent, everybody alive."""
    scene = Scene()
    scene.add(3)
    scene.send()
    scene.later(5)
    scene.well()
    return scene


def destroy_one(scene: Scene) -> None:
    """Take a message and delete it without an outcome."""
    (message,) = scene.claim()
    scene.queue.exchange([Delete(message)], ())


def test_where_every_open_stage_has_its_intent_nothing_is_found(scene: Scene) -> None:
    assert scene.codes() == []
    assert scene.diagnose().verdict == "healthy"


def test_a_purged_queue_is_truth_without_intent_with_the_decision_that_sent_it(scene: Scene) -> None:
    scene.queue.purge()
    assert scene.codes() == ["truth_without_intent"]
    finding = scene.find("truth_without_intent")
    assert finding.value("without_intent") == 3
    assert finding.value("decision") == scene.open()[0].token
    assert (finding.value("sent_by"), finding.value("sent_s_before")) == ("emit: opened", 5.0)
    assert (scene.diagnose().verdict, scene.diagnose().boundary) == ("intent", "intent")


def test_one_message_gone_while_the_others_are_there_was_destroyed_early(scene: Scene) -> None:
    destroy_one(scene)
    assert scene.codes() == ["intent_destroyed_early"]
    assert scene.find("intent_destroyed_early").value("without_intent") == 1


def test_a_queue_that_was_begun_anew_after_a_loss_is_not_a_single_destruction(scene: Scene) -> None:
    scene.queue.purge()
    scene.later(60)
    scene.add(items=new_items(5)[3:])
    scene.send([row for row in scene.open() if row.key.item in {"i0004", "i0005"}])
    scene.later(2)
    scene.well()
    assert scene.codes() == ["truth_without_intent"]
    assert scene.find("truth_without_intent").value("without_intent") == 3


def test_one_stage_that_was_purged_alone_is_not_a_single_destruction(scene: Scene) -> None:
    for row in scene.open()[:2]:
        settle(scene.truth, row.key, "a")
    scene.queue.purge("a")
    scene.send()
    scene.queue.purge("b")
    scene.later(2)
    scene.well()
    assert scene.codes() == ["truth_without_intent"]
    assert scene.find("truth_without_intent").value("stages") == ["b"]


def test_a_message_that_was_sent_longer_ago_than_the_retention_has_expired(scene: Scene) -> None:
    scene.later(scene.settings.retention_s)
    scene.queue.expire()
    scene.well()
    assert scene.codes() == ["intent_expired"]
    assert scene.find("intent_expired").value("retention_s") == scene.settings.retention_s


def test_a_gap_younger_than_the_stream_needs_is_no_finding() -> None:
    scene = Scene()
    scene.add(1)
    scene.read_on()
    scene.well()
    scene.later(1.2)
    assert scene.codes() == []
    scene.later(0.1)
    assert scene.codes() == ["stream_gap"]


def test_without_a_ledger_the_history_of_a_missing_intent_is_unknown() -> None:
    scene = Scene(ledger=None)
    scene.add(1)
    scene.read_on()
    scene.later(5)
    scene.well()
    finding = scene.find("truth_without_intent")
    assert "history" in finding.cause
    assert finding.value("decision") is None


def test_a_ledger_that_is_younger_than_the_work_proves_nothing_by_its_silence(scene: Scene) -> None:
    settle(scene.truth, scene.open()[0].key, "a")
    scene.later(60)
    assert scene.ledger is not None
    scene.ledger.entries.clear()
    scene.queue.purge()
    scene.read_on()
    scene.well()
    assert scene.codes() == ["truth_without_intent"]
    assert "history" in scene.find("truth_without_intent").cause


def test_what_the_stream_has_passed_without_a_decision_is_a_gap_of_the_control_plane(scene: Scene) -> None:
    scene.add(items=new_items(5)[3:])
    scene.read_on()
    scene.later(2)
    scene.well()
    assert scene.codes() == ["stream_gap"]
    finding = scene.find("stream_gap")
    assert finding.value("without_intent") == 2
    place, read = finding.value("position"), finding.value("read_up_to")
    assert isinstance(place, int)
    assert isinstance(read, int)
    assert place <= read
    assert scene.diagnose().verdict == "control-plane"


def test_what_the_stream_has_still_to_read_is_late_and_not_lost(scene: Scene) -> None:
    scene.add(items=new_items(5)[3:])
    scene.later(2)
    scene.well()
    assert scene.codes() == []


def test_a_tenant_that_nothing_was_ever_decided_about_is_undiscovered(scene: Scene) -> None:
    scene.add(2, tenant="newcomer")
    scene.read_on()
    scene.later(2)
    scene.well()
    assert scene.codes() == ["undiscovered_tenant"]
    assert scene.find("undiscovered_tenant").value("tenants") == ["newcomer"]


def test_the_only_tenant_of_all_is_not_undiscovered_but_missed() -> None:
    scene = Scene()
    scene.add(2)
    scene.read_on()
    scene.later(2)
    scene.well()
    assert scene.codes() == ["stream_gap"]


def test_a_row_that_is_settled_while_it_is_looked_at_is_no_gap(scene: Scene) -> None:
    destroy_one(scene)
    assert scene.codes() == ["intent_destroyed_early"]
    row, kept = scene.open()[0], scene.queue

    def settle_before(name: str, method: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if name == "intent.presence" and args[0] == "a":
            settle(scene.truth, row.key, "a")
        return method(*args, **kwargs)

    scene.queue = intercept_intent(kept, settle_before)
    assert "intent_destroyed_early" not in scene.codes()


def test_a_message_with_another_address_than_truth_is_misrouted(scene: Scene) -> None:
    row = scene.open()[0]
    scene.queue.purge()
    wrong = scene.envelope(row)._replace(address=Address("elsewhere", "i0001"))
    scene.queue.send([wrong, *(scene.envelope(other) for other in scene.open()[1:])])
    assert scene.codes() == ["misrouted_intent"]
    finding = scene.find("misrouted_intent")
    assert (finding.value("address"), finding.value("message_says")) == (["source", "i0001"], ["elsewhere", "i0001"])


def test_messages_that_nobody_decided_about_are_a_storm(scene: Scene) -> None:
    scene.queue.send([scene.envelope(row)._replace(token=f"foreign-{row.key.item}") for row in scene.open()])
    assert "replay_storm" in scene.codes()
    assert scene.find("replay_storm").value("messages_that_nobody_decided") == 3
    assert scene.diagnose().verdict == "intent"


def test_rows_that_are_sent_again_and_again_are_a_storm_and_a_single_repair_is_not(scene: Scene) -> None:
    def supersede() -> None:
        row = scene.open()[0]
        scene.truth.commit([Rotate(row.key, row.stage, row.token, row.version, _WHO)])
        scene.queue.send([scene.envelope(scene.open()[0])])
        scene.note("supersede", "stale_intent", scene.open()[:1])
        scene.later(10)
        scene.well()

    supersede()
    assert scene.codes() == []
    supersede()
    supersede()
    assert scene.codes() == ["replay_storm"]
    assert scene.find("replay_storm").value("most_often") == 3


def test_a_row_that_the_stream_reads_again_because_other_stages_of_its_item_change_is_no_storm(scene: Scene) -> None:
    row = scene.open()[:1]
    for _ in range(len(scene.workflow.stages) + 1):  # the scene has sent it once before
        scene.note("emit", "opened", row)
        scene.later(1)
        scene.well()
    assert scene.codes() == []
    scene.note("emit", "opened", row)
    assert scene.codes() == ["replay_storm"]


def test_far_more_messages_than_open_stages_are_a_storm(scene: Scene) -> None:
    scene.add(items=new_items(30)[3:])
    scene.send()
    assert scene.codes() == []
    for row in scene.open():
        settle(scene.truth, row.key, "a")
    finding = scene.find("replay_storm")
    told = finding.value("more_messages_than_open_stages")
    assert told == {"stage": "a", "messages": 30, "open": 0}


def test_a_result_that_was_refused_a_moment_ago_is_told_as_mended_for_some_minutes(scene: Scene) -> None:
    scene.work(superseded=0, last_superseded_ms=0)
    assert scene.codes() == []
    scene.work(superseded=1, last_superseded_ms=scene.clock.now_ms())
    assert scene.codes() == ["(duplicate_delivery)"]
    assert scene.diagnose().healthy
    scene.later(301)
    scene.lead()
    scene.work(superseded=1, last_superseded_ms=scene.clock.now_ms() - 301_000)
    assert scene.codes() == []


def test_a_row_whose_last_message_died_is_not_missing_its_intent(scene: Scene) -> None:
    for _ in range(3):
        scene.claim(3)
        scene.later(61)
    scene.claim(3)
    scene.later(10)
    scene.well()
    assert all(row.stage == "a" for row in scene.open())
    assert scene.truth.tally()["t1", "a", StageState.PENDING] == 3
    assert scene.codes() == []


def numbered_by_a_clock(scene: Scene) -> None:
    """History as a store has it whose changes have numbers of their own, above all those of its stream."""

    def call(name: str, method: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        found = method(*args, **kwargs)
        if name != "truth.history":
            return found
        return [entry._replace(seq=10**15 + entry.seq) for entry in found]

    scene.truth = intercept_truth(scene.truth, call)


def test_where_changes_are_numbered_by_a_clock_what_is_missing_is_found_all_the_same(scene: Scene) -> None:
    numbered_by_a_clock(scene)
    scene.queue.purge()
    assert scene.codes() == ["truth_without_intent"]


def test_where_changes_are_numbered_by_a_clock_what_the_stream_has_still_to_read_is_late_and_not_lost(
    scene: Scene,
) -> None:
    numbered_by_a_clock(scene)
    scene.add(2, "t2")
    scene.later(2)
    scene.well()
    assert scene.codes() == []
