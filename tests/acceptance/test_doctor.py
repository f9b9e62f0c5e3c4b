"""`doctor` on homes in every state, and what an engine makes of its guardrails when it starts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import pytest
from product import BROKE, DONE, NOT_WELL, QUICK, Product, pictures, without_root_powers

from tbie.guardrails import GUARDRAILS


def examined(
    product: Product, code: int = NOT_WELL, settings: Mapping[str, float] | None = None, prefix: Sequence[str] = ()
) -> dict[str, dict[str, Any]]:
    """Guardrails by name, as `doctor --json` reports them; inside this process unless it has to be another user's."""
    if prefix:
        told = product.run("doctor", "--json", code=code, prefix=prefix).json
    else:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PARJANYA_SETTINGS", json.dumps(dict(settings or QUICK)))
            told = product.look("doctor", "--json", code=code).json
    assert told["passed"] is (code == DONE)
    return {rail["name"]: rail for rail in told["guardrails"]}


def failing(rails: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, rail in rails.items() if rail["result"] == "fail"}


def test_a_fresh_home_passes_every_guardrail(product: Product) -> None:
    rails = examined(product, DONE)
    assert list(rails) == [rail.name for rail in GUARDRAILS]
    assert {rail["result"] for rail in rails.values()} == {"pass"}
    assert {rail["remedy"] for rail in rails.values()} == {None}


def test_a_home_that_was_worked_in_passes_every_guardrail_and_probing_leaves_nothing_behind(product: Product) -> None:
    pictures(product.shoot, 1)
    product.curate()
    before = product.last_seq()
    assert failing(examined(product, DONE)) == set()
    assert product.look("doctor").out.splitlines()[-1] == f"{len(GUARDRAILS)} pass, 0 fail, 0 unknown"
    assert product.last_seq() == before
    assert product.query("SELECT count(*) FROM document") == [(0,)]
    with closing(sqlite3.connect(product.home / "intent.db")) as queue:
        assert queue.execute("SELECT count(*) FROM message").fetchall() == [(0,)]


def test_settings_that_contradict_each_other_are_a_failed_guardrail_and_the_rest_is_still_examined(
    product: Product,
) -> None:
    rails = examined(product, settings={"retention_s": 60})
    assert failing(rails) == {"settings", "worker_starts"}
    assert "incident 9b, intent_expired" in rails["settings"]["detail"]


def test_a_lease_shorter_than_a_stage_may_run_fails_and_no_engine_starts(product: Product) -> None:
    short = {**QUICK, "visibility_timeout_s": 60}
    rails = examined(product, settings=short)
    assert failing(rails) == {"visibility", "worker_starts"}
    assert rails["visibility"]["incident"] == "1 intent_destroyed_early"
    line = product.run("serve", "--port", "0", code=BROKE, settings=short).line
    assert "visibility_timeout_s=60" in line
    assert "incident 1 intent_destroyed_early" in line
    pictures(product.shoot, 1)
    assert "intent_destroyed_early" in product.run("curate", product.shoot, code=BROKE, settings=short).err


def test_what_work_can_go_on_without_is_said_once_and_the_work_is_done(product: Product) -> None:
    pictures(product.shoot, 1)
    ran = product.run("curate", product.shoot, settings={**QUICK, "disk_headroom_bytes": 10**15})
    assert ran.err.count("disk_headroom") == 1
    assert "incident disk_full" in ran.err
    product.assert_each_done_once(1)


def test_a_home_of_a_newer_program_is_examined_and_not_touched(product: Product) -> None:
    examined(product, DONE)
    with closing(sqlite3.connect(product.home / "truth.db")) as truth:
        truth.execute("PRAGMA user_version=99")
    rails = examined(product)
    assert {"truth_writable", "schema", "worker_starts"} <= failing(rails)
    assert "truth.db has schema 99" in rails["schema"]["detail"]
    assert rails["tenants"]["result"] == "unknown"


def test_a_record_that_is_not_a_database_is_said_to_be_one(product: Product) -> None:
    examined(product, DONE)
    for path in product.home.glob("truth.db*"):
        path.unlink()
    (product.home / "truth.db").write_bytes(b"these are not the bytes of a database" * 200)
    rails = examined(product)
    assert "truth_writable" in failing(rails)
    assert rails["schema"]["result"] == "unknown"


def test_a_queue_that_cannot_be_opened_fails_its_guardrails_alone(product: Product) -> None:
    examined(product, DONE)
    for path in product.home.glob("intent.db*"):
        path.unlink()
    for name in ("intent.db", "intent.db.broken"):  # what is in its place cannot be moved out of the way
        (product.home / name / "full").mkdir(parents=True)
    rails = examined(product)
    assert failing(rails) == {"intent_usable"}
    assert rails["dead_letters"]["result"] == "unknown"


def test_a_machine_that_differs_from_what_was_declared_fails_and_its_worker_would_decline(product: Product) -> None:
    pictures(product.shoot, 1)
    product.curate()
    with closing(sqlite3.connect(product.home / "truth.db")) as truth:
        (declared,) = truth.execute("SELECT value FROM meta WHERE name='manifest'").fetchone()
        stale = json.dumps({**json.loads(declared), "numpy": "0.1"})
        truth.execute("UPDATE meta SET value=? WHERE name='manifest'", (stale,))
        truth.commit()
    rails = examined(product)
    assert failing(rails) == {"manifest", "worker_starts"}
    assert "numpy: declared 0.1" in rails["manifest"]["detail"]
    assert "execution_drift" in rails["worker_starts"]["detail"]


def test_a_worker_that_cannot_come_up_is_found_with_what_it_said(product: Product) -> None:
    broken = product.root / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import sys\nif '--check' in sys.orig_argv:\n    raise SystemExit('the image has no libraw')\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(broken))
        rails = examined(product)
    assert failing(rails) == {"worker_starts"}
    assert "the image has no libraw" in rails["worker_starts"]["detail"]


def test_a_missing_permission_is_found_by_using_it(product: Product) -> None:
    examined(product, DONE)
    objects = product.home / "objects"
    probe = next(objects.glob("*/*.probe"))
    probe.unlink()
    probe.parent.rmdir()
    objects.chmod(0o500)
    try:
        rails = examined(product, prefix=without_root_powers())
    finally:
        objects.chmod(0o700)
    assert failing(rails) == {"objects_writable"}


def test_healthcheck_uses_what_the_reconciler_uses(product: Product) -> None:
    pictures(product.shoot, 1)
    product.curate()
    told = product.look("healthcheck", "--json").json
    names = [check["name"] for check in told["checks"]]
    assert {"truth_readable", "truth_writable", "queues_readable", "queue_usable", "ledger_usable"} <= set(names)
    assert told["healthy"]
    assert all(check.keys() == {"name", "ok", "detail"} for check in told["checks"])


@pytest.mark.parametrize(("place", "check"), [("truth.db", "truth_writable"), ("intent.db", "queue_usable")])
def test_healthcheck_finds_a_permission_that_is_missing(product: Product, place: str, check: str) -> None:
    pictures(product.shoot, 1)
    product.curate()
    files = list(product.home.glob(f"{place}*"))
    modes = [path.stat().st_mode for path in files]
    for path in files:
        if not path.name.endswith(".lock"):
            path.chmod(0o400)
    try:
        told = product.run("healthcheck", "--json", code=None, prefix=without_root_powers())
    finally:
        for path, mode in zip(files, modes, strict=True):
            path.chmod(mode)
    if told.code == BROKE:  # Truth could not even be opened: one line says so
        assert place in told.err
    else:
        assert told.code == NOT_WELL
        assert check in {c["name"] for c in told.json["checks"] if not c["ok"]}


def test_a_home_that_cannot_even_be_entered_is_examined(product: Product) -> None:
    product.home.parent.mkdir(parents=True, exist_ok=True)
    product.home.write_text("a file in the place of the folder")
    rails = examined(product)
    assert rails["truth_writable"]["result"] == "fail"
    assert "it is not a directory" in rails["truth_writable"]["detail"]
    assert rails["settings"]["result"] == "pass"
