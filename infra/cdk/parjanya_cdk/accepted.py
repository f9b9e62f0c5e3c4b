"""Every finding of cdk-nag and cfn-lint that is accepted, with its reason. Whatever is not here stops the synthesis or the test.

A reason is for one resource, not for a rule: the same finding elsewhere is looked at anew. An entry that no longer finds anything
fails a test, so that the list only holds what is still true.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import aws_cdk as cdk

from parjanya_cdk.declaration import Declaration
from parjanya_cdk.functions import FUNCTIONS, log_name
from parjanya_cdk.machine import worker_log
from parjanya_cdk.options import Options
from parjanya_cdk.parts import title
from tbie.backends.aws.permissions import ANYWHERE, GRANTS, Scope, arns

if TYPE_CHECKING:
    from parjanya_cdk.build import Stacks

ACCOUNT, PARTITION = "<AWS::AccountId>", "<AWS::Partition>"
"""As cdk-nag writes what only the deployment knows."""


class Accepted(NamedTuple):
    """One finding on one resource."""

    path: str
    """Of the construct, without the prefix of the system: ``truth/Objects/Bucket``."""
    rule: str
    reason: str


FIXED = (
    Accepted(
        "truth/Objects/Bucket",
        "AwsSolutions-S1",
        "server access logs are written late and incompletely; who did what with objects is for CloudTrail's data events, "
        "which belong to the account",
    ),
    Accepted(
        "truth/BackupRole",
        f"AwsSolutions-IAM4[Policy::arn:{PARTITION}:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup]",
        "AWS keeps this policy as its backups need it; only the backup service can take the role",
    ),
    Accepted(
        "intent/RegisterTable",
        "AwsSolutions-DDB3",
        "derived: it may be deleted at any moment and is written again from Truth",
    ),
    Accepted(
        "execution/Network/Resource",
        "AwsSolutions-VPC7",
        "nothing listens and nothing is let in; flow logs of the workers' downloads would cost more than they tell",
    ),
    Accepted(
        "control/Failures",
        "AwsSolutions-SQS3",
        "it is where records end that could not be handled; an alarm watches it",
    ),
    Accepted("control/SweepDead", "AwsSolutions-SQS3", "it is where passes end that did not run; an alarm watches it"),
)

LINT: dict[str, str] = {}
"""Rules of cfn-lint that are not asked, each with its reason."""

_NARROWEST = {
    "stream": "the label of a stream is the time of its making, unknown before it exists; the table is named",
    "objects": "keys are made of tenants and hashes; a prefix is the smallest resource that can be named",
    "groups": "the resource of a group contains an identifier that AWS makes; the group's name is exact",
    "logs": "a log group's streams are made by those who write them; the group is named",
}


def accepted(declared: Declaration, options: Options) -> Iterator[Accepted]:
    """All of it for these stacks: what is fixed, and each wildcard of a role that AWS leaves no choice about."""
    yield from FIXED
    every = tuple(stage.name for stage in declared.stages)
    for pool in declared.pools:
        stages = tuple(stage.name for stage in declared.in_pool(pool))
        path = f"execution/{title(pool)}Pool"
        yield Accepted(
            f"{path}/Group",
            "AwsSolutions-AS3",
            "scaling is told by the reconciler and watched by alarms on its outcome",
        )
        scope = Scope(options.place, stages, (pool,), ACCOUNT, PARTITION)
        yield from _wildcards(f"{path}/WorkerRole", "worker", scope, worker_log(options, pool))
    for function in FUNCTIONS:
        scope = Scope(options.place, every, declared.pools, ACCOUNT, PARTITION)
        yield from _wildcards(
            f"control/{title(function.name)}Role", function.name, scope, log_name(options, function.name)
        )


def _wildcards(path: str, component: str, scope: Scope, log: str) -> Iterator[Accepted]:
    region = scope.place.region
    found = {
        f"arn:{PARTITION}:logs:{region}:{ACCOUNT}:log-group:{log}:*": _NARROWEST["logs"],
    }
    for grant in GRANTS[component]:
        reason = "; ".join(sorted({ANYWHERE[action] for action in grant.actions})) if grant.kind == "anywhere" else ""
        for resource in arns(grant.kind, scope):
            if "*" in resource:
                found[resource] = reason or _NARROWEST[grant.kind.partition("/")[0]]
    for resource, reason in found.items():
        yield Accepted(path, f"AwsSolutions-IAM5[Resource::{resource}]", reason)


def acknowledge(stacks: Stacks, declared: Declaration, options: Options) -> None:
    """Tell the validation of all of them.

    Raises:
        ValueError: an entry is about a resource that is not there any more.
    """
    prefix = options.place.prefix
    constructs = {
        construct.node.path.removeprefix(f"{prefix}-"): construct
        for stack in stacks.all()
        for construct in stack.node.find_all()
    }
    for entry in accepted(declared, options):
        if entry.path not in constructs:
            raise ValueError(f"accepted.py speaks of {entry.path}, which does not exist")
        cdk.Validations.of(constructs[entry.path]).acknowledge(
            cdk.Acknowledgment(id=f"AwsSolutions::{entry.rule}", reason=entry.reason)
        )
