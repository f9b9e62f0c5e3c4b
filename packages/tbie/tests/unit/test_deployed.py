"""What `doctor` says of a deployment: each defect that an incident was made of is told, and what is right is not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tbie.backends.aws.bucket import PUBLIC_ACCESS_BLOCK, Origins, cors
from tbie.backends.aws.changes import pattern, pattern_text, unlike
from tbie.backends.aws.deployed import bucket_problems, endpoint_problems
from tbie.backends.aws.deployed_control import (
    HEARTBEAT_ALARM,
    alarm_problems,
    function_problems,
    image_problems,
    mapping_problems,
)
from tbie.backends.aws.place import Place
from tbie.core.reading import Known, Unknown
from tbie.core.settings import Settings
from tbie.guardrails import CLOUD_GUARDRAILS, Looked, Result, Surroundings, examine

STAGES = ("technical", "observe")
PLACE = Place("eu-central-1", "demo", "demo-objects")
BOUND = ("image", "model")


class TestTheFilterOfTheStream:
    def test_the_one_that_is_made_of_the_stages_is_right(self) -> None:
        assert unlike([pattern_text(STAGES)], STAGES) == []

    def test_one_filter_for_each_stage_is_as_good(self) -> None:
        assert unlike([pattern_text([stage]) for stage in STAGES], STAGES) == []

    def test_a_stage_that_no_filter_lets_through_is_named(self) -> None:
        (told,) = unlike([pattern_text(["technical"])], STAGES)
        assert "observe passes no filter" in told

    def test_a_stage_that_does_not_exist_any_more_is_named(self) -> None:
        (told,) = unlike([pattern_text([*STAGES, "old"])], STAGES)
        assert "'old'" in told

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda body: body.update(eventName=["INSERT"]),
            lambda body: body["dynamodb"]["NewImage"].update(kind={"S": ["failed"]}),
            lambda body: body["dynamodb"].pop("NewImage"),
        ],
        ids=["changes of an open row", "another kind of row", "no image at all"],
    )
    def test_a_filter_that_misses_open_work_lets_no_stage_through(self, spoil: Callable[[Any], object]) -> None:
        body = copy.deepcopy(pattern(STAGES))
        spoil(body)
        assert len(unlike([json.dumps(body)], STAGES)) == len(STAGES)

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "1"])
    def test_what_is_no_filter_is_told_and_never_taken_for_one(self, text: str) -> None:
        assert unlike([text], STAGES) != []

    def test_no_filter_at_all_is_told(self) -> None:
        assert "not filtered" in unlike([], STAGES)[0]


def mapping(**changed: Any) -> dict[str, Any]:
    """A mapping of the stream as it should be, but for what is *changed*."""
    return {
        "EventSourceArn": "arn:aws:dynamodb:eu-central-1:1:table/demo-open/stream/now",
        "State": "Enabled",
        "FilterCriteria": {"Filters": [{"Pattern": pattern_text(STAGES)}]},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:eu-central-1:1:demo-failures"}},
        "MaximumRetryAttempts": 5,
        **changed,
    }


class TestWhatCallsTheReconciler:
    def test_a_mapping_as_it_should_be_has_no_problem(self) -> None:
        assert mapping_problems("demo-reconcile", [mapping()], STAGES) == []

    @pytest.mark.parametrize(
        ("changed", "word"),
        [
            ({"State": "Disabled"}, "Disabled"),
            ({"FunctionResponseTypes": []}, "which record failed"),
            ({"DestinationConfig": None}, "failure destination"),
            ({"MaximumRetryAttempts": -1}, "blocks its shard"),
            ({"FilterCriteria": None}, "not filtered"),
        ],
    )
    def test_each_defect_is_told(self, changed: dict[str, Any], word: str) -> None:
        (told,) = mapping_problems("demo-reconcile", [mapping(**changed)], STAGES)
        assert word in told

    def test_a_function_that_only_a_queue_calls_is_told_of_no_change(self) -> None:
        queue = mapping(EventSourceArn="arn:aws:sqs:eu-central-1:1:demo-arrivals")
        assert "no stream" in mapping_problems("demo-reconcile", [queue], STAGES)[0]


class TestTheBucket:
    def rules(self, *origins: str) -> list[dict[str, Any]]:
        return list(cors(Origins(origins or ("https://photos.example",)))["CORSRules"])

    def test_the_pair_as_it_is_made_has_no_problem(self) -> None:
        assert bucket_problems("demo", PUBLIC_ACCESS_BLOCK, self.rules()) == []
        assert bucket_problems("demo", PUBLIC_ACCESS_BLOCK, None) == [], "no browser uploads: nothing to allow"

    @pytest.mark.parametrize("half", sorted(PUBLIC_ACCESS_BLOCK))
    def test_each_half_of_the_block_is_missed(self, half: str) -> None:
        (told,) = bucket_problems("demo", {**PUBLIC_ACCESS_BLOCK, half: False}, self.rules())
        assert half in told

    def test_a_bucket_without_a_block_may_be_made_public(self) -> None:
        assert "may be made public" in bucket_problems("demo", None, self.rules())[0]

    @pytest.mark.parametrize("origin", ["*", "https://*.example"])
    def test_an_origin_that_stands_for_many_is_told(self, origin: str) -> None:
        (rule,) = self.rules()
        (told,) = bucket_problems("demo", PUBLIC_ACCESS_BLOCK, [{**rule, "AllowedOrigins": [origin]}])
        assert origin in told

    def test_a_rule_that_refuses_the_signed_headers_is_told(self) -> None:
        (rule,) = self.rules()
        (told,) = bucket_problems("demo", PUBLIC_ACCESS_BLOCK, [{**rule, "AllowedHeaders": ["content-type"]}])
        assert "x-amz-checksum-sha256" in told

    def test_a_rule_that_lets_browsers_read_is_told(self) -> None:
        (rule,) = self.rules()
        (told,) = bucket_problems("demo", PUBLIC_ACCESS_BLOCK, [{**rule, "AllowedMethods": ["PUT", "GET"]}])
        assert "GET" in told


class TestTheEndpoint:
    def test_the_endpoint_of_the_region_is_right(self) -> None:
        assert endpoint_problems(PLACE, "https://s3.eu-central-1.amazonaws.com", "eu-central-1") == []

    def test_the_global_endpoint_is_told_because_it_redirects(self) -> None:
        (told,) = endpoint_problems(PLACE, "https://s3.amazonaws.com", "eu-central-1")
        assert "redirect" in told

    def test_a_bucket_in_another_region_is_told(self) -> None:
        (told,) = endpoint_problems(PLACE, "https://s3.eu-central-1.amazonaws.com", "us-west-2")
        assert "us-west-2" in told


def template(**tags: str) -> dict[str, Any]:
    """A launch template that says these tags of its instances."""
    specified = [{"Key": key, "Value": value} for key, value in tags.items()]
    return {"TagSpecifications": [{"ResourceType": "instance", "Tags": specified}]}


class TestTheImageOfAGroup:
    def image(self, **tags: str) -> list[dict[str, Any]]:
        return [{"ImageId": "ami-1", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]

    def test_a_pair_has_no_problem(self) -> None:
        assert (
            image_problems("g", "ami-1", template(image="v2", model="m"), self.image(image="v2", model="m"), BOUND)
            == []
        )

    def test_an_image_that_does_not_exist_is_told_as_what_it_does(self) -> None:
        (told,) = image_problems("g", "ami-1", template(), [], BOUND)
        assert "ami-1, which does not exist" in told

    def test_a_model_that_is_not_in_the_image_is_told(self) -> None:
        (told,) = image_problems(
            "g", "ami-1", template(image="v2", model="m2"), self.image(image="v2", model="m1"), BOUND
        )
        assert "m2" in told
        assert "m1" in told

    def test_an_image_that_says_nothing_is_not_taken_for_a_match(self) -> None:
        assert len(image_problems("g", "ami-1", template(), self.image(), BOUND)) == 2


class TestTheFunctions:
    @pytest.mark.parametrize("state", ["Active", "Pending", "Inactive"])
    def test_one_that_runs_or_will_has_no_problem(self, state: str) -> None:
        assert function_problems("demo-sweep", {"State": state, "LastUpdateStatus": "Successful"}) == []

    @pytest.mark.parametrize(
        ("answer", "word"),
        [
            ({"State": "Failed", "StateReason": "no such subnet"}, "no such subnet"),
            ({"State": "Failed"}, "no reason"),
            ({"State": "Active", "LastUpdateStatus": "Failed", "LastUpdateStatusReason": "image gone"}, "image gone"),
        ],
    )
    def test_one_that_could_not_be_made_or_changed_is_told_with_why(self, answer: dict[str, Any], word: str) -> None:
        (told,) = function_problems("demo-sweep", answer)
        assert word in told


class TestTheAlarms:
    def alarms(self, **changed: Any) -> dict[str, Any]:
        return {f"demo-{HEARTBEAT_ALARM}": {"TreatMissingData": "breaching", "AlarmActions": ["topic"], **changed}}

    def test_silence_that_breaches_and_tells_somebody_has_no_problem(self) -> None:
        assert alarm_problems("demo-", self.alarms()) == []

    def test_no_alarm_for_silence_is_told(self) -> None:
        assert "looks like an idle one" in alarm_problems("demo-", {})[0]

    @pytest.mark.parametrize(
        ("changed", "word"),
        [
            ({"TreatMissingData": "missing"}, "breaching"),
            ({"TreatMissingData": "notBreaching"}, "breaching"),
            ({"AlarmActions": []}, "tells nobody"),
            ({"ActionsEnabled": False}, "tells nobody"),
        ],
    )
    def test_each_defect_is_told(self, changed: dict[str, Any], word: str) -> None:
        (told,) = alarm_problems("demo-", self.alarms(**changed))
        assert word in told


class TestTheGuardrails:
    def around(self, reading: Known[object] | Unknown) -> Surroundings:
        return Surroundings(Settings(), cloud={rail.name: reading for rail in CLOUD_GUARDRAILS})

    def results(self, around: Surroundings) -> set[Result]:
        return {each.found.result for each in examine(CLOUD_GUARDRAILS, around)}

    def test_a_problem_fails_and_none_passes(self) -> None:
        assert self.results(self.around(Known(Looked(("wrong",), "well"), "aws", 0))) == {Result.FAIL}
        assert self.results(self.around(Known(Looked((), "well"), "aws", 0))) == {Result.PASS}

    @pytest.mark.parametrize("reading", [Unknown("denied", "aws", 0), Known("nonsense", "aws", 0)])
    def test_what_could_not_be_read_is_unknown_and_no_pass(self, reading: Known[object] | Unknown) -> None:
        assert self.results(self.around(reading)) == {Result.UNKNOWN}

    def test_what_nobody_looked_at_is_unknown(self) -> None:
        assert self.results(Surroundings(Settings())) == {Result.UNKNOWN}

    def test_each_names_its_incident_and_what_to_do(self) -> None:
        assert all(rail.incident and rail.remedy for rail in CLOUD_GUARDRAILS)
        assert len({rail.name for rail in CLOUD_GUARDRAILS}) == len(CLOUD_GUARDRAILS)
