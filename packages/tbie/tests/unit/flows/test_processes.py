"""Two pools of real processes, one of which runs a flow: who is charged for a death, and who leaves when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from packages.tbie.tests.unit.flows.program import SETTINGS, WORKFLOW, WORN_AFTER, Home
from tbie.backends.sqlite.belief import belief
from tbie.backends.sqlite.bell import Listener
from tbie.backends.sqlite.execution import ProcessFleet
from tbie.core.reading import Known
from tbie.diagnose import diagnose, take
from tbie.engine import Engine
from tbie.testing.builders import WHO, new_item
from tbie.truth import StageRecord, StageState

PATIENCE_S = 40.0


@contextmanager
def running(folder: Path) -> Iterator[tuple[Home, Engine, ProcessFleet]]:
    """An engine with its fleet; everything has left when this ends."""
    home = Home(folder)
    fleet = home.fleet()
    with Listener(folder / "bells", "truth", "engine") as listener:
        engine = home.engine(fleet, listener)
        try:
            yield home, engine, fleet
        finally:
            assert engine.stop(20.0)
            home.truth.close()
            home.intent.close()


def turn_until(home: Home, engine: Engine, done: Callable[[], bool]) -> None:
    deadline_s = home.clock.monotonic_s() + PATIENCE_S
    while not done():
        engine.turn()
        assert home.clock.monotonic_s() < deadline_s, f"{rows(home)}; deaths {home.deaths}"


def rows(home: Home, stage: str = "see") -> dict[str, StageRecord]:
    return {item.key.item: item.stages[stage] for item in home.truth.items() if stage in item.stages}


def settled(home: Home) -> bool:
    return all(item.settled and "see" in item.stages for item in home.truth.items())


@pytest.mark.parametrize(("does", "reason"), [("exit", "worker_died"), ("hang", "timed_out")])
def test_of_six_in_one_piece_the_one_that_ends_its_process_fails_and_the_others_are_completed(
    tmp_path: Path, does: str, reason: str
) -> None:
    with running(tmp_path) as (home, engine, _):
        items = [new_item(f"i{n}") for n in range(6)]
        items[3] = items[3]._replace(attributes={"does": does})
        home.truth.add(items, WHO)
        engine.start()
        turn_until(home, engine, lambda: settled(home))
        found = rows(home)
        culprit = found.pop("i3")
        assert {record.state for record in found.values()} == {StageState.COMPLETED}
        assert (culprit.state, culprit.reason) == (StageState.FAILED, reason)
        assert culprit.evidence is not None
        assert culprit.evidence["receives_exhausted"] is True
        assert "suspects" not in culprit.evidence, "the last time it was alone"
        if does == "exit":
            assert culprit.evidence["exit_status"] == 7
            assert "gave up on i3" in str(culprit.evidence["stderr"])
        assert max(record.attempts for record in found.values()) <= 2, "innocents complete at their second receive"
        assert {record.state for record in rows(home, "cut").values()} == {StageState.COMPLETED}
        assert len(home.deaths) <= 3


def test_each_pool_has_its_own_fleet_its_own_limit_and_its_own_processes(tmp_path: Path) -> None:
    with running(tmp_path) as (home, engine, fleet):
        home.truth.add([new_item(f"i{n}") for n in range(30)], WHO)
        engine.start()
        most = {"images": 0, "vision": 0}

        def look() -> bool:
            for pool, before in most.items():
                view = fleet.view(pool)
                assert isinstance(view, Known)
                most[pool] = max(before, view.value.running)
            return settled(home)

        turn_until(home, engine, look)
        assert most["vision"] == 1
        assert 1 <= most["images"] <= 2
        cutters = {(record.facts or {}).get("pid") for record in rows(home, "cut").values()}
        seers = {(record.facts or {}).get("pid") for record in rows(home).values()}
        assert len(seers) == 1
        assert not cutters & seers
        readings = take(
            WORKFLOW, home.truth, home.intent, home.clock, SETTINGS, belief=belief(WORKFLOW, home.intent, fleet)
        )
        assert diagnose(readings, SETTINGS).healthy
        assert set(readings.execution.fleets) == {"images", "vision"}


def test_a_worn_process_leaves_without_a_fault_and_a_fresh_one_goes_on(tmp_path: Path) -> None:
    (tmp_path / WORN_AFTER).touch()
    with running(tmp_path) as (home, engine, fleet):
        home.truth.add([new_item(f"i{n:02}") for n in range(40)], WHO)
        engine.start()
        turn_until(home, engine, lambda: settled(home))
        seers = {(record.facts or {}).get("pid") for record in rows(home).values()}
        assert len(seers) >= 3, "forty items in flows of sixteen at most"
        assert {record.attempts for record in rows(home).values()} == {1}
        assert (home.deaths, fleet.boot_failures) == ([], 0)
        said = [b for b in home.truth.heartbeats() if b.component == "worker" and b.body.get("worn")]
        assert {beat.body["worn"] for beat in said} == {"it has seen enough"}
        assert {(beat.body["state"], beat.body["pool"]) for beat in said} == {("worn", "vision")}
