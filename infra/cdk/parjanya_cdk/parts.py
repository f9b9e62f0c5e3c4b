"""Small parts that several stacks are made of: queues that only speak TLS, roles that hold one list of permissions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import Aws, CfnTag, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from tbie.backends.aws.permissions import GRANTS, Scope, arns
from tbie.backends.aws.place import Place

DAY_S = 86_400
LONGEST_RETENTION_S = 14 * DAY_S
"""The longest that SQS offers. Where nobody would send again what is lost, nothing shorter makes sense."""
LOG_DAYS = 90
"""How long logs are kept: an incident is looked into within a quarter."""


def title(name: str) -> str:
    """``sweep-dead`` → ``SweepDead``: the logical names of resources."""
    return "".join(part[:1].upper() + part[1:] for part in name.replace("_", "-").split("-"))


def scope_of(place: Place, stages: Sequence[str], pools: Sequence[str]) -> Scope:
    """Resources by the account that the stack will be deployed into."""
    return Scope(place, stages, pools, Aws.ACCOUNT_ID, Aws.PARTITION)


def queue_arn(place: Place, name: str) -> str:
    """Of the queue called *name* in full."""
    return f"arn:{Aws.PARTITION}:sqs:{place.region}:{Aws.ACCOUNT_ID}:{name}"


def function_arn(place: Place, name: str) -> str:
    """Of the function *name* of this place."""
    return f"arn:{Aws.PARTITION}:lambda:{place.region}:{Aws.ACCOUNT_ID}:function:{place.prefix}-{name}"


def topic_arn(place: Place) -> str:
    """Of the topic that people listen to."""
    return f"arn:{Aws.PARTITION}:sns:{place.region}:{Aws.ACCOUNT_ID}:{place.prefix}-alarms"


def queue(
    scope: Construct,
    place: Place,
    short: str,
    *,
    name: str | None = None,
    retention_s: int = LONGEST_RETENTION_S,
    visibility_s: int = 60,
    dead: str | None = None,
    max_receives: int = 3,
    allow: Sequence[dict[str, Any]] = (),
) -> sqs.CfnQueue:
    """One queue, encrypted, that refuses what does not come by TLS.

    Args:
        short: what it is called in the template.
        name: in full; by default that of *short* in the place.
        dead: full name of the queue for its dead letters; None: it is one itself.
        allow: more statements of its policy.
    """
    full = name or place.queue(short)
    made = sqs.CfnQueue(
        scope,
        title(short),
        queue_name=full,
        message_retention_period=retention_s,
        visibility_timeout=visibility_s,
        sqs_managed_sse_enabled=True,
        redrive_policy={"deadLetterTargetArn": queue_arn(place, dead), "maxReceiveCount": max_receives}
        if dead
        else None,
    )
    made.apply_removal_policy(RemovalPolicy.DESTROY)  # Intent is written again from Truth
    sqs.CfnQueuePolicy(
        scope,
        f"{title(short)}Policy",
        queues=[made.ref],
        policy_document=document([only_tls("sqs", queue_arn(place, full)), *allow]),
    )
    return made


def only_tls(service: str, *resources: str) -> dict[str, Any]:
    """The statement that refuses everybody who does not speak TLS."""
    return {
        "Sid": "OnlyTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": f"{service}:*",
        "Resource": list(resources) if len(resources) > 1 else resources[0],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def sent_by(service: str, resource: str, action: str, source: str) -> dict[str, Any]:
    """The statement that lets a service act on *resource* for *source*, and only for this account."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": action,
        "Resource": resource,
        "Condition": {"ArnLike": {"aws:SourceArn": source}, "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
    }


def document(statements: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def role(
    scope: Construct, identity: str, component: str, service: str, resources: Scope, log_group: str
) -> iam.CfnRole:
    """A role with the permissions of *component*, word for word, and that of writing its own log."""
    statements = [
        {"Effect": "Allow", "Action": sorted(grant.actions), "Resource": one_or_many(arns(grant.kind, resources))}
        for grant in GRANTS[component]
    ]
    log = f"arn:{Aws.PARTITION}:logs:{resources.place.region}:{Aws.ACCOUNT_ID}:log-group:{log_group}:*"
    statements.append({"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": log})
    return iam.CfnRole(
        scope,
        f"{identity}Role",
        assume_role_policy_document=document(
            [{"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}]
        ),
        policies=[iam.CfnRole.PolicyProperty(policy_name=component, policy_document=document(statements))],
    )


def one_or_many(values: list[str]) -> str | list[str]:
    """As policies are usually written."""
    return values[0] if len(values) == 1 else values


def log_group(scope: Construct, identity: str, name: str) -> logs.CfnLogGroup:
    """A log group that keeps what an incident needs, and not for ever."""
    group = logs.CfnLogGroup(scope, f"{identity}Log", log_group_name=name, retention_in_days=LOG_DAYS)
    group.apply_removal_policy(RemovalPolicy.DESTROY)
    return group


def named(name: str) -> list[CfnTag]:
    """The tag that consoles show as a name."""
    return [CfnTag(key="Name", value=name)]
