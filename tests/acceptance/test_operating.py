"""What an operator asks and does: status, explain, images, replay, reconcile, worker, healthcheck."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from product import NOT_WELL, STAGES, USAGE, Product, pictures


class Curated:
    """Two images, curated once; only looked at."""

    def __init__(self, root: Path) -> None:
        self.product = Product(root)
        self.files = pictures(self.product.shoot, 2)
        (self.product.shoot / "empty.jpg").touch()
        self.product.curate(code=NOT_WELL)


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Curated]:
    curated = Curated(tmp_path_factory.mktemp("curated"))
    yield curated
    curated.product.end()


def test_status_shows_the_four_layers(curated: Curated) -> None:
    ran = curated.product.run("status", "--json", code=NOT_WELL)  # one file of this shoot is broken
    status = ran.json
    layers = {"at_ms", "open", "gap", "stages", "tenants", "fleet", "reconciler", "findings"}
    assert set(status) == {*layers, "engine", "overridden"}
    assert status["engine"] == {"declared": {"engine": "classical"}, "observed_by_another": 0}
    assert list(status["stages"]) == list(STAGES)
    assert status["stages"]["technical"]["truth"] == {
        "waiting": 0,
        "pending": 0,
        "completed": 2,
        "failed": 1,
        "skipped": 0,
    }
    assert status["stages"]["curate"]["truth"]["skipped"] == 1
    for stage in status["stages"].values():
        assert stage["intent"] == {"visible": 0, "in_flight": 0, "delayed": 0, "dead": 0}
        assert stage["gap"] == 0
    assert status["open"] == 0
    assert status["fleet"] == {"running": 0, "workers": {}}
    assert status["reconciler"]["heartbeat_age_s"] >= 0
    assert status["findings"] == []


def test_status_in_words_is_a_table(curated: Curated) -> None:
    lines = curated.product.look("status", code=NOT_WELL).out.splitlines()
    assert lines[0].split() == ["stage", "waiting", "pending", "done", "failed", "queued", "in", "flight", "gap"]
    assert lines[1].split() == ["technical", "0", "0", "2", "1", "0", "0", "0"]
    assert "workers 0" in lines[-1]


def test_healthcheck_tries_everything_and_says_what(curated: Curated) -> None:
    found = curated.product.run("healthcheck", "--json").json
    assert found["healthy"] is True
    names = [check["name"] for check in found["checks"]]
    assert names == [
        "truth_readable",
        "truth_writable",
        "queues_readable",
        "queue_usable",
        "ledger_usable",
        "stream_follows",
        "control_plane_alive",
    ]
    assert all(check["ok"] and check["detail"] for check in found["checks"])


def test_images_selects_by_expression(curated: Curated) -> None:
    look = curated.product.images
    assert set(look("--where", 'status == "failed"')) == {"empty.jpg"}
    assert set(look("--where", "width == 600 and not failure.code == 'x'")) == set()  # unknown selects nothing
    assert set(look("--where", "width == 600 and failure == None")) == {f.name for f in curated.files}
    assert look("--tenant", "nobody") == {}


@pytest.mark.parametrize("by", ["path", "id"])
def test_explain_tells_the_whole_story(curated: Curated, by: str) -> None:
    path = curated.files[0]
    name = str(path) if by == "path" else curated.product.images()[path.name]["id"]
    told = curated.product.look("explain", name, "--json").json
    assert {"image", "tenant", "id", "address", "stages", "timeline"} <= set(told)
    assert [stage["stage"] for stage in told["stages"]] == list(STAGES)
    assert {stage["state"] for stage in told["stages"]} == {"completed"}
    assert [line["seq"] for line in told["timeline"]] == sorted(line["seq"] for line in told["timeline"])
    assert told["timeline"][0]["why"] == "ingested"
    assert told["timeline"][0]["who"].startswith("operator:")
    assert any("curate: pending → completed" in change for change in told["timeline"][-1]["changes"])


def test_explain_of_a_failure_names_what_would_move_it(curated: Curated) -> None:
    told = curated.product.look("explain", str(curated.product.shoot / "empty.jpg"), "--json").json
    stages = {stage["stage"]: stage for stage in told["stages"]}
    assert stages["technical"]["why"] == "failed: empty_file"
    assert "another file" in stages["technical"]["moves"]
    assert stages["curate"]["why"] == "not applicable: technical:empty_file"


def test_explain_of_what_is_not_there_is_wrong_usage(curated: Curated) -> None:
    assert "has no image" in curated.product.look("explain", "nothing", code=USAGE).err
    assert "has no image" in curated.product.look("explain", "x", "--tenant", "nobody", code=USAGE).err


def _why(product: Product, path: Path, stage: str) -> tuple[str, str]:
    told = product.look("explain", str(path), "--json").json
    found = next(s for s in told["stages"] if s["stage"] == stage)
    return found["why"], found["moves"]


def test_explain_knows_why_nothing_moves_from_ingest_to_the_last_stage(product: Product) -> None:
    """One image is taken through its life by hand, without an engine: each step is somebody else's to make."""
    (path,) = pictures(product.shoot, 1)
    assert product.look("ingest", str(product.shoot), "--json").json["added"] == 1
    assert _why(product, path, "technical")[0] in ("just_opened", "truth_without_intent")
    assert _why(product, path, "quality") == ("waits for preview", "its needs completing")
    sick = product.look("status", code=NOT_WELL)
    assert "control_plane_silent" in sick.out
    assert product.look("healthcheck", code=NOT_WELL).out.count("FAIL") == 1

    done = product.run("reconcile", "--once", "--json").json
    assert (done["open"], done["sent"], done["blind"]) == (1, 1, [])
    assert _why(product, path, "technical") == ("intent_is_live", "a worker taking its intent")
    assert product.look("reconcile", "--once", "--json").json["sent"] == 0  # a second pass adds nothing

    (product.home / "intent.db").unlink()
    assert _why(product, path, "technical")[0] in ("just_opened", "truth_without_intent")
    again = product.look("reconcile", "--once", "--json").json
    assert (again["sent"], again["superseded"]) == (1, 1)

    assert product.run("worker", "--until-idle", "--json").json == {"done": 1}
    assert _why(product, path, "curate") == ("waits for group", "its needs completing")
    assert "no other item of this tenant" in _why(product, path, "group")[0]
    assert product.look("reconcile", "--once", "--json").json["barriers_lifted"] == 1
    product.run("worker", "--until-idle")
    product.look("reconcile", "--once")
    product.run("worker", "--until-idle")
    product.assert_each_done_once(1)
    assert product.look("reconcile", "--once", "--json").json["open"] == 0


def test_replay_clears_what_is_downstream_and_computes_it_again_under_a_new_generation(product: Product) -> None:
    replayed, left = pictures(product.shoot, 2)
    product.curate()
    where = f'path == "{replayed}"'
    arguments = ("replay", "--where", where, "--from", "quality", "--reason", "measured anew", "--json")
    dry = product.look(*arguments, "--dry-run").json
    assert dry | {"matched": 1, "replayed": 0, "dry_run": True, "from": "quality"} == dry  # what scripts rely on
    assert dry["executions"] == {"quality": 1, "group": 1, "curate": 1}
    assert dry["cost_s"] == {"quality": None, "group": None, "curate": None}  # not measured is not 0
    assert product.look(*arguments).json["replayed"] == 1
    cleared = product.images()[replayed.name]
    assert (cleared["status"], cleared["verdict"], cleared["scores"]) == ("pending", None, {})
    assert cleared["sha256"] is not None  # upstream of the boundary
    product.curate()
    generations: dict[str, dict[str, int]] = {str(replayed): {}, str(left): {}}
    for address, stage, generation in product.query(
        "SELECT i.address, s.stage, s.generation FROM item i JOIN stage s ON s.item_id = i.id"
    ):
        generations[address][stage] = generation
    again = {"quality", "group", "curate"}
    assert generations[str(replayed)] == {name: 2 if name in again else 1 for name in STAGES}
    assert {generations[str(left)][name] for name in ("technical", "preview", "quality", "observe")} == {1}
    product.assert_each_done_once(2)
    assert any(
        line["why"] == "measured anew" for line in product.look("explain", str(replayed), "--json").json["timeline"]
    )


def test_replay_from_a_stage_that_does_not_exist_lists_those_that_do(curated: Curated) -> None:
    ran = curated.product.look("replay", "--where", "width > 0", "--from", "taste", "--reason", "r", code=USAGE)
    assert "technical, preview" in ran.err


def test_a_queue_that_cannot_be_read_is_never_shown_as_empty_nor_taken_for_broken(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(product.shoot, 1)
    product.look("ingest", str(product.shoot))
    product.look("reconcile", "--once")
    monkeypatch.setattr("tbie.backends.sqlite.database._BUSY_TIMEOUT_REBUILDABLE_S", 0.05)
    with closing(sqlite3.connect(product.home / "intent.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        shown = product.look("status", code=None).out.splitlines()
        assert shown[1].split() == ["technical", "0", "1", "0", "0", "?", "?", "?"]
        status = product.look("status", "--json", code=None).json
        assert "locked" in status["stages"]["technical"]["intent"]["error"]
        assert status["gap"] is None
        checks = product.look("healthcheck", "--json", code=NOT_WELL).json["checks"]
        assert "queues_readable" in {check["name"] for check in checks if not check["ok"]}
        blind = product.look("reconcile", "--once", "--json", code=NOT_WELL).json["blind"]
        assert any("Another program holds this file" in line for line in blind)
    assert product.look("status", "--json", code=None).json["stages"]["technical"]["intent"]["visible"] == 1
    assert not (product.home / "intent.db.broken").exists()
