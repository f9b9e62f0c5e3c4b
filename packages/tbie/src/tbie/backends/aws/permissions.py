"""What each component may do, as data: the only list of it. Pure.

Callers: the infrastructure makes roles of it (``infra/cdk``), `doctor --profile aws` tries what it says. A permission is an
action of one service on one *kind* of resource; ``arns`` says which resources a kind stands for.

Incident 8: the reconciler had lost ``sqs:GetQueueAttributes`` and was blind for twelve hours. Hence one list, compared with what
is deployed, and exercised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tbie.backends.aws.place import TABLES, Place


class Grant(NamedTuple):
    """Some actions on one kind of resource."""

    kind: str
    actions: tuple[str, ...]
    why: str
    """What stops without it, in a few words."""


class Scope(NamedTuple):
    """Which system's resources kinds stand for."""

    place: Place
    stages: Sequence[str]
    """Whose queues are meant: of a worker, those of its pool."""
    pools: Sequence[str]
    account: str = "*"
    partition: str = "aws"


ANYWHERE: Mapping[str, str] = {
    "autoscaling:DescribeAutoScalingGroups": "AWS knows no resource for Describe calls of Auto Scaling",
    "autoscaling:DescribeAutoScalingInstances": "AWS knows no resource for Describe calls of Auto Scaling",
    "autoscaling:DescribeWarmPool": "AWS knows no resource for Describe calls of Auto Scaling",
    "cloudwatch:PutMetricData": "AWS knows no resource for metrics; the namespace is a condition of the grant",
}
"""Actions that AWS offers on no smaller resource than everything, each with the reason. No other grant may say ``*``."""

_READ = ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query")
_WRITE = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem")
_TRUTH = tuple(
    Grant(f"table/{name}", (*_READ, *_WRITE), why)
    for name, why in (
        ("items", "rows are read and committed by compare-and-set"),
        ("history", "each change appends its entry in the same transaction"),
        ("open", "the index of open work changes with the row"),
        ("control", "heartbeats, leases, documents, counters"),
    )
)
_REGISTER = Grant(
    "table/register", (*_READ, *_WRITE, "dynamodb:BatchWriteItem"), "what was sent, and what each owner holds"
)
_SEND = Grant(
    "queues",
    ("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"),
    "depth is read before intents are emitted (incident 8)",
)
_DEAD = Grant("dead", ("sqs:GetQueueAttributes", "sqs:GetQueueUrl"), "dead letters are counted on each pass")
_FLEET = (
    Grant("groups", ("autoscaling:SetDesiredCapacity",), "work wakes the fleet"),
    Grant(
        "anywhere",
        ("autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeWarmPool"),
        "desired, in service, and what is asleep",
    ),
)
_METRICS = Grant("anywhere", ("cloudwatch:PutMetricData",), "signs of life and the readings of a pass")
_RECONCILING = (*_TRUTH, _REGISTER, _SEND, _DEAD, *_FLEET)

GRANTS: Mapping[str, tuple[Grant, ...]] = {
    "intake": (
        *_TRUTH,
        Grant(
            "arrivals",
            ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
            "AWS polls with this role",
        ),
        Grant("objects/uploads", ("s3:GetObject",), "an upload is looked at before it is an item"),
    ),
    "reconcile": (
        *_RECONCILING,
        Grant(
            "stream/open",
            ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
            "AWS reads the changes with this role",
        ),
        Grant("failures", ("sqs:SendMessage",), "AWS puts there what could not be handled"),
    ),
    "sweep": (
        *_RECONCILING,
        Grant("sweep-dead", ("sqs:SendMessage",), "AWS puts there a pass that did not run"),
        Grant("objects/uploads", ("s3:GetObject",), "uploads that never landed are told from late ones (incident 7)"),
    ),
    "worker": (
        *_TRUTH,
        _REGISTER,
        Grant(
            "queues",
            (
                *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"),
                *("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"),
            ),
            "intents are taken, held, given back and settled",
        ),
        Grant("objects/uploads", ("s3:GetObject",), "originals"),
        Grant("objects/derived", ("s3:GetObject", "s3:PutObject"), "previews, each written once under its own hash"),
        Grant(
            "groups",
            (
                *("autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"),
                *("autoscaling:SetInstanceProtection", "autoscaling:TerminateInstanceInAutoScalingGroup"),
            ),
            "says when it is ready, is not taken while it works, leaves when idle",
        ),
        Grant("anywhere", ("autoscaling:DescribeAutoScalingInstances",), "in which state of its life it is"),
    ),
}
"""Component → what it may do. The roles hold this and nothing else, but for where each writes its log."""


def permissions(component: str) -> list[tuple[str, str]]:
    """(action, kind of resource) of *component*, each once, in order."""
    return sorted({(action, grant.kind) for grant in GRANTS[component] for action in grant.actions})


def arns(kind: str, scope: Scope) -> list[str]:
    """The resources of *scope* that *kind* stands for.

    Raises:
        ValueError: there is no such kind.
    """
    place, family, name = scope.place, *_halves(kind)
    region = f"{place.region}:{scope.account}"
    table = f"arn:{scope.partition}:dynamodb:{region}:table"
    match family, name:
        case "table", name if name in TABLES:
            return [f"{table}/{place.table(name)}"]
        case "stream", name if name in TABLES:
            return [f"{table}/{place.table(name)}/stream/*"]
        case "objects", ("uploads" | "derived") as prefix:
            return [f"arn:{scope.partition}:s3:::{place.bucket}/{prefix}/*"]
        case ("queues" | "dead" | "arrivals" | "failures" | "sweep-dead") as family, "":
            return [f"arn:{scope.partition}:sqs:{region}:{queue}" for queue in _queues(family, scope)]
        case "groups", "":
            group = f"arn:{scope.partition}:autoscaling:{region}:autoScalingGroup:*:autoScalingGroupName"
            return [f"{group}/{place.group(pool)}" for pool in scope.pools]
        case "anywhere", "":
            return ["*"]
    raise ValueError(f"no kind of resource is called {kind!r}")


def _halves(kind: str) -> tuple[str, str]:
    family, _, name = kind.partition("/")
    return family, name


def _queues(family: str, scope: Scope) -> list[str]:
    place = scope.place
    match family:
        case "queues":
            return [place.queue(stage) for stage in scope.stages]
        case "dead":
            return [place.dead_queue(stage) for stage in scope.stages]
        case _:
            return [place.queue(family)]
