"""Functions in the local server: packed, deployed under roles of their own, called by streams, news and queues over HTTP."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from parjanya.profiles.deploying import deploy
from parjanya.profiles.functions import settings_of
from parjanya.workflow import image_workflow
from tbie.backends.aws.changes import pattern
from tbie.backends.aws.client import Clients
from tbie.backends.aws.intent import SqsIntent
from tbie.backends.aws.permissions import Scope
from tbie.backends.aws.truth import DynamoTruth
from tbie.core.clock import SystemClock
from tbie.core.ids import RandomIds
from tbie.testing.aws.policies import ACCOUNT, document, statements
from tbie.testing.aws.server import LocalServer

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "infra" / "functions"))
import build

WINDOW_S, BATCH = 5, 50


def packages(out: Path, *names: str) -> Path:
    """The packages of *names*, made of this environment."""
    assert build.main([*names, "--out", str(out), "--machine", "here"]) == 0
    return out


class Deployment:
    """One system on the server, with functions."""

    def __init__(self, server: LocalServer, prefix: str, zips: Path) -> None:
        self.server, self.zips, self.prefix = server, zips, prefix
        self.clients: Clients = server.clients(prefix)
        self.place = self.clients.place
        self.workflow, self.clock = image_workflow(), SystemClock()
        self.settings = settings_of({})
        deploy(self.clients, self.settings)
        self.truth = DynamoTruth(self.clients, self.workflow, self.clock, RandomIds())
        stages = [stage.name for stage in self.workflow.stages]
        self.intent = SqsIntent(self.clients, self.clock, self.settings.retention_s, stages, count_settle_s=0.0)
        self.iam, self.aws_lambda = self.clients.of("iam"), self.clients.of("lambda")

    # -- roles

    def statements(self, component: str, *without: str) -> list[dict[str, Any]]:
        """What *component* may do on AWS, but for the actions *without*."""
        scope = Scope(self.place, [stage.name for stage in self.workflow.stages], self.workflow.pools, ACCOUNT)
        return statements([component], scope, without)

    def role(self, name: str, allowed: list[dict[str, Any]]) -> str:
        """A role with these permissions and no others."""
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        full = f"{self.prefix}-{name}"
        made = self.iam.create_role(
            RoleName=full, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )
        self.permit(name, allowed)
        return str(made["Role"]["Arn"])

    def permit(self, name: str, allowed: list[dict[str, Any]]) -> None:
        """From now on, this is what the role of *name* may do."""
        writing = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
        log = {"Effect": "Allow", "Action": writing, "Resource": ["*"]}
        policy = document([*allowed, log])
        self.iam.put_role_policy(RoleName=f"{self.prefix}-{name}", PolicyName="may", PolicyDocument=json.dumps(policy))

    # -- functions

    def function(self, name: str, allowed: list[dict[str, Any]], timeout_s: int = 60, **environment: str) -> str:
        """Deploy *name*; returns its ARN."""
        given = {"PARJANYA_PREFIX": self.prefix, "PARJANYA_BUCKET": self.place.bucket, "PARJANYA_FLEET": "{}"}
        made = self.aws_lambda.create_function(
            FunctionName=f"{self.prefix}-{name}",
            Runtime="python3.13",
            Role=self.role(name, allowed),
            Handler=f"parjanya.functions.{name}.handler",
            Timeout=timeout_s,
            MemorySize=1024,
            Code={"ZipFile": (self.zips / f"{name}.zip").read_bytes()},
            Environment={"Variables": {**given, **environment}},
        )
        return str(made["FunctionArn"])

    def call(self, name: str, event: object) -> tuple[Any, str | None]:
        """Call *name* and wait; what it answered, and how it failed if it did."""
        answer = self.aws_lambda.invoke(FunctionName=f"{self.prefix}-{name}", Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read()), answer.get("FunctionError")

    def follow(self, name: str) -> None:
        """Let the stream of open work call *name*."""
        stream = self.clients.dynamodb.describe_table(TableName=self.place.table("open"))["Table"]["LatestStreamArn"]
        wanted = {"Filters": [{"Pattern": json.dumps(pattern([stage.name for stage in self.workflow.stages]))}]}
        self.aws_lambda.create_event_source_mapping(
            EventSourceArn=stream,
            FunctionName=f"{self.prefix}-{name}",
            StartingPosition="TRIM_HORIZON",
            BatchSize=BATCH,
            MaximumBatchingWindowInSeconds=WINDOW_S,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            FilterCriteria=wanted,
        )

    def live(self, stage: str) -> int:
        """Messages in the queue of *stage*."""
        url = self.clients.sqs.get_queue_url(QueueName=self.place.queue(stage))["QueueUrl"]
        return int(
            self.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"][
                "ApproximateNumberOfMessages"
            ]
        )

    def lines(self, name: str) -> list[dict[str, Any]]:
        """What *name* has told so far."""
        logs = self.clients.of("logs")
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{self.prefix}-{name}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        texts = [line for event in events for line in event["message"].splitlines()]
        return [json.loads(text) for text in texts if text.startswith("{")]


def until(holds: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until *holds*; the server's own threads do the work."""
    end_s, pause = time.monotonic() + seconds, threading.Event()
    while not holds():
        assert time.monotonic() < end_s, f"not within {seconds:g} s"
        pause.wait(0.05)


__all__ = ["Deployment", "build", "packages", "until"]
