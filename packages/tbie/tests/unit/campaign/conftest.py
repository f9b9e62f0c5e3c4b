"""Benches for campaigns, in memory and on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tbie.backends.memory.truth import MemoryTruth
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.campaign import driver as driving
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.testing.builders import chain
from tbie.testing.campaigns import Bench
from tbie.truth import TruthStore


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Bench]]:
    """Makes benches on one of the backends."""
    opened: list[TruthStore] = []

    def build() -> Bench:
        clock, workflow = ManualClock(), chain("a", "b")
        truth: TruthStore = (
            MemoryTruth(workflow, clock, SequentialIds())
            if request.param == "memory"
            else SqliteTruth(tmp_path / f"truth{len(opened)}.db", workflow, clock, SequentialIds(), synchronous="OFF")
        )
        opened.append(truth)
        return Bench(truth, workflow, clock)

    yield build
    for truth in opened:
        truth.close()


@pytest.fixture
def bench(make: Callable[[], Bench]) -> Bench:
    return make()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driving, "PAGE", 3)
