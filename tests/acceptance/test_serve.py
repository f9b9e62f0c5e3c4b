"""The long-running engine: health, metrics, scaling from and to zero, draining."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from product import BROKE, DONE, NOT_WELL, QUICK, Product, Running, picture, pictures

SETTINGS = {**QUICK, "idle_exit_s": 1.0}
METRICS_PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


class Served:
    """`serve` on a free port of a fresh home."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.run: Running = product.start("serve", "--port", "0", settings=SETTINGS)
        self.run.until(lambda: "http://" in self.run.err)
        found = re.search(r"http://[\d.]+:\d+", self.run.err)
        assert found is not None
        self.address = found.group()

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.address + path, timeout=20)

    def ready(self) -> int:
        return self.get("/readyz").status_code

    def metrics(self) -> dict[str, float]:
        lines = self.get("/metrics").text.splitlines()
        return {name: float(value) for name, value in (x.rsplit(" ", 1) for x in lines if not x.startswith("#"))}

    def stop(self) -> None:
        self.run.signal(signal.SIGTERM)
        self.run.finish(DONE, timeout_s=20)
        assert self.run.children() == []


@pytest.fixture
def served(product: Product) -> Iterator[Served]:
    served = Served(product)
    yield served
    if served.run.process.poll() is None:
        served.stop()


def test_it_works_on_what_others_add_and_its_fleet_grows_from_zero_and_shrinks_to_zero(served: Served) -> None:
    product = served.product
    assert served.get("/healthz").json() == {"alive": True}
    served.run.until(lambda: served.ready() == 200)
    fresh = served.metrics()
    assert fresh['tbie_truth_rows{stage="curate",state="completed"}'] == 0
    assert fresh["tbie_fleet_workers"] == 0
    assert served.run.children() == []
    pictures(product.shoot, 3)
    product.look("ingest", str(product.shoot))
    served.run.until(lambda: served.metrics()["tbie_fleet_workers"] == 1)
    served.run.until(lambda: product.completed() == 18)
    served.run.until(lambda: served.metrics()["tbie_fleet_workers"] == 0)
    served.run.until(lambda: served.run.children() == [])
    later = served.metrics()
    assert later.keys() >= fresh.keys()
    assert later['tbie_truth_rows{stage="curate",state="completed"}'] == 3
    assert later['tbie_coverage_gap{stage="technical"}'] == 0
    product.assert_each_done_once(3)
    served.stop()


def test_every_series_exists_on_a_fresh_home_and_is_explained_on_the_page_of_metrics(served: Served) -> None:
    served.run.until(lambda: served.ready() == 200)
    text = served.get("/metrics").text
    names = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    sampled = {re.split(r"[{ ]", line)[0] for line in text.splitlines() if not line.startswith("#")}
    assert sampled == names
    documented = set(re.findall(r"^### `(\w+)", METRICS_PAGE.read_text(), re.MULTILINE))
    assert documented == names


def test_a_curate_beside_it_is_its_client_and_a_second_one_is_refused(served: Served) -> None:
    product = served.product
    line = product.run("serve", "--port", "0", code=BROKE).line
    assert "another engine leads" in line
    pictures(product.shoot, 2)
    ran = product.run("curate", product.shoot)
    assert "another engine works in this home" in ran.err
    assert "2 images" in ran.out
    assert product.look("healthcheck").code == DONE


def test_it_is_not_ready_while_the_queue_cannot_be_read_and_recovers(served: Served) -> None:
    product = served.product
    served.run.until(lambda: served.ready() == 200)
    queue, aside = product.home / "intent.db", product.home / "intent.db.broken"
    for path in (queue, aside):  # something is in the place of the queue that cannot be moved out of the way
        path.unlink(missing_ok=True)
        (path / "full").mkdir(parents=True)
    response = served.get("/readyz")
    assert response.status_code == 503
    assert {check["name"] for check in response.json()["checks"] if not check["ok"]} >= {"queues_readable"}
    assert not any(name.startswith("tbie_intent_messages") for name in served.metrics())
    picture(product.shoot / "while-blind.jpg")
    served.run.until(lambda: served.metrics()['tbie_finding{code="control_plane_blind"}'] == 1)
    row = product.look("status", code=NOT_WELL).out.splitlines()[1]
    assert row.split()[5:7] == ["?", "?"]
    for path in (queue, aside):
        (path / "full").rmdir()
        path.rmdir()
    served.run.until(lambda: served.ready() == 200)
    product.look("ingest", str(product.shoot))
    served.run.until(lambda: product.completed() == 6)


def test_it_is_not_ready_while_truth_is_away_and_recovers_without_a_restart(served: Served) -> None:
    product = served.product
    pictures(product.shoot, 1)
    product.look("ingest", str(product.shoot))
    served.run.until(lambda: product.completed() == 6)
    truth, away = product.home / "truth.db", product.root / "elsewhere.db"
    truth.rename(away)
    response = served.get("/readyz")
    assert response.status_code == 503
    assert "truth_readable" in {check["name"] for check in response.json()["checks"] if not check["ok"]}
    assert served.get("/healthz").status_code == 200
    assert served.metrics() == {"tbie_truth_up": 0}
    served.run.until(lambda: served.run.children() == [])
    assert not truth.exists()  # whatever its workers did meanwhile, nobody began an empty Truth
    away.rename(truth)
    served.run.until(lambda: served.ready() == 200)
    picture(product.shoot / "later.jpg", 9)
    product.look("ingest", str(product.shoot))
    served.run.until(lambda: product.completed() == 12)


def test_a_port_that_is_taken_is_one_line(served: Served) -> None:
    other = Product(served.product.root / "other")
    port = served.address.rsplit(":", 1)[1]
    assert f"cannot listen on 127.0.0.1:{port}" in other.run("serve", "--port", port, code=BROKE).line
