"""A model server as people have one: there, away, answering nonsense, exchanged for another. Real processes, real HTTP."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from product import DONE, NOT_WELL, USAGE, Product, kill, picture, pictures

from parjanya.testing.behaviour import Ask
from parjanya.testing.model_server import ModelServer

pytestmark = pytest.mark.timeout(300)
PATIENCE_S = 100.0
"""Two processes, a fleet of two and a server: seconds on an idle machine."""

ODD = (str(Path(__file__).parent / "odd_engine.py"),)
NAME = "observation_1"
"""Under which the engine sends its schema."""


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


def engine(server: ModelServer, *more: str) -> tuple[str, ...]:
    """The options that declare it."""
    return ("--engine", "openai", "--base-url", server.base_url, "--model", server.model, *more)


def curated(product: Product, *arguments: str | Path, code: int = DONE) -> Any:
    """What came of curating the shoot."""
    return product.start("curate", product.shoot, "--json", *arguments).finish(code, PATIENCE_S).json


def attempts(product: Product) -> set[int]:
    """How many attempts the observations took, of all images."""
    return {count for (count,) in product.query("SELECT attempts FROM stage WHERE stage = 'observe'")}


def vision_worker(product_pid: int) -> int | None:
    """The process of the pool vision that the engine of process *product_pid* has started."""
    listed = Path(f"/proc/{product_pid}/task/{product_pid}/children").read_text().split()
    for pid in listed:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"vision" in words:
            return int(pid)
    return None


def test_twenty_images_are_observed_by_the_model_and_by_the_second_witness(
    product: Product, server: ModelServer
) -> None:
    pictures(product.shoot, 20)

    result = curated(product, *engine(server, "--in-flight", "4"))

    assert result["settled"]
    assert result["engines"] == {"openai test-vl": 20}
    product.assert_each_done_once(20)
    images = product.images()
    assert {image["engine"] for image in images.values()} == {"openai"}
    for image in images.values():
        assert image["medium"] == image["observed"]["medium"]
        assert image["witness"]["engine"] == "classical"
        assert image["execution"]["pixel_budget"] == 1024 * 1024
        assert 1 <= image["observed"]["grades"]["sharp"]["expected"] <= 5
    assert len({ask.picture for ask in server.asked(NAME)}) == 20
    assert server.highest <= 5  # four, and perhaps a question of the engine's own
    # the engine is the home's: the next run needs no options, and does nothing twice
    asked = len(server.asked(NAME))
    assert curated(product)["engines"] == {"openai test-vl": 20}
    assert len(server.asked(NAME)) == asked
    assert "seen by: openai test-vl" in product.look("export").out
    assert "engine openai (test-vl at" in product.look("status").out


def test_a_server_that_is_killed_in_the_middle_and_comes_back_costs_no_attempt(product: Product) -> None:
    pictures(product.shoot, 14)
    with ModelServer() as first:
        port = int(first.address.rsplit(":", 1)[1])
        first.schedule = lambda ask: "close_mid_body" if ask.schema_name == NAME and ask.number > 6 else None
        running = product.start("curate", product.shoot, "--json", *engine(first, "--in-flight", "2"))
        running.until(lambda: sum(ask.number > 6 for ask in first.asked(NAME)) > 0, PATIENCE_S)
    running.until(lambda: "images wait for the engine" in running.err, PATIENCE_S)
    status = json.loads(product.look("status", "--json", code=NOT_WELL).out)
    (finding,) = [f for f in status["findings"] if f["code"] == "execution_drift"]
    assert "model server" in json.dumps(finding["evidence"])
    with ModelServer(port=port):
        result = running.finish(timeout_s=PATIENCE_S).json

    assert result["settled"]
    assert result["failed"] == {}
    assert result["engines"] == {"openai test-vl": 14}
    product.assert_each_done_once(14)
    assert max(attempts(product)) <= 2


def test_a_server_that_is_not_there_at_the_start_is_told_at_once_and_waited_for(product: Product) -> None:
    pictures(product.shoot, 3)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    url = f"http://127.0.0.1:{port}/v1"
    declared = ("--engine", "openai", "--base-url", url, "--model", "test-vl")
    running = product.start("curate", product.shoot, "--json", *declared)
    running.until(lambda: f"{url} does not answer" in running.err, PATIENCE_S)
    running.until(lambda: "images wait for the engine" in running.err, PATIENCE_S)
    assert attempts(product) <= {0}
    with ModelServer(port=port):
        result = running.finish(timeout_s=PATIENCE_S).json

    assert result["verdicts"]
    assert result["failed"] == {}
    assert len(attempts(product)) == 1


def test_an_image_that_the_model_answers_with_nonsense_fails_with_evidence_and_the_others_do_not(
    product: Product, server: ModelServer
) -> None:
    pictures(product.shoot, 5)
    picture(product.shoot / "odd.jpg", 50, (400, 600))

    def nonsense(ask: Ask) -> str | None:
        return "ignore_schema" if ask.schema_name == NAME and ask.size_px[1] > ask.size_px[0] else None

    server.schedule = nonsense
    result = curated(product, *engine(server), code=NOT_WELL)

    assert result["failed"] == {"answer_invalid": 1}
    assert sum(result["verdicts"].values()) == 5
    ((state, evidence, count),) = product.query(
        "SELECT state, evidence, attempts FROM stage WHERE stage = 'observe' AND state != 'completed'"
    )
    assert state == "failed"
    assert json.loads(evidence)["beginning"]
    assert count == 3
    assert "answer_invalid" in product.look("explain", str(product.shoot / "odd.jpg")).out


def test_another_engine_is_for_new_images_and_regrade_brings_the_others_up_to_date(
    product: Product, server: ModelServer
) -> None:
    pictures(product.shoot, 3)
    assert curated(product)["engines"] == {"classical": 3}
    picture(product.shoot / "later.jpg", 50)

    run = product.start("curate", product.shoot, "--json", *engine(server)).finish(timeout_s=PATIENCE_S)

    assert "3 were observed by another engine" in run.err
    assert run.json["engines"] == {"classical": 3, "openai test-vl": 1}
    assert {name: image["engine"] for name, image in product.images().items()} == {
        "img000.jpg": "classical",
        "img001.jpg": "classical",
        "img002.jpg": "classical",
        "later.jpg": "openai",
    }
    assert json.loads(product.look("status", "--json").out)["engine"]["observed_by_another"] == 3
    plan = json.loads(product.look("regrade", "--stage", "observe", "--dry-run", "--json").out)
    assert (plan["matched"], plan["replayed"]) == (3, 0)
    assert product.look("regrade", "--stage", "observe", "--json")
    assert curated(product)["engines"] == {"openai test-vl": 4}
    assert json.loads(product.look("status", "--json").out)["engine"]["observed_by_another"] == 0
    # and back
    assert curated(product, "--engine", "classical")["engines"] == {"openai test-vl": 4}


def test_a_worker_that_is_killed_while_it_asks_costs_nothing_but_time(product: Product, server: ModelServer) -> None:
    pictures(product.shoot, 6)
    running = product.start("curate", product.shoot, "--json", *engine(server, "--in-flight", "3"))
    server.schedule = lambda ask: "stall" if ask.schema_name == NAME else None
    running.until(lambda: len(server.asked(NAME)) >= 2, PATIENCE_S)
    worker = vision_worker(running.process.pid)
    assert worker is not None
    kill(worker)
    server.behave(None)

    result = running.finish(timeout_s=PATIENCE_S).json

    assert result["failed"] == {}
    assert result["engines"] == {"openai test-vl": 6}
    product.assert_each_done_once(6)


@pytest.mark.parametrize("where", ["model", "decoder"])
def test_an_image_that_kills_the_model_s_process_is_quarantined_and_its_neighbours_are_observed(
    product: Product, server: ModelServer, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setenv("ODD_WHERE", where)
    pictures(product.shoot, 5)
    picture(product.shoot / "odd.jpg", 50, (400, 600))

    running = product.start("curate", product.shoot, "--json", *engine(server), program=ODD)
    result = running.finish(NOT_WELL, PATIENCE_S).json

    assert result["failed"] == {"worker_died": 1}
    assert result["engines"] == {"openai test-vl": 5}
    ((evidence,),) = product.query("SELECT evidence FROM stage WHERE state = 'failed'")
    found = json.loads(evidence)
    assert found["signal"] == "SIGKILL"
    assert "the model says its last words" in found["stderr"]
    assert product.failures() == {"odd.jpg": "worker_died"}


@pytest.mark.parametrize("command", [("curate", "shoot"), ("serve", "--port", "0")])
def test_an_engine_without_what_it_needs_is_wrong_usage_with_an_example(
    product: Product, command: tuple[str, ...]
) -> None:
    product.shoot.mkdir()

    ran = product.look(*command, "--engine", "openai", code=USAGE)

    assert "--engine openai --base-url http://127.0.0.1:8000/v1 --model" in ran.err
