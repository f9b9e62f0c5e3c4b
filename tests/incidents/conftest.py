"""Each incident of the catalogue, injected into a running instance. What a drill is: docs/operations/drills.md.

A test asserts what must hold at any speed, and bounds detection in diagnoses instead of seconds: a busy machine slows the
instance and whoever watches it alike. `parjanya drill all` holds the seconds too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parjanya.drills.catalogue import BY_NAME
from parjanya.drills.report import Report, remarks
from parjanya.drills.run import Ground, ground, run
from parjanya.drills.scene import LOOK_EVERY_S

Drilled = Callable[[str], Report]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A drill waits for several processes to start, one after the other."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def common() -> Iterator[Ground]:
    """The pictures, and what they come to without an incident."""
    with ground() as found:
        yield found


@pytest.fixture
def drilled(common: Ground) -> Drilled:
    """Runs a drill, and holds it to what every drill promises."""

    def drill(name: str) -> Report:
        report = run(BY_NAME[name], common)
        if report.cannot_run is not None:
            pytest.skip(report.cannot_run)
        words = "\n".join(remarks(report))
        assert report.detected is not None, words
        assert report.repaired_s is not None, words
        assert report.effects is not None
        assert (report.effects.lost, report.effects.duplicated, report.effects.differing) == ((), (), ()), words
        assert report.held, words
        assert report.effects.items == len(common.shoot) * (2 if name == "undiscovered_tenant" else 1)
        assert report.detected.looks <= report.budget_s / LOOK_EVERY_S, f"detected only by look {report.detected.looks}"
        return report

    return drill
