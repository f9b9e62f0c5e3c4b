"""Incidents where the stores are AWS's interfaces: tables, queues and a bucket of a local server, reached over HTTP.

As in the other modules, what must hold at any speed is asserted; detection is bounded in diagnoses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import pytest

from parjanya.cli.main import run as program
from parjanya.drills.any_scene import AnyScene
from parjanya.drills.report import Report, remarks
from parjanya.drills.run import Ground, run
from tbie.testing.aws.needed import needed_interpreter
from tbie.testing.on_demand import on_demand

Drilled = Callable[[str], Report]

everything = on_demand("about 20 s of two cores (`parjanya drill --profile aws all` runs them too)")
"""Of nine, those that are only drilled on demand. The others stand for the two ways to hurt it: work that is gone, and a control
plane that cannot see."""


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


@everything
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


@everything
def test_a_message_for_another_bucket_is_put_right_and_burns_no_attempt(drilled_on_aws: Drilled) -> None:
    report = drilled_on_aws("misrouted_intent")
    assert (report.drill.code, report.drill.boundary) == ("misrouted_intent", "intent")
    assert report.measures["misrouted_messages"] == 10
    assert "refused at construction" in str(report.guardrail)


@everything
def test_messages_that_sqs_dropped_for_their_age_are_told_apart_and_sent_again(drilled_on_aws: Drilled) -> None:
    report = drilled_on_aws("intent_expired")
    assert (report.drill.code, report.drill.boundary) == ("intent_expired", "intent")
    assert (report.measures["messages_before"], report.measures["messages_after"]) == (10, 0)
    assert "keeps messages for 60 s" in str(report.guardrail)


@everything
def test_many_sweeps_do_not_swell_the_queue_and_stray_messages_drain(drilled_on_aws: Drilled) -> None:
    report = drilled_on_aws("replay_storm")
    assert (report.drill.code, report.drill.boundary) == ("replay_storm", "intent")
    assert int(str(report.measures["deepest_queue"])) <= int(str(report.measures["open_stages"]))
    assert int(str(report.measures["stray_messages"])) > int(str(report.measures["open_stages"]))


@everything
def test_instances_on_which_no_worker_comes_up_are_a_bootstrap_silence(drilled_on_aws: Drilled) -> None:
    report = drilled_on_aws("stale_image_tag")
    assert (report.drill.code, report.drill.boundary) == ("bootstrap_silence", "execution")
    assert (report.measures["desired"], report.measures["instances_running"]) == (1, 1)


@everything
def test_workers_that_lack_a_declared_file_decline_and_spend_no_receive(drilled_on_aws: Drilled) -> None:
    report = drilled_on_aws("incomplete_model")
    assert (report.drill.code, report.drill.boundary) == ("execution_drift", "execution")
    assert report.measures["receives_spent"] == 0
    assert report.measures["intents_waiting"] == 10


@everything
def test_a_tenant_that_the_stream_never_showed_is_served_by_the_sweep(drilled_on_aws: Drilled) -> None:
    report = drilled_on_aws("undiscovered_tenant")
    assert (report.drill.code, report.drill.boundary) == ("undiscovered_tenant", "control-plane")


@pytest.fixture
def place(on_aws: Ground) -> Iterator[AnyScene]:
    """An instance on the server in which nothing happens."""
    scene = on_aws.make(on_aws.root / "doctor", on_aws.shoot, on_aws.clock, on_aws.stopped)
    yield scene
    scene.end()


def examined(scene: AnyScene) -> dict[str, str]:
    """What `doctor` says that is not a pass, by guardrail."""
    with redirect_stdout(StringIO()) as said:
        program(["doctor", "--profile", "aws", "--home", str(scene.home), "--json"])
    rails = json.loads(said.getvalue())["guardrails"]
    return {rail["name"]: rail["detail"] for rail in rails if rail["result"] != "pass"}


def test_doctor_passes_what_is_deployed_and_names_what_was_spoiled(place: Any) -> None:
    assert examined(place) == {}
    place.retention(60)
    anybody = {"AllowedMethods": ["PUT"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"]}
    bucket = place.clients.place.bucket
    place.clients.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [anybody]})
    found = examined(place)
    assert {"aws_queues", "aws_outage_window", "aws_bucket"} <= found.keys()
    assert "lets scripts of any page upload" in found["aws_bucket"]
    assert "keeps messages for 60 s" in found["aws_outage_window"]
    table = place.clients.place.table("open")
    place.clients.dynamodb.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    assert "stream" in place.guardrail("aws_tables")
