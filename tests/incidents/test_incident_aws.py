"""Incidents where the stores are AWS's interfaces: tables, queues and a bucket of a local server, reached over HTTP.

As in the other modules, what must hold at any speed is asserted; detection is bounded in diagnoses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from parjanya.drills.report import Report, remarks
from parjanya.drills.run import Ground, run
from tbie.testing.aws.needed import needed_interpreter

Drilled = Callable[[str], Report]


@pytest.fixture(scope="module")
def on_aws(common: Ground) -> Iterator[Ground]:
    """The pictures and their answers, and a server for all of these tests."""
    needed_interpreter()
    from parjanya.drills.aws.ground import served

    with served(common) as found:
        yield found


@pytest.fixture
def drilled_on_aws(on_aws: Ground) -> Drilled:
    """Runs a drill, and holds it to what every drill promises."""

    def drill(name: str) -> Report:
        from parjanya.drills.aws.catalogue import BY_NAME
        from parjanya.drills.aws.scene import AwsScene

        report = run(BY_NAME[name], on_aws)
        words = "\n".join(remarks(report))
        assert report.detected is not None, words
        assert report.repaired_s is not None, words
        assert report.effects is not None
        assert (report.effects.lost, report.effects.duplicated, report.effects.differing) == ((), (), ()), words
        assert report.held, words
        assert report.effects.items == len(on_aws.shoot) * (2 if name == "undiscovered_tenant" else 1)
        assert report.detected.looks <= report.budget_s / AwsScene.look_every_s
        return report

    return drill


def test_messages_that_a_foreign_program_deleted_are_missed_by_their_number_and_sent_again(
    drilled_on_aws: Drilled,
) -> None:
    report = drilled_on_aws("intent_destroyed_early")
    assert (report.drill.code, report.drill.boundary) == ("intent_destroyed_early", "intent")
    assert report.measures["messages_deleted"] == 3


def test_a_purged_queue_is_found_by_its_counts_although_the_register_says_all_is_there(drilled_on_aws: Drilled) -> None:
    report = drilled_on_aws("truth_without_intent")
    assert (report.drill.code, report.drill.boundary) == ("truth_without_intent", "intent")
    assert report.measures["waiting_messages"] == 10


def test_a_denied_permission_is_a_blind_control_plane_that_goes_on_emitting_and_lets_nobody_go(
    drilled_on_aws: Drilled,
) -> None:
    report = drilled_on_aws("control_plane_blind")
    assert (report.drill.code, report.drill.boundary) == ("control_plane_blind", "control-plane")
    assert int(str(report.measures["unreadable"])) > 0
    assert "emitted_while_blind_s" in report.measures
