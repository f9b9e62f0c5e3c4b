"""A control plane deployed into the local server, looked at as `doctor` does: what is right passes, each defect is named.

Roles, functions, the stream's mapping, the schedule and the alarm are the server's own; only the functions' code is empty, since
nobody calls them. What no such server has (groups, images) is compared in ``test_deployed`` on answers.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass

import pytest

from tbie.backends.aws import deployed_control as control
from tbie.backends.aws.changes import BATCH, WINDOW_S, pattern_text
from tbie.backends.aws.client import Clients
from tbie.backends.aws.permissions import GRANTS, Scope, arns
from tbie.backends.aws.queues import attributes_of, create_queues
from tbie.core.settings import Settings
from tbie.testing.builders import chain

ACCOUNT = "000000000000"
WORKFLOW = chain("a", "b")
STAGES = [stage.name for stage in WORKFLOW.stages]
TRUSTS_LAMBDA = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@dataclass
class Deployed:
    """What the templates make of the control plane, as far as the server has it."""

    clients: Clients

    def name(self, component: str) -> str:
        return f"{self.clients.place.prefix}-{component}"

    def role(self, component: str, without: str | None = None) -> str:
        """A role with the permissions of *component*, but for the action *without*; its ARN."""
        iam, scope = self.clients.of("iam"), Scope(self.clients.place, STAGES, WORKFLOW.pools, ACCOUNT)
        if without is None:
            iam.create_role(RoleName=self.name(component), AssumeRolePolicyDocument=json.dumps(TRUSTS_LAMBDA))
        statements = [
            {"Effect": "Allow", "Action": actions, "Resource": arns(grant.kind, scope)}
            for grant in GRANTS[component]
            if (actions := [action for action in grant.actions if action != without])
        ]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName=self.name(component), PolicyName="own", PolicyDocument=document)
        return f"arn:aws:iam::{ACCOUNT}:role/{self.name(component)}"

    def function(self, component: str) -> None:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as packed:
            packed.writestr("nothing.py", "def handler(event, context):\n    return None\n")
        self.clients.of("lambda").create_function(
            FunctionName=self.name(component),
            Role=self.role(component),
            Runtime="python3.11",
            Handler="nothing.handler",
            Code={"ZipFile": code.getvalue()},
        )

    def mapping(self, stages: list[str]) -> str:
        """The stream of open work calls the reconciler for *stages*; the identifier of the mapping."""
        table = self.clients.dynamodb.describe_table(TableName=self.clients.place.table("open"))["Table"]
        url = self.clients.sqs.create_queue(QueueName=self.name("failures"))["QueueUrl"]
        made = self.clients.of("lambda").create_event_source_mapping(
            FunctionName=self.name("reconcile"),
            EventSourceArn=table["LatestStreamArn"],
            StartingPosition="TRIM_HORIZON",
            BatchSize=BATCH,
            MaximumBatchingWindowInSeconds=WINDOW_S,
            MaximumRetryAttempts=5,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            FilterCriteria={"Filters": [{"Pattern": pattern_text(stages)}]},
            DestinationConfig={
                "OnFailure": {"Destination": attributes_of(self.clients, url, ("QueueArn",))["QueueArn"]}
            },
        )
        return str(made["UUID"])

    def alarm(self, silence: str) -> None:
        self.clients.of("cloudwatch").put_metric_alarm(
            AlarmName=self.name(control.HEARTBEAT_ALARM),
            Namespace="TBIE",
            MetricName="Heartbeat",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=3,
            Threshold=1,
            ComparisonOperator="LessThanThreshold",
            TreatMissingData=silence,
            AlarmActions=[f"arn:aws:sns:{self.clients.place.region}:{ACCOUNT}:somebody"],
        )


@pytest.fixture
def deployed(aws: Clients) -> Deployed:
    """Queues, and a function with its role for each component that is one."""
    create_queues(aws, WORKFLOW, Settings())
    found = Deployed(aws)
    for component in control.FUNCTIONS:
        found.function(component)
    return found


def test_roles_that_are_made_of_the_list_may_do_everything_on_it(deployed: Deployed) -> None:
    seen = control.look_at_permissions(deployed.clients, WORKFLOW)
    assert seen.problems == ()
    assert sum(len(grant.actions) for name in control.FUNCTIONS for grant in GRANTS[name]) > 50, (
        "there is something to try"
    )


@pytest.mark.parametrize("lost", ["sqs:GetQueueAttributes", "dynamodb:ConditionCheckItem"])
def test_a_permission_that_a_role_has_lost_is_named_with_what_stops_without_it(deployed: Deployed, lost: str) -> None:
    deployed.role("reconcile", without=lost)
    problems = control.look_at_permissions(deployed.clients, WORKFLOW).problems
    assert problems
    assert all(told.startswith(f"reconcile may not {lost} on ") for told in problems)


def test_a_function_that_is_not_there_is_unreadable_and_no_pass(deployed: Deployed) -> None:
    deployed.clients.of("lambda").delete_function(FunctionName=deployed.name("sweep"))
    with pytest.raises(control.DeploymentUnreadableError, match="sweep"):
        control.look_at_permissions(deployed.clients, WORKFLOW)


def test_the_clock_that_calls_the_sweep_has_to_run(deployed: Deployed) -> None:
    events, rule = deployed.clients.of("events"), deployed.name("sweep")
    with pytest.raises(control.DeploymentUnreadableError, match=rule):
        control.look_at_functions(deployed.clients)
    events.put_rule(Name=rule, ScheduleExpression="rate(1 minute)", State="ENABLED")
    assert control.look_at_functions(deployed.clients).problems == ()
    events.disable_rule(Name=rule)
    assert "nothing repairs itself" in control.look_at_functions(deployed.clients).problems[0]


def test_the_stream_tells_the_reconciler_of_every_stage(deployed: Deployed) -> None:
    assert "no stream calls" in control.look_at_stream_filter(deployed.clients, WORKFLOW).problems[0]
    mapping = deployed.mapping(STAGES)
    assert control.look_at_stream_filter(deployed.clients, WORKFLOW).problems == ()
    deployed.clients.of("lambda").update_event_source_mapping(
        UUID=mapping, FilterCriteria={"Filters": [{"Pattern": pattern_text(["a"])}]}
    )
    (told,) = control.look_at_stream_filter(deployed.clients, WORKFLOW).problems
    assert "stage b passes no filter" in told


def test_silence_has_to_be_an_alarm(deployed: Deployed) -> None:
    assert "looks like an idle one" in control.look_at_alarms(deployed.clients).problems[0]
    deployed.alarm("breaching")
    assert control.look_at_alarms(deployed.clients).problems == ()
    deployed.alarm("notBreaching")
    assert "must be breaching" in control.look_at_alarms(deployed.clients).problems[0]
