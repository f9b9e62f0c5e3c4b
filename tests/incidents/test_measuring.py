"""A drill that measures must be able to fail: what is lost, repeated, different or never noticed is seen."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from parjanya.cli.main import run as program
from parjanya.drills.catalogue import BY_NAME, DRILLS
from parjanya.drills.effects import effects
from parjanya.drills.reference import instant, work_off
from parjanya.drills.report import Report, line, remarks
from parjanya.drills.run import Ground, run
from parjanya.drills.scene import Scene
from parjanya.drills.sightings import Sighting
from parjanya.imaging.limits import DEFAULT_LIMITS
from parjanya.stages import curate
from tbie.core.finding import Boundary


@pytest.fixture
def settled(common: Ground, tmp_path: Path) -> Iterator[Scene]:
    """An instance that has judged everything, undisturbed."""
    scene = Scene(tmp_path, common.shoot, common.clock, common.stopped)
    scene.settings = instant(scene.settings)
    scene.ingest()
    work_off(scene.system, scene.system.handlers(DEFAULT_LIMITS))
    yield scene
    scene.end()


def test_an_undisturbed_instance_lost_nothing_and_did_nothing_twice(settled: Scene, common: Ground) -> None:
    found = effects(settled, common.reference, fails=None)
    assert (found.items, found.lost, found.duplicated, found.differing) == (len(common.shoot), (), (), ())
    assert settled.settled()


def test_a_stage_that_did_not_come_to_its_end_is_lost(settled: Scene, common: Ground) -> None:
    settled.truth_sql("UPDATE stage SET state = 'pending' WHERE stage = 'group' AND item_id = 1")
    settled.truth_sql("UPDATE stage SET state = 'failed', reason = 'odd' WHERE stage = 'curate' AND item_id = 2")
    found = effects(settled, common.reference, fails=None)
    assert sorted(what.split(" ", 1)[1] for what in found.lost) == ["curate: failed odd", "group: pending"]
    assert not settled.settled()


def test_an_item_that_is_gone_is_lost(settled: Scene, common: Ground) -> None:
    settled.truth_script(["DELETE FROM stage WHERE item_id = 3", "DELETE FROM history WHERE item_id = 3"])
    settled.truth_sql("DELETE FROM item WHERE id = 3")
    (lost,) = effects(settled, common.reference, fails=None).lost
    assert lost.endswith(": not in Truth")


def test_a_result_that_was_committed_twice_is_a_duplicated_effect(settled: Scene, common: Ground) -> None:
    again = "FROM history WHERE item_id = 4 AND after LIKE '%\"verdict\"%'"
    settled.truth_sql(f"INSERT INTO history SELECT NULL, item_id, at_ms, who, why, opened, before, after {again}")
    (twice,) = effects(settled, common.reference, fails=None).duplicated
    assert f" {curate.NAME} 1" in twice


def test_another_answer_than_an_undisturbed_run_gives_differs(settled: Scene, common: Ground) -> None:
    settled.truth_sql("UPDATE stage SET facts = json_set(facts, '$.rating', 9) WHERE stage = 'curate' AND item_id = 5")
    (differing,) = effects(settled, common.reference, fails=None).differing
    assert differing.endswith(" curate")


def test_a_picture_that_should_have_failed_and_was_judged_is_a_loss_of_truth(settled: Scene, common: Ground) -> None:
    (lost,) = effects(settled, common.reference, fails="worker_died").lost
    assert lost == f"{settled.largest.name}: expected to fail with worker_died, found None"


@contextmanager
def _nothing_happens(scene: Scene) -> Iterator[None]:
    scene.start_engine()
    scene.ingest()
    scene.injected()
    yield


def test_an_incident_that_nobody_notices_is_not_ok(common: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    drill = dataclasses.replace(BY_NAME["misrouted_intent"], name="nothing", inject=_nothing_happens, guardrail=None)
    monkeypatch.setattr(Scene, "patience_s", 5.0)
    report = run(drill, common)
    assert not report.held
    assert report.detected is None
    assert "waited 5 s for this: the finding misrouted_intent" in report.problems
    assert not (common.root / "nothing").exists()


def test_a_drill_that_cannot_run_here_says_why_and_is_not_ok(common: Ground) -> None:
    drill = dataclasses.replace(BY_NAME["disk_full"], cannot_run=lambda: "there is no small disk")
    report = run(drill, common)
    assert not report.ok
    assert line(report).split()[-1] == "no"
    assert "  cannot run here: there is no small disk" in remarks(report)
    assert report.to_json()["lost"] is None  # not zero: nothing was measured


def test_a_finding_at_another_boundary_or_too_late_is_not_ok(settled: Scene, common: Ground) -> None:
    drill = BY_NAME["truth_without_intent"]
    report = Report(drill, budget_s=1.0, repaired_s=2.0, effects=effects(settled, common.reference, None))
    report.detected = Sighting(drill.code, "intent", "standing", 0.5, 3, "")
    assert report.ok
    report.detected = report.detected._replace(seconds=1.5)
    assert (report.held, report.ok) == (True, False)
    report.detected = report.detected._replace(seconds=0.5, boundary="truth")
    assert not report.held


def test_each_incident_of_the_control_plane_has_a_drill_and_each_name_is_its_own() -> None:
    assert len(BY_NAME) == len(DRILLS)
    happened = ["1", "2", "3", "4", "5", "6a", "6b", "8", "9a", "9b", "10", "11"]
    assert {drill.incident for drill in DRILLS} == {*happened, ""}
    assert {drill.boundary for drill in DRILLS} == set(Boundary)


def test_the_command_lists_the_drills_and_refuses_what_it_does_not_know() -> None:
    with redirect_stdout(StringIO()) as said:
        assert program(["drill", "list"]) == 0
    assert [text.split()[0] for text in said.getvalue().splitlines()] == [drill.name for drill in DRILLS]
    assert program(["drill", "no_such_drill"]) == 2
    assert program(["drill", "all", "--jobs", "0"]) == 2


def test_the_command_prints_one_json_document() -> None:
    with redirect_stdout(StringIO()) as said:
        code = program(["drill", "queue_purged", "--json"])
    (found,) = json.loads(said.getvalue())["drills"]
    assert found["expected"] == {"code": "truth_without_intent", "boundary": "intent"}
    assert (found["lost"], found["duplicated"], found["differing"]) == ([], [], [])
    assert code == (0 if found["ok"] else 3)
