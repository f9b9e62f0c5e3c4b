"""Seeds that failed once, replayed for ever: each file holds the plan that failed and what was wrong with the kernel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tbie.sim.plan import Plan, Planned
from tbie.sim.run import run

CORPUS = sorted(Path(__file__).with_name("corpus").glob("*.json"))


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_failed_once_holds_now(path: Path) -> None:
    found = json.loads(path.read_text())
    assert found["note"], "says what was wrong"
    drawn = found["plan"]
    faults, watched = tuple(Planned(*fault) for fault in drawn["faults"]), drawn["watched"]
    report = run(Plan(**{**drawn, "faults": faults, "watched": Planned(*watched) if watched else None}))
    assert report.ok, f"{report.checker}: {report.words}"
