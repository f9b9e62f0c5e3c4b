"""`diagnose` on real homes: healthy, dead, losing its queue, unreadable, empty. The verdict first, never a traceback."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from product import NOT_WELL, QUICK, USAGE, Product, Ran, pictures

from parjanya.cli import diagnose
from parjanya.cli.common import Common


def told(ran: Ran) -> tuple[str, list[str]]:
    """Verdict, and the codes that stand."""
    return ran.json["verdict"], [f["code"] for f in ran.json["findings"] if f["state"] == "standing"]


def evidence(ran: Ran, code: str) -> dict[str, Any]:
    """The evidence of one finding, by name."""
    (finding,) = [f for f in ran.json["findings"] if f["code"] == code]
    return {known["name"]: known["value"] for known in finding["evidence"]}


@pytest.fixture
def ingested(product: Product, monkeypatch: pytest.MonkeyPatch) -> Product:
    """Two images that were taken in; nobody has worked on them. No gap is too young to be told."""
    monkeypatch.setenv("PARJANYA_SETTINGS", json.dumps({"sweep_grace_s": 0.0, "poll_interval_s": 0.01}))
    pictures(product.shoot, 2)
    product.look("ingest", str(product.shoot))
    return product


def test_a_home_whose_work_is_done_is_healthy(product: Product) -> None:
    pictures(product.shoot, 2)
    product.curate()
    ran = product.look("diagnose", "--json")
    assert told(ran) == ("healthy", [])
    assert ran.json["boundary"] is None
    assert product.look("diagnose").out.startswith("Healthy: nothing is open")


def test_a_home_with_work_and_no_engine_has_a_silent_control_plane(ingested: Product) -> None:
    ran = ingested.look("diagnose", "--json", code=NOT_WELL)
    assert told(ran) == ("control-plane", ["control_plane_silent"])
    (finding,) = ran.json["findings"]
    assert {"code", "boundary", "state", "cause", "evidence", "next_step", "docs"} == set(finding)
    assert finding["docs"] == "docs/operations/findings/control_plane_silent.md"
    assert all({"name", "value", "source", "age_s"} == set(known) for known in finding["evidence"])
    text = ingested.look("diagnose", code=NOT_WELL).out
    assert "control plane" in text.splitlines()[0]
    assert "next:" in text


def test_a_queue_that_was_deleted_is_named_and_mended_by_the_next_pass(ingested: Product) -> None:
    ingested.look("reconcile", "--once")
    assert "truth_without_intent" not in told(ingested.look("diagnose", "--json", code=None))[1]
    (ingested.home / "intent.db").unlink()
    ran = ingested.look("diagnose", "--json", code=NOT_WELL)
    assert "truth_without_intent" in told(ran)[1]
    assert evidence(ran, "truth_without_intent")["without_intent"] == 2
    ingested.look("reconcile", "--once")
    assert "truth_without_intent" not in told(ingested.look("diagnose", "--json", code=None))[1]


def test_an_engine_that_was_killed_is_named_and_a_running_one_is_healthy(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(product.shoot, 1)
    serving = product.start("serve", "--port", "0", settings=QUICK)
    serving.until(lambda: "http://" in serving.err)
    product.look("ingest", str(product.shoot))
    serving.until(lambda: product.completed() == 6)
    assert told(product.look("diagnose", "--json"))[0] == "healthy"
    serving.kill_everything()
    monkeypatch.setenv("PARJANYA_SETTINGS", json.dumps({"heartbeat_interval_s": 0.02, "poll_interval_s": 0.01}))
    product.look("ingest", str(pictures(product.root / "more", 3)[2]))
    ran = product.look("diagnose", "--json", code=NOT_WELL)
    assert told(ran)[0] == "control-plane"
    assert "control_plane_silent" in told(ran)[1]


@pytest.mark.parametrize("damage", ["garbage", "emptied", "directory"])
def test_a_truth_that_cannot_be_read_is_a_verdict_and_not_a_traceback(product: Product, damage: str) -> None:
    pictures(product.shoot, 1)
    product.look("ingest", str(product.shoot))
    path = product.home / "truth.db"
    for beside in product.home.glob("truth.db*"):
        beside.unlink()
    if damage == "directory":
        path.mkdir()
    else:
        path.write_bytes(b"" if damage == "emptied" else b"this is no database" * 1000)
    ran = product.look("diagnose", "--json", code=NOT_WELL)
    assert told(ran) == ("truth", ["truth_unavailable"])
    assert evidence(ran, "truth_unavailable")["error"]
    assert "Truth" in product.look("diagnose", code=NOT_WELL).out.splitlines()[0]


def test_a_queue_that_cannot_be_read_is_unknown_and_not_empty(ingested: Product) -> None:
    with closing(sqlite3.connect(ingested.home / "intent.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")  # another program holds the file
        ran = ingested.look("diagnose", "--json", code=NOT_WELL)
    assert "queue_unreadable" in told(ran)[1]
    assert evidence(ran, "queue_unreadable")["stages"]


def test_a_home_that_is_not_there_is_wrong_usage(product: Product) -> None:
    assert "there is nothing in" in product.look("diagnose", code=USAGE).err


def test_watching_gives_one_document_a_line_until_it_is_interrupted(ingested: Product) -> None:
    watching = ingested.start("diagnose", "--watch", "--json")
    out = watching._out
    watching.until(lambda: out.seek(0, 2) > 0)
    watching.signal(signal.SIGINT)
    ran = watching.finish(NOT_WELL)
    assert json.loads(ran.out.splitlines()[0])["verdict"] == "control-plane"


def test_explain_tells_what_is_wrong_with_one_image(ingested: Product) -> None:
    (path, _) = sorted(ingested.shoot.iterdir())
    ingested.look("reconcile", "--once")
    (ingested.home / "intent.db").unlink()
    story = ingested.look("explain", str(path), "--json").json
    assert {"decisions", "findings"} <= set(story)
    assert [finding["code"] for finding in story["findings"]] == ["truth_without_intent"]
    assert "truth_without_intent" in ingested.look("explain", str(path)).out


def test_a_record_that_was_moved_away_is_no_empty_home(ingested: Product) -> None:
    (ingested.home / "truth.db").rename(ingested.shoot.parent / "away.db")
    ran = ingested.look("diagnose", "--json", code=NOT_WELL)
    assert told(ran) == ("truth", ["truth_unavailable"])
    assert "truth.db is missing" in evidence(ran, "truth_unavailable")["error"]
    assert not (ingested.home / "truth.db").exists()


def test_a_home_that_a_stopped_process_holds_is_named_instead_of_waited_for(
    ingested: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnose, "PATIENCE_S", 0.2)
    with (ingested.home / "truth.db.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = diagnose.look(Common(home=ingested.home)).to_json()
        fcntl.flock(lock, fcntl.LOCK_UN)
    assert found["verdict"] == "truth"
    (error,) = found["findings"][0]["evidence"]
    assert "has not answered for 0.2 s" in error["value"]
    if Path("/proc/locks").exists():
        assert f"truth.db.lock is held by process {os.getpid()}." in error["value"]


def test_of_a_long_text_people_see_how_it_ends() -> None:
    known = {
        "name": "last_words",
        "value": f"Traceback {'frame ' * 200}ImportError: no decoder",
        "source": "fleet",
        "age_s": 1.0,
    }
    finding = {"code": "c", "boundary": "b", "state": "standing", "cause": "c", "next_step": "n", "docs": "d"}
    (shown,) = [line for line in diagnose.finding_lines({**finding, "evidence": [known]}) if "last_words" in line]
    assert "last_words: Traceback frame" in shown
    assert "ImportError: no decoder" in shown
    assert len(shown) < 400
