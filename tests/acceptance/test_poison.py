"""A file that takes its worker with it costs that file, not the run: evidence is kept, neighbours are judged."""

from __future__ import annotations

import json
from pathlib import Path

from product import NOT_WELL, Product, picture, pictures

ODD = (str(Path(__file__).parent / "odd_decoder.py"),)
HASTE = {"ODD_IMPATIENT": "1"}


def test_a_file_that_kills_its_worker_is_quarantined_with_evidence_and_its_neighbours_are_judged(
    product: Product,
) -> None:
    pictures(product.shoot, 5)
    picture(product.shoot / "crash.jpg", 50)
    result = product.curate(code=NOT_WELL, program=ODD)
    assert result["failed"] == {"worker_died": 1}
    assert sum(result["verdicts"].values()) == 5
    ((attempts, retriable, evidence),) = product.query(
        "SELECT attempts, retriable, evidence FROM stage WHERE state = 'failed'"
    )
    found = json.loads(evidence)
    assert (attempts, retriable) == (2, 1)
    assert found["signal"] == "SIGKILL"
    assert found["stage"] == "technical"
    assert "the decoder says its last words" in found["stderr"]
    assert "worker_died" in product.look("explain", str(product.shoot / "crash.jpg")).out
    dead = json.loads(product.look("status", "--json", code=NOT_WELL).out)["stages"]["technical"]["intent"]["dead"]
    assert dead == 1
    # a run of the real product, whose decoder does not crash on it, tries it again
    assert product.curate()["failed"] == {}


def test_a_file_on_which_the_decoder_never_returns_is_ended_by_the_supervisor(product: Product) -> None:
    pictures(product.shoot, 3)
    picture(product.shoot / "hang.jpg", 50)
    result = product.curate(code=NOT_WELL, program=ODD, environment={**HASTE, "PARJANYA_WORKERS": "2"})
    assert result["failed"] == {"timed_out": 1}
    assert sum(result["verdicts"].values()) == 3
    ((evidence,),) = product.query("SELECT evidence FROM stage WHERE state = 'failed'")
    assert json.loads(evidence)["signal"] == "SIGKILL"
