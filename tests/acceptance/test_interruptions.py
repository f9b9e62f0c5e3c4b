"""Everything may die at any moment: the same command again finishes the job, nothing twice, nothing lost."""

from __future__ import annotations

import shutil
import signal
from functools import partial
from pathlib import Path

import pytest
from product import BROKE, NOT_WELL, Product, kill, pictures

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="finding the processes to kill needs /proc"
)

ODD = (str(Path(__file__).parent / "odd_decoder.py"),)
TWO = {"PARJANYA_WORKERS": "2"}


@pytest.mark.timeout(120)
def test_killing_everything_at_several_moments_loses_nothing_and_does_nothing_twice(product: Product) -> None:
    count = 12
    pictures(product.shoot, count)
    moments = (
        (product.home / "truth.db").exists,
        lambda: product.last_seq() > 0,
        lambda: product.completed() > 5,
        lambda: product.completed() > 25,
    )
    for reached in moments:
        run = product.start("curate", product.shoot, environment=TWO)
        run.until(reached)
        run.kill_everything()
    assert product.curate(environment=TWO)["images"] == count
    product.assert_each_done_once(count)


def test_ctrl_c_finishes_the_images_at_hand_and_the_next_run_goes_on(product: Product) -> None:
    count = 10
    pictures(product.shoot, count)
    run = product.start("curate", product.shoot)
    run.until(lambda: product.completed() > 2)
    run.signal(signal.SIGINT)
    ran = run.finish(NOT_WELL)
    assert "run the same command again" in ran.err
    assert run.children() == []
    unfinished = product.query("SELECT count(*) FROM stage WHERE state = 'pending' AND attempts > 0")
    assert unfinished == [(0,)]  # what was at hand is done, and what was not was not begun
    assert product.completed() < count * 6
    product.curate()
    product.assert_each_done_once(count)


def test_a_second_ctrl_c_stops_at_once_and_nothing_is_lost(product: Product) -> None:
    pictures(product.shoot, 3)
    run = product.start("curate", product.shoot, program=ODD)
    run.until(lambda: "first worker is inside its image" in _logs(product))
    workers = run.children()
    run.signal(signal.SIGINT)
    run.until(lambda: "finishing the images at hand" in run.err)
    run.signal(signal.SIGINT)
    assert run.process.wait(5) == NOT_WELL
    run.finish(NOT_WELL)
    for pid in workers:  # the odd decoder never ends by itself
        kill(pid)
    product.curate()
    product.assert_each_done_once(3)


def test_a_worker_killed_in_mid_job_is_replaced_and_its_image_done_at_once(product: Product) -> None:
    pictures(product.shoot, 3)
    run = product.start("curate", product.shoot, program=ODD)
    run.until(lambda: "first worker is inside its image" in _logs(product))
    (worker,) = run.children()
    kill(worker)
    run.finish()  # in seconds: a lease would have lasted 60
    product.assert_each_done_once(3)
    deaths = product.query("SELECT who FROM history WHERE why = 'worker_died'")
    assert len(deaths) == 1
    assert deaths[0][0].startswith("supervisor:images-")


def _far_enough(product: Product, threshold: int) -> bool:
    return product.completed() > threshold and (product.home / "intent.db").exists()


def _logs(product: Product) -> str:
    texts = [log.read_text() for log in (product.home / "run").glob("*.log")] if product.home.exists() else []
    return "".join(texts)


def test_the_queue_may_be_deleted_while_it_runs_and_while_it_does_not(product: Product) -> None:
    count = 8
    pictures(product.shoot, count)
    run = product.start("curate", product.shoot)
    intent = product.home / "intent.db"
    for threshold in (0, 10):
        run.until(partial(_far_enough, product, threshold))
        intent.unlink()
    run.until(lambda: product.completed() > 20)
    run.kill_everything()
    intent.unlink(missing_ok=True)
    product.curate()
    product.assert_each_done_once(count)


@pytest.mark.parametrize("how", ["overwritten", "emptied"])
def test_a_queue_that_is_destroyed_under_a_running_engine_is_begun_anew(product: Product, how: str) -> None:
    count = 6
    pictures(product.shoot, count)
    run = product.start("curate", product.shoot)
    run.until(lambda: product.completed() > 3)
    intent = product.home / "intent.db"
    with intent.open("r+b") as file:
        if how == "overwritten":
            file.write(b"this is no database" * 1000)
        else:
            file.truncate(0)
    run.finish()
    product.assert_each_done_once(count)


def test_a_queue_that_was_corrupted_while_nobody_ran_is_set_aside(product: Product) -> None:
    pictures(product.shoot, 2)
    product.run("ingest", product.shoot)
    (product.home / "intent.db").write_bytes(b"garbage" * 5000)
    product.curate()
    product.assert_each_done_once(2)
    assert (product.home / "intent.db.broken").read_bytes().startswith(b"garbage")


def test_lost_previews_are_counted_on_the_sheet_and_a_replay_makes_them_again(product: Product) -> None:
    pictures(product.shoot, 2)
    product.curate()
    shutil.rmtree(product.home / "objects")
    assert product.curate()["images"] == 2  # the verdicts stand; the sheet says which pictures it does without
    assert list((product.home / "out" / "media").rglob("*.jpg")) == []
    product.look("replay", "--where", 'status == "completed"', "--from", "preview", "--reason", "objects were lost")
    product.curate()
    assert len(list((product.home / "out" / "media").rglob("*.jpg"))) == 4
    product.assert_each_done_once(2)


def test_a_stage_that_finds_no_preview_says_so_and_does_not_hang(product: Product) -> None:
    pictures(product.shoot, 1)
    product.curate()
    shutil.rmtree(product.home / "objects")
    product.look("replay", "--where", 'status == "completed"', "--from", "quality", "--reason", "a test")
    result = product.curate(code=NOT_WELL)
    assert list(result["failed"].values()) == [1]
    (image,) = product.images().values()
    assert image["failure"]["stage"] == "quality"
    assert image["failure"]["retriable"]


def test_truth_that_disappears_stops_the_run_with_one_line_and_is_never_begun_anew(product: Product) -> None:
    pictures(product.shoot, 6)
    run = product.start("curate", product.shoot)
    run.until(lambda: product.completed() > 2)
    truth, away = product.home / "truth.db", product.root / "elsewhere.db"
    truth.rename(away)
    ran = run.finish(BROKE)
    assert "has disappeared" in ran.err or "is missing" in ran.err
    assert not truth.exists()
    log = product.home / "truth.db-wal"
    if log.exists() and log.stat().st_size:
        refused = product.run("curate", product.shoot, code=BROKE)
        assert "truth.db is missing" in refused.line
        assert "restore" in refused.line
    away.rename(truth)
    product.curate()
    product.assert_each_done_once(6)


def test_another_curate_takes_over_when_the_one_that_leads_is_killed(product: Product) -> None:
    pictures(product.shoot, 6)
    more = product.root / "more"
    pictures(more, 2)
    leader = product.start("curate", product.shoot, program=ODD)  # which would never end
    leader.until(lambda: "first worker is inside its image" in _logs(product))
    client = product.start("curate", more, "--out", product.root / "out-more")
    client.until(lambda: "another engine works" in client.err)
    leader.kill_everything()
    assert "going on in its place" in client.finish().err
    product.assert_each_done_once(8)
