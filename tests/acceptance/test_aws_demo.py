"""All of the aws profile by one command: functions, queues, tables, bucket and workers judge as an embedded instance does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from product import DONE, Product, pictures

from tbie.testing.aws.needed import needed_interpreter

sys.path.insert(0, str(Path(__file__).parents[2] / "packages/parjanya/tests"))
from functions_local import all_packages

GOOD = 4
pytestmark = pytest.mark.timeout(300)  # the sweep is called once a minute, by the server's own clock


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The functions, packed for this machine, as `./run aws demo` does it."""
    needed_interpreter()
    return all_packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> Iterator[tuple[Product, Any]]:
    """What `aws demo` left running, and what it said."""
    product = Product(tmp_path_factory.mktemp("aws"))
    pictures(product.shoot, GOOD)
    twin = product.shoot / "ä twin+1!.jpg"
    twin.write_bytes((product.shoot / "img001.jpg").read_bytes())
    (product.shoot / "broken.jpg").write_bytes((product.shoot / "img002.jpg").read_bytes()[:4_000])
    (product.shoot / "empty.png").write_bytes(b"")
    try:
        command = ("aws", "demo", product.shoot, "--functions", packages, "--keep", "--json")
        yield product, product.start(*command, settings=None).finish(timeout_s=240).json
    finally:
        product.look("aws", "down", code=None)
        product.end()


def test_it_uploads_waits_for_functions_and_workers_and_finds_the_verdicts_of_the_embedded_profile(
    demo: tuple[Product, Any],
) -> None:
    _, said = demo
    assert said["ingested"]["added"] == GOOD + 3
    compared = said["comparison"]
    assert compared["differences"] == compared["only_first"] == compared["only_second"] == []
    assert compared["compared"] == compared["same"] == GOOD + 3
    assert compared["verdicts"]["empty_file"] == 1
    assert said["settled"]


def test_whatever_happened_between_an_upload_and_its_verdict_was_done_by_functions_and_workers(
    demo: tuple[Product, Any],
) -> None:
    product, said = demo
    assert set(said["passes"]) == {"intake", "reconcile", "sweep"}
    assert all(said["passes"].values())
    story = product.look("explain", str(product.shoot / "img000.jpg"), "--json", code=DONE).json
    assert story["timeline"][0]["who"] == "function:intake"
    assert {"emit", "supersede"} & {decision["action"] for decision in story["decisions"]}, "functions keep the ledger"


def test_doctor_finds_functions_roles_and_the_filter_of_the_stream_in_order(demo: tuple[Product, Any]) -> None:
    product, _ = demo
    told = {r["name"]: r["result"] for r in product.look("doctor", "--json", code=DONE).json["guardrails"]}
    assert {told[name] for name in ("aws_permissions", "aws_functions", "aws_stream_filter")} == {"pass"}
    assert product.look("diagnose", "--json", code=DONE).json["findings"] == []


def test_a_folder_without_packages_is_told_and_no_server_stays(product: Product, tmp_path: Path) -> None:
    pictures(product.shoot, 1)
    refused = product.look("aws", "demo", str(product.shoot), "--functions", str(tmp_path), code=1)
    assert f"there is no {tmp_path / 'intake.zip'}" in refused.err
    assert "no local server was running" in product.look("aws", "down").out
