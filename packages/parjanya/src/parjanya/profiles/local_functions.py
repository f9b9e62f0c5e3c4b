"""The functions in a local server: each under a role of its own, and called by what calls it on AWS, where templates deploy them.

    uploads in the bucket ──▶ queue ``arrivals`` ──▶ ``intake``
    stream of the table ``open``, filtered ────────▶ ``reconcile``
    a rule, every minute ──────────────────────────▶ ``sweep``

Callers: ``parjanya aws up`` and ``aws demo``; tests, which also deploy less than all and take permissions away. Numbers are those
of ``infra/cdk``. The server runs a function as a process of this machine, with the Python it was packed for (``--machine here``).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from parjanya.catalog.uploads import BUCKET
from parjanya.profiles.declared_profile import ProfileError
from tbie.backends.aws.changes import pattern
from tbie.backends.aws.client import ClientError, Clients
from tbie.backends.aws.permissions import Scope
from tbie.testing.aws.policies import ACCOUNT, document, statements
from tbie.workflow import Workflow

BATCH, WINDOW_S, RETRIES, RECORD_AGE_S = 50, 5, 5, 6 * 3_600
"""Changes for one call of ``reconcile``, how long it is waited for so many, and how long one that fails holds up its shard."""
ARRIVALS, ARRIVAL_RECEIVES = 10, 5
"""News for one call of ``intake``, and how often it is tried before it is a dead letter."""
_LOGGING = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")


class _Function(NamedTuple):
    timeout_s: int
    memory_mib: int


FUNCTIONS: Mapping[str, _Function] = {
    "intake": _Function(60, 1769),
    "reconcile": _Function(60, 1024),
    "sweep": _Function(300, 1024),
}
"""By name, which is also that of its package, and of its permissions."""


class LocalFunctions:
    """Functions of the system at the place of *clients*, whose tables, queues and bucket are there.

    Args:
        environment: what every function is told beside where its system is.
    """

    def __init__(self, clients: Clients, workflow: Workflow, environment: Mapping[str, str] | None = None) -> None:
        self._clients, self._workflow, self._environment = clients, workflow, dict(environment or {})
        self._place = clients.place
        self._lambda = clients.of("lambda")

    def deploy(self, packages: Path) -> None:
        """All three, from the zip files in the folder *packages*, with what calls them. Done again, it brings code up to date.

        Raises:
            ProfileError: a package is missing, or the server refuses something.
        """
        files = {name: packages / f"{name}.zip" for name in FUNCTIONS}
        missing = [file for file in files.values() if not file.is_file()]
        if missing:
            words = f"there is no {missing[0]}"
            raise ProfileError(f"{words}: infra/functions/build.py --machine here --out FOLDER packs the functions")
        try:
            for name, file in files.items():
                self.make(name, file, self.allowed(name))
            self.on_changes("reconcile")
            self.on_arrivals("intake")
            self.on_schedule("sweep")
        except ClientError as error:
            raise ProfileError(f"the functions could not be deployed: {error}") from error

    # -- roles

    def allowed(self, component: str, *without: str) -> list[dict[str, Any]]:
        """The statements of what *component* may do on AWS, but for the actions *without*."""
        scope = Scope(self._place, [stage.name for stage in self._workflow.stages], self._workflow.pools, ACCOUNT)
        return statements([component], scope, without)

    def permit(self, name: str, allowed: Sequence[dict[str, Any]]) -> None:
        """From now on, this is what the role of *name* may do, and to write its log."""
        log = {"Effect": "Allow", "Action": list(_LOGGING), "Resource": ["*"]}
        policy = json.dumps(document([*allowed, log]))
        iam = self._clients.of("iam")
        iam.put_role_policy(RoleName=self._full(name), PolicyName="may", PolicyDocument=policy)

    def _role(self, name: str, allowed: Sequence[dict[str, Any]]) -> str:
        iam = self._clients.of("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        with suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName=self._full(name), AssumeRolePolicyDocument=json.dumps(document([trust])))
        self.permit(name, allowed)
        return str(iam.get_role(RoleName=self._full(name))["Role"]["Arn"])

    # -- functions

    def make(self, name: str, package: Path, allowed: Sequence[dict[str, Any]], **environment: str) -> str:
        """Deploy the *package* of *name* under a role that allows just this; returns its ARN."""
        where = {"PARJANYA_PREFIX": self._place.prefix, "PARJANYA_BUCKET": self._place.bucket, "PARJANYA_FLEET": "{}"}
        size, code, full = FUNCTIONS[name], package.read_bytes(), self._full(name)
        role = self._role(name, allowed)
        with suppress(self._lambda.exceptions.ResourceConflictException):
            self._lambda.create_function(
                FunctionName=full,
                Runtime="python3.13",
                Role=role,
                Handler=f"parjanya.functions.{name}.handler",
                Timeout=size.timeout_s,
                MemorySize=size.memory_mib,
                Code={"ZipFile": code},
                Environment={"Variables": {**where, **self._environment, **environment}},
            )
            return self._arn(name)
        self._lambda.update_function_code(FunctionName=full, ZipFile=code)
        return self._arn(name)

    def call(self, name: str, event: object) -> tuple[Any, str | None]:
        """Call *name* and wait; what it answered, and how it failed if it did."""
        answer = self._lambda.invoke(FunctionName=self._full(name), Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read()), answer.get("FunctionError")

    # -- what calls them

    def on_changes(self, name: str) -> None:
        """Let the stream of open work call *name*."""
        table = self._clients.dynamodb.describe_table(TableName=self._place.table("open"))["Table"]
        told = json.dumps(pattern([stage.name for stage in self._workflow.stages]))
        self._map(
            name,
            table["LatestStreamArn"],
            StartingPosition="TRIM_HORIZON",
            BatchSize=BATCH,
            MaximumBatchingWindowInSeconds=WINDOW_S,
            BisectBatchOnFunctionError=True,
            MaximumRetryAttempts=RETRIES,
            MaximumRecordAgeInSeconds=RECORD_AGE_S,
            DestinationConfig={"OnFailure": {"Destination": self._queue("failures")}},
            FilterCriteria={"Filters": [{"Pattern": told}]},
        )

    def on_arrivals(self, name: str) -> None:
        """Let the bucket tell a queue of its uploads, and the queue call *name*."""
        dead = self._queue("arrivals-dead")
        redrive = {"deadLetterTargetArn": dead, "maxReceiveCount": ARRIVAL_RECEIVES}
        visibility_s = 6 * FUNCTIONS[name].timeout_s  # as AWS asks of a queue that calls a function
        queue = self._queue(
            "arrivals",
            RedrivePolicy=json.dumps(redrive),
            VisibilityTimeout=str(visibility_s),
            Policy=json.dumps(document([self._s3_may_send()])),
        )
        self._map(name, queue, BatchSize=ARRIVALS)
        beneath = {"Key": {"FilterRules": [{"Name": "prefix", "Value": f"{BUCKET}/"}]}}
        news = {"QueueArn": queue, "Events": ["s3:ObjectCreated:*"], "Filter": beneath}
        self._clients.s3.put_bucket_notification_configuration(
            Bucket=self._place.bucket, NotificationConfiguration={"QueueConfigurations": [news]}
        )

    def on_schedule(self, name: str, every_min: int = 1) -> None:
        """Let a rule call *name* by the clock."""
        unit = "minute" if every_min == 1 else "minutes"
        events = self._clients.of("events")
        rule = events.put_rule(Name=self._full(name), ScheduleExpression=f"rate({every_min} {unit})")["RuleArn"]
        events.put_targets(Rule=self._full(name), Targets=[{"Id": name, "Arn": self._arn(name)}])
        with suppress(self._lambda.exceptions.ResourceConflictException):
            self._lambda.add_permission(
                FunctionName=self._full(name),
                StatementId="schedule",
                Action="lambda:InvokeFunction",
                Principal="events.amazonaws.com",
                SourceArn=rule,
            )

    def _s3_may_send(self) -> dict[str, Any]:
        """S3 tells a queue only if that one lets it, for this bucket alone."""
        return {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": f"arn:aws:sqs:{self._place.region}:{ACCOUNT}:{self._place.queue('arrivals')}",
            "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{self._place.bucket}"}},
        }

    def _map(self, name: str, source: str, **how: Any) -> None:
        with suppress(self._lambda.exceptions.ResourceConflictException):
            self._lambda.create_event_source_mapping(
                EventSourceArn=source,
                FunctionName=self._full(name),
                FunctionResponseTypes=["ReportBatchItemFailures"],
                **how,
            )

    def _queue(self, name: str, **attributes: str) -> str:
        sqs = self._clients.sqs
        url = sqs.create_queue(QueueName=self._place.queue(name), Attributes=attributes)["QueueUrl"]
        return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])

    # -- what they say

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        """What *name* has told so far, oldest first."""
        logs = self._clients.of("logs")
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{self._full(name)}")
        with suppress(logs.exceptions.ResourceNotFoundException):
            for page in pages:
                for event in page["events"]:
                    yield from (json.loads(text) for text in event["message"].splitlines() if text.startswith("{"))

    def passes(self) -> Counter[str]:
        """How many passes each function has made."""
        return Counter({name: sum(line.get("event") == "pass" for line in self.lines(name)) for name in FUNCTIONS})

    def _full(self, name: str) -> str:
        return f"{self._place.prefix}-{name}"

    def _arn(self, name: str) -> str:
        return f"arn:aws:lambda:{self._place.region}:{ACCOUNT}:function:{self._full(name)}"
