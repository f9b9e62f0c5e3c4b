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


PREFIXES: Mapping[str, str] = {"uploads": "uploads", "derived": "objects"}
"""What is in the bucket → where (``objects.S3Objects``)."""

_DESCRIBE = "AWS knows no resource for Describe calls of Auto Scaling"
ANYWHERE: Mapping[str, str] = {
    "autoscaling:DescribeAutoScalingGroups": _DESCRIBE,
    "autoscaling:DescribeScalingActivities": _DESCRIBE,
    "autoscaling:DescribeWarmPool": _DESCRIBE,
}
"""Actions that AWS offers on no smaller resource than everything, each with the reason. No other grant may say ``*``."""

_ROWS = (
    *("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"),
    *("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"),
    "dynamodb:BatchWriteItem",
)
"""A transaction has no permission of its own: each of its actions needs the one of its kind."""
_TRUTH = (
    Grant("table/items", _ROWS, "rows are read and committed by compare-and-set"),
    Grant("table/history", _ROWS, "each change appends its entry in the same transaction"),
    Grant("table/open", _ROWS, "the index of open work changes with the row"),
    Grant("table/control", _ROWS, "signs of life, terms, documents, counts"),
)
_REGISTER = Grant(
    "table/register",
    (
        *("dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:BatchWriteItem"),
        *("dynamodb:PartiQLUpdate", "dynamodb:PartiQLDelete"),
    ),
    "what was sent, and what each owner holds",
)
_NOTING = Grant("table/register", ("dynamodb:PutItem",), "decisions are noted in the ledger, a block for each pass")
_SEND = Grant(
    "queues",
    ("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"),
    "depth is read before intents are sent (incident 8)",
)
_DEAD = Grant(
    "dead",
    ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:SendMessage"),
    "dead letters are counted, and what SQS itself put there is told to Truth",
)
_FLEET = (
    Grant("groups", ("autoscaling:SetDesiredCapacity",), "work wakes the fleet"),
    Grant("anywhere", tuple(ANYWHERE), "how many are wanted and in service, why launches fail, who sleeps"),
)
_CHANGES = (
    Grant("table/open", ("dynamodb:DescribeTable",), "which stream the table has now"),
    Grant(
        "stream/open",
        ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
        "AWS reads the changes with this role, and a pass notes how far they went",
    ),
)
_RECONCILING = (*_TRUTH, *_CHANGES, _REGISTER, _NOTING, _SEND, _DEAD, *_FLEET)
_LOOKED_FOR = Grant(
    "bucket", ("s3:ListBucket",), "without it S3 says 403 where nothing is, and absent would be unknown"
)

GRANTS: Mapping[str, tuple[Grant, ...]] = {
    "intake": (
        *_TRUTH,
        Grant(
            "arrivals",
            ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
            "AWS polls with this role",
        ),
        Grant("objects/uploads", ("s3:GetObject",), "an upload is looked at at once"),
        _LOOKED_FOR,
    ),
    "reconcile": (
        *_RECONCILING,
        Grant("failures", ("sqs:SendMessage",), "AWS puts there what could not be handled"),
    ),
    "sweep": (
        *_RECONCILING,
        Grant("sweep-dead", ("sqs:SendMessage",), "AWS puts there a pass that did not run"),
    ),
    # a control plane that runs on a machine: it follows the stream itself, keeps a ledger, and looks around when it starts
    "engine": (
        *(Grant(truth.kind, (*truth.actions, "dynamodb:DescribeTable"), truth.why) for truth in _TRUTH),
        *_CHANGES,
        Grant(
            "table/register",
            (*_REGISTER.actions, "dynamodb:PutItem", "dynamodb:DescribeTable"),
            "what was sent, what each owner holds, and what was decided",
        ),
        _SEND,
        _DEAD,
        *_FLEET,
        Grant("objects/derived", ("s3:GetObject", "s3:PutObject"), "one object is written and read when it starts"),
        Grant(
            "bucket", ("s3:GetBucketLocation", *_LOOKED_FOR.actions), "requests must be signed for the bucket's region"
        ),
    ),
    "worker": (
        *(Grant(truth.kind, (*truth.actions, "dynamodb:DescribeTable"), truth.why) for truth in _TRUTH),
        _REGISTER,
        Grant(
            "queues",
            (
                *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"),
                *("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"),
            ),
            "intents are taken, held, given back and settled",
        ),
        Grant("dead", ("sqs:GetQueueUrl", "sqs:SendMessage"), "what is given up is kept with its evidence"),
        Grant("objects/uploads", ("s3:GetObject",), "originals"),
        Grant("objects/derived", ("s3:GetObject", "s3:PutObject"), "previews, each written once under its own hash"),
        _LOOKED_FOR,
        Grant(
            "groups",
            (
                *("autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"),
                "autoscaling:SetInstanceProtection",
            ),
            "says when it is ready, is not taken while it works",
        ),
    ),
}
"""Component → what it may do. The roles hold this and nothing else, but for where each writes its log."""


def permissions(component: str) -> list[tuple[str, str]]:
    """(action, kind of resource) of *component*, each once, in order."""
    return sorted({(action, grant.kind) for grant in GRANTS[component] for action in grant.actions})


def arns(kind: str, scope: Scope) -> list[str]:  # noqa: PLR0911 - one kind, one line
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
        case "objects", name if name in PREFIXES:
            return [f"arn:{scope.partition}:s3:::{place.bucket}/{PREFIXES[name]}/*"]
        case "bucket", "":
            return [f"arn:{scope.partition}:s3:::{place.bucket}"]
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
