"""The templates, deployed through CloudFormation into the local server: what comes out is what the program expects to find.

Each thing that this server refuses or does not know is listed with what it says; a newer one that takes it turns this red.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from parjanya.workflow import image_workflow
from tbie.backends.aws import queues, tables
from tbie.backends.aws.client import ClientError, Clients
from tbie.backends.aws.place import TABLES
from tbie.core.errors import IntentUnavailableError
from tbie.core.settings import Settings
from tbie.testing.aws.server import REGION, LocalServer, interpreter
from tbie.testing.on_demand import on_demand

pytestmark = [pytest.mark.timeout(600), on_demand("a synthesis and four stacks: a minute of two cores")]
ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "infra"))
import declare  # noqa: E402 - the path comes first

CONTROLLED = ("truth", "intent", "execution", "control")
UNKNOWN_TYPES = {
    "AWS::Backup::BackupSelection": "the server has no backups",
    "AWS::AutoScaling::WarmPool": "the server has no warm pools",
}
PLAIN_S3 = "the server's own S3 speaks plainly to its queues; AWS's does not, so a queue may insist on TLS there"
METRIC_MATH = "alarms on an expression are not supported"
ORIGIN = "https://app.example.com"


def cdk() -> Path | None:
    """The Python of the CDK's environment: ``PARJANYA_CDK``, or where ``./run`` puts it; None if it is absent."""
    named = os.environ.get("PARJANYA_CDK")
    found = Path(named) if named else Path(sys.prefix) / "cdk" / "bin" / "python"
    return found if found.exists() else None


def absent(what: str) -> None:
    if os.environ.get("PARJANYA_REQUIRE_AWS") == "1":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that ``app.py`` wrote."""
    python = cdk()
    if python is None:
        absent("the CDK's environment is not installed: ./run cdk")
        raise AssertionError
    folder = tmp_path_factory.mktemp("assembly")
    command = [str(python), str(ROOT / "infra/cdk/app.py"), "--look", str(folder)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=kept, cwd=folder)
    assert done.returncode == 0, done.stderr[-3_000:]
    return folder


@dataclass
class Deployment:
    """One server with the stacks in it."""

    server: LocalServer
    clients: Clients
    templates: dict[str, Any]
    store: str
    left_out: list[tuple[str, str]] = field(default_factory=list)
    """Type of a resource, and why the server would not have it as it is."""

    def template(self, stack: str) -> str:
        """Put the template where CloudFormation can read it: most are larger than what a call may carry."""
        body = json.dumps(self.templates[stack], separators=(",", ":"))
        self.clients.s3.put_object(Bucket=self.store, Key=f"{stack}.json", Body=body.encode())
        return f"{self.server.url}/{self.store}/{stack}.json"

    def create(self, stack: str, made_up: str | None = "nothing") -> None:
        """Deploy one stack. Raises ClientError where the server refuses the template."""
        formation = self.clients.of("cloudformation")
        told = [] if made_up is None else [{"ParameterKey": "MadeUp", "ParameterValue": made_up}]
        name = f"parjanya-{stack}"
        capable = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
        formation.create_stack(StackName=name, TemplateURL=self.template(stack), Parameters=told, Capabilities=capable)
        formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})

    def drop_unknown(self, stack: str) -> None:
        """Take out of the template what the server does not have, and note it."""
        resources = self.templates[stack]["Resources"]
        for name, one in list(resources.items()):
            reason = UNKNOWN_TYPES.get(one["Type"]) or (METRIC_MATH if "Metrics" in one["Properties"] else None)
            if reason is not None:
                self.left_out.append((one["Type"], reason))
                del resources[name]
            if name.startswith("ObjectsArrivalsPolicy"):
                document = one["Properties"]["PolicyDocument"]
                document["Statement"] = [each for each in document["Statement"] if each["Effect"] == "Allow"]
                self.left_out.append(("AWS::SQS::QueuePolicy", PLAIN_S3))


@pytest.fixture(scope="module")
def empty(assembly: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A server that the stacks can be deployed into."""
    python = interpreter()
    if python is None:
        absent("the local AWS server is not installed: ./run aws-server")
        raise AssertionError
    with LocalServer(python, tmp_path_factory.mktemp("aws")) as server:
        clients = server.clients("parjanya")
        clients.of("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
        account = clients.of("sts").get_caller_identity()["Account"]
        store = f"cdk-hnb659fds-assets-{account}-{REGION}"
        clients.s3.create_bucket(Bucket=store, CreateBucketConfiguration={"LocationConstraint": REGION})
        for asset in assembly.glob("asset.*.zip"):
            clients.s3.put_object(Bucket=store, Key=asset.name.removeprefix("asset."), Body=asset.read_bytes())
        read = {stack: json.loads((assembly / f"parjanya-{stack}.template.json").read_text()) for stack in CONTROLLED}
        yield Deployment(server, clients, read, store)
        clients.close()


@pytest.fixture(scope="module")
def deployed(empty: Deployment) -> Deployment:
    """All four stacks, less what the server does not have."""
    for stack in CONTROLLED:
        empty.drop_unknown(stack)
        empty.create(stack)
    return empty


def test_a_template_with_something_made_up_is_refused_by_cloudformation_itself(empty: Deployment) -> None:
    with pytest.raises(ClientError, match="made to be looked at"):
        empty.create("intent", made_up=None)


def test_what_the_server_does_not_have_is_known(empty: Deployment) -> None:
    whole = json.loads(json.dumps(empty.templates))
    for stack, kind in (("truth", "AWS::Backup::BackupSelection"), ("execution", "AWS::AutoScaling::WarmPool")):
        if any(one["Type"] == kind for one in whole[stack]["Resources"].values()):
            with pytest.raises(ClientError, match=rf"Unrecognized resource types: \[{kind}\]"):
                empty.create(stack)


def test_the_tables_are_those_that_the_program_expects(deployed: Deployment) -> None:
    """Recovery to a point in time and expiry of rows are asked of the template alone: this server switches on neither."""
    assert tables.problems(deployed.clients, TABLES) == []
    dynamodb = deployed.clients.dynamodb
    for table in tables.SCHEMA:
        name = deployed.clients.place.table(table.name)
        described = dynamodb.describe_table(TableName=name)["Table"]
        assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        assert bool(described.get("DeletionProtectionEnabled")) is table.durable


def test_queues_refuse_whoever_does_not_speak_tls_and_are_else_as_the_program_expects(deployed: Deployment) -> None:
    workflow = image_workflow(declare.ENGINES["transformers"])
    settings = Settings(**declare.declare("transformers")["settings"])
    with pytest.raises(IntentUnavailableError, match="AccessDenied"):  # this server speaks no TLS
        queues.drift(deployed.clients, workflow, settings)

    formation = deployed.clients.of("cloudformation")
    formation.delete_stack(StackName="parjanya-intent")
    formation.get_waiter("stack_delete_complete").wait(
        StackName="parjanya-intent", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    resources = deployed.templates["intent"]["Resources"]
    for name in [name for name, one in resources.items() if one["Type"] == "AWS::SQS::QueuePolicy"]:
        del resources[name]
    deployed.create("intent")

    assert queues.drift(deployed.clients, workflow, settings) == []
    assert tables.problems(deployed.clients, TABLES) == []  # the register came back, and Truth had stayed


def preflight(deployed: Deployment, origin: str, method: str = "PUT") -> int:
    """The status of what a browser asks before it uploads."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,if-none-match,x-amz-checksum-sha256",
    }
    bucket = next(
        one["Properties"]["BucketName"]
        for one in deployed.templates["truth"]["Resources"].values()
        if one["Type"] == "AWS::S3::Bucket"
    )
    request = urllib.request.Request(f"{deployed.server.url}/{bucket}/uploads/x", method="OPTIONS", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except HTTPError as refused:
        return refused.code


def test_the_bucket_lets_the_declared_page_upload_and_no_other(deployed: Deployment) -> None:
    assert preflight(deployed, ORIGIN) == 200
    assert preflight(deployed, "https://evil.example") == 403
    assert preflight(deployed, ORIGIN, "DELETE") == 403


def test_the_mapping_of_the_stream_tells_of_every_stage(deployed: Deployment) -> None:
    mappings = deployed.clients.of("lambda").list_event_source_mappings()["EventSourceMappings"]
    (changes,) = [one for one in mappings if ":dynamodb:" in one["EventSourceArn"]]
    (told,) = changes["FilterCriteria"]["Filters"]
    assert json.loads(told["Pattern"]) == declare.declare("transformers")["changes"]
    assert (changes["BatchSize"], changes["MaximumBatchingWindowInSeconds"]) == (50, 5)
    stream = deployed.clients.dynamodb.describe_table(TableName="parjanya-open")["Table"]["LatestStreamArn"]
    assert changes["EventSourceArn"] == stream


def test_functions_and_their_alarms_are_there(deployed: Deployment) -> None:
    functions = deployed.clients.of("lambda").list_functions()["Functions"]
    ours = {one["FunctionName"]: one for one in functions if one["FunctionName"].startswith("parjanya-")}
    assert set(ours) == {"parjanya-intake", "parjanya-reconcile", "parjanya-sweep"}
    alarms = {one["AlarmName"]: one for one in deployed.clients.of("cloudwatch").describe_alarms()["MetricAlarms"]}
    assert alarms["parjanya-heartbeat-absent"]["TreatMissingData"] == "breaching"
    assert {name for name in alarms if name.endswith("-coverage-gap")} == {
        f"parjanya-{stage['name']}-coverage-gap" for stage in declare.declare("transformers")["stages"]
    }


def test_a_launch_template_says_which_image_and_model_it_starts(deployed: Deployment) -> None:
    ec2 = deployed.clients.of("ec2")
    images = set()
    for template in ec2.describe_launch_templates()["LaunchTemplates"]:
        (version,) = ec2.describe_launch_template_versions(
            LaunchTemplateId=template["LaunchTemplateId"], Versions=["$Latest"]
        )["LaunchTemplateVersions"]
        tags = {
            tag["Key"]: tag["Value"]
            for each in version["LaunchTemplateData"]["TagSpecifications"]
            if each["ResourceType"] == "instance"
            for tag in each["Tags"]
        }
        images.add((tags["parjanya:pool"], tags["parjanya:image-tag"], re.sub("0+", "0", tags["parjanya:manifest"])))
    assert images == {("images", "made-up", "none"), ("vision", "made-up", "0")}


def test_what_was_left_out_is_all_that_was_left_out(deployed: Deployment) -> None:
    stages = declare.declare("transformers")["stages"]
    assert sorted(deployed.left_out) == sorted(
        [
            *UNKNOWN_TYPES.items(),
            ("AWS::SQS::QueuePolicy", PLAIN_S3),
            *[("AWS::CloudWatch::Alarm", METRIC_MATH)] * 4,  # silence and not-realised of each pool
            *[("AWS::CloudWatch::Alarm", METRIC_MATH)] * len(stages),  # dead letters of each stage
        ]
    )
