"""A home that cannot be used: one clear line, the right exit code, nothing touched."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from product import BROKE, DONE, USAGE, Product, pictures, without_root_powers


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A file system of its own at *folder*; skips where mounting is not allowed."""
    folder.mkdir()
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_home_that_is_a_file(product: Product) -> None:
    pictures(product.shoot, 1)
    product.home.write_text("mine")
    assert "it is not a directory" in product.run("curate", product.shoot, code=BROKE).line
    assert product.home.read_text() == "mine"


def test_a_home_that_may_not_be_written(product: Product) -> None:
    prefix = without_root_powers()
    pictures(product.shoot, 1)
    product.home.mkdir(mode=0o555)
    line = product.run("curate", product.shoot, code=BROKE, prefix=prefix).line
    assert "no permission to write there" in line
    assert "--home" in line


@pytest.mark.skipif(shutil.which("mount") is None, reason="needs mount")
def test_a_home_on_a_read_only_file_system(product: Product) -> None:
    pictures(product.shoot, 1)
    with mounted(product.home, "-t", "tmpfs", "-o", "size=1m,ro", "tmpfs"):
        assert "the file system is read-only" in product.run("curate", product.shoot, code=BROKE).line


@pytest.mark.skipif(shutil.which("mount") is None, reason="needs mount")
def test_a_full_disk_ends_the_run_with_one_line_and_the_same_command_goes_on_after_that(product: Product) -> None:
    pictures(product.shoot, 10)
    disk = product.root / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", "size=900k", "tmpfs"):
        product.home = disk / "home"
        out = product.root / "out"
        ran = product.run("curate", product.shoot, "--out", out, code=BROKE)
        assert "full" in ran.err
        assert "run the same command again; nothing committed is lost" in ran.err
        done = product.completed()
        subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)
        product.curate(product.shoot, "--out", out)
        assert done < 60
        product.assert_each_done_once(10)


def test_a_report_that_does_not_fit_is_one_line_too(product: Product) -> None:
    pictures(product.shoot, 1)
    product.curate()
    out = product.root / "small"
    with mounted(out, "-t", "tmpfs", "-o", "size=16k", "tmpfs"):
        assert "no space left on device" in product.run("export", "--out", out / "sheet", code=BROKE).line


def test_a_home_of_a_newer_version_is_left_exactly_as_it_is(product: Product) -> None:
    pictures(product.shoot, 1)
    product.home.mkdir()
    truth = product.home / "truth.db"
    with closing(sqlite3.connect(truth)) as connection:
        connection.execute("PRAGMA user_version=99")
        connection.execute("CREATE TABLE from_the_future(x)")
    before = truth.read_bytes()
    for command in (("curate", product.shoot), ("status",), ("serve", "--port", "0")):
        line = product.run(*command, code=BROKE).line
        assert "was written by a newer version (schema 99" in line
    assert truth.read_bytes() == before


def test_a_truth_that_is_damaged_asks_for_its_backup_and_is_not_overwritten(product: Product) -> None:
    product.home.mkdir()
    (product.home / "truth.db").write_bytes(b"not a database at all" * 500)
    line = product.run("status", code=BROKE).line
    assert "damaged: restore it from a backup" in line
    assert (product.home / "truth.db").read_bytes().startswith(b"not a database")


def test_a_home_inside_the_shoot_is_not_mistaken_for_images(product: Product) -> None:
    pictures(product.shoot, 2)
    product.home = product.shoot / ".parjanya"
    assert product.curate()["images"] == 2
    assert product.curate()["images"] == 2


def test_reports_are_never_written_among_the_users_images_and_that_is_said_before_any_work(product: Product) -> None:
    pictures(product.shoot, 1)
    line = product.run("curate", product.shoot, "--out", product.shoot, code=BROKE).line
    assert "choose an empty folder" in line
    assert product.last_seq() == 0
    assert [path.name for path in product.shoot.iterdir()] == ["img000.jpg"]


def test_an_empty_home_variable_does_not_make_the_current_folder_a_home(product: Product, tmp_path: Path) -> None:
    ran = product.run("status", code=USAGE, environment={"PARJANYA_HOME": ""})
    assert "/.parjanya" in ran.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "is not JSON"),
        ("[1]", "must be a JSON object"),
        ('{"speed": 1}', "there is no setting 'speed'"),
        ('{"idle_exit_s": "soon"}', "idle_exit_s must be a number"),
        ('{"stream_batch": 1.5}', "stream_batch must be a whole number"),
        ('{"retention_s": 60}', "retention_s=60 is shorter than outage_window_s"),
    ],
)
def test_settings_that_make_no_sense_are_wrong_usage(
    product: Product, monkeypatch: pytest.MonkeyPatch, text: str, expected: str
) -> None:
    product.look("ingest", str(product.root), code=DONE)
    monkeypatch.setenv("PARJANYA_SETTINGS", text)
    assert expected in product.look("status", code=USAGE).err


def test_one_who_reads_only_the_beginning_is_not_an_error(product: Product) -> None:
    pictures(product.shoot, 3)
    product.run("ingest", product.shoot)
    script = 'exec 3>&1; { "$@"; echo "code $?" >&3; } | head -c 1 >/dev/null'
    ran = product.run("images", prefix=["bash", "-c", script, "bash"])
    assert ran.out.strip() == "code 0"
    assert ran.err == ""


def test_a_record_that_was_moved_away_is_not_begun_anew(product: Product) -> None:
    pictures(product.shoot, 1)
    product.look("ingest", str(product.shoot))
    for path in product.home.glob("truth.db*"):
        path.unlink()
    assert "truth.db is missing" in product.look("ingest", str(product.shoot), code=BROKE).err
    assert not (product.home / "truth.db").exists()
    (product.home / "intent.db").unlink()
    (product.home / "ledger.db").unlink()
    assert "1 added" in product.look("ingest", str(product.shoot)).out
