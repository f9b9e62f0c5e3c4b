"""One item explained: why it does not move, what was decided, what would move it, and what is wrong with it alone."""

from __future__ import annotations

from typing import Any

import pytest

from packages.tbie.tests.unit.diagnose.scene import Scene
from tbie.core.errors import LedgerUnavailableError
from tbie.core.keys import ItemKey
from tbie.core.outcome import Retry, TerminalFailure
from tbie.diagnose import explain
from tbie.intent import Delete
from tbie.reconciler.ledger import LedgerEntry
from tbie.testing.builders import item_of, key, settle

FIRST = key("i0001")


@pytest.fixture
def scene() -> Scene:
    """Three items of one tenant, their intents sent, everybody alive."""
    scene = Scene()
    scene.add(3)
    scene.send()
    scene.later(5)
    scene.well()
    return scene


def case(scene: Scene, item: ItemKey = FIRST) -> explain.Case:
    args = (item_of(scene.truth, item), scene.workflow, scene.truth, scene.queue, scene.clock, scene.settings)
    return explain.look_at(*args, scene.ledger)


def stage(scene: Scene, name: str = "a") -> dict[str, Any]:
    return next(told for told in explain.stages(case(scene)) if told["stage"] == name)


def codes(scene: Scene, item: ItemKey = FIRST) -> list[str]:
    return [finding.code for finding in explain.findings(case(scene, item))]


def test_a_live_intent_waits_for_a_worker_and_the_next_stage_for_this_one(scene: Scene) -> None:
    assert (stage(scene)["why"], stage(scene)["moves"]) == ("intent_is_live", "a worker taking its intent")
    assert (stage(scene, "b")["why"], stage(scene, "b")["moves"]) == ("waits for a", "its needs completing")
    assert codes(scene) == []


def test_a_missing_intent_is_a_finding_of_that_item_and_of_no_other(scene: Scene) -> None:
    (message,) = scene.claim()
    scene.queue.exchange([Delete(message)], ())
    gone, there = message.envelope.key, next(r.key for r in scene.open() if r.key != message.envelope.key)
    assert codes(scene, gone) == ["intent_destroyed_early"]
    assert codes(scene, there) == []


def test_an_item_far_back_in_the_backlog_is_looked_at_all_the_same(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tbie.diagnose.probes.truth.ROWS", 1)
    monkeypatch.setattr("tbie.diagnose.probes.truth.PAGE", 1)
    scene.queue.purge()
    assert codes(scene, key("i0003")) == ["truth_without_intent"]


def test_decisions_come_with_how_often_and_since_when(scene: Scene) -> None:
    rows = scene.open()[:1]
    scene.note("nothing", "intent_is_live", rows)
    scene.later(10)
    scene.note("nothing", "intent_is_live", rows)
    first, second = explain.decisions(case(scene))
    assert (first["action"], first["reason"], first["times"]) == ("emit", "opened", 1)
    assert (second["action"], second["reason"], second["times"]) == ("nothing", "intent_is_live", 2)
    assert first["decision"] == rows[0].token
    assert second["first"] < second["last"]


def test_a_ledger_that_is_away_says_so_and_explains_the_rest(scene: Scene) -> None:
    def away(key: ItemKey) -> list[LedgerEntry]:
        raise LedgerUnavailableError(f"locked: {key.item}")

    assert scene.ledger is not None
    scene.ledger.of = away  # type: ignore[method-assign]
    assert explain.decisions(case(scene)) == [{"error": "locked: i0001"}]
    assert stage(scene)["why"] == "intent_is_live"


def test_a_paused_class_is_why_and_its_probe_is_let_through(scene: Scene) -> None:
    settle(scene.truth, FIRST, "a", Retry("no_mount", not_before_ms=0))
    row = next(row for row in scene.open() if row.key == FIRST)
    body: dict[str, Any] = {"tenant": "t1", "stage": "a", "reason": "no_mount", "probe": ""}
    body["until_ms"] = scene.clock.now_ms() + 30_000
    scene.truth.write_document("pause", "p", body, None)
    assert stage(scene)["why"] == "class_paused: no_mount, for 30 s more"
    assert codes(scene) == ["class_paused"]
    assert codes(scene, key("i0002")) == []
    scene.truth.write_document("pause", "p", {**body, "probe": row.token}, 1)
    assert stage(scene)["why"] == "intent_is_live"


@pytest.mark.parametrize(
    ("outcome", "moves"),
    [
        (TerminalFailure("empty_file", False), "another file"),
        (Retry("worker_died"), "took its workers with it"),
        (Retry("disk_away"), "600 s at the earliest (2 resets left)"),
    ],
)
def test_a_failure_says_what_would_move_it(scene: Scene, outcome: Any, moves: str) -> None:
    settle(scene.truth, FIRST, "a", outcome, last_receive=True)
    assert moves in stage(scene)["moves"]


def test_a_quarantined_item_is_a_finding_of_that_item(scene: Scene) -> None:
    settle(scene.truth, FIRST, "a", Retry("timed_out"), last_receive=True)
    assert codes(scene) == ["poison_item"]
    assert codes(scene, key("i0002")) == []
