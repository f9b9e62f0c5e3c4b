"""Roles: exactly what the list of permissions says, on exactly those resources, for exactly that service (incident 8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from parjanya_cdk.checks.base import Subject, listed, statements
from parjanya_cdk.functions import FUNCTIONS, log_name
from parjanya_cdk.machine import worker_log
from parjanya_cdk.parts import title
from tbie.backends.aws.permissions import ANYWHERE, GRANTS, Scope, arns

Pairs = set[tuple[str, str]]
LOGGING = ("logs:CreateLogStream", "logs:PutLogEvents")


def roles(on: Subject) -> Mapping[str, tuple[str, Scope, str]]:
    """Logical name of the role → component, what it is for, its log group."""
    place, every = on.options.place, [stage.name for stage in on.declared.stages]
    account, partition = "<AWS::AccountId>", "<AWS::Partition>"
    found = {
        f"{title(one.name)}Role": (
            one.name,
            Scope(place, every, on.declared.pools, account, partition),
            log_name(on.options, one.name),
        )
        for one in FUNCTIONS
    }
    for pool in on.declared.pools:
        own = Scope(place, [stage.name for stage in on.declared.in_pool(pool)], (pool,), account, partition)
        found[f"{title(pool)}PoolWorkerRole"] = ("worker", own, worker_log(on.options, pool))
    return found


def granted(on: Subject) -> dict[str, Pairs]:
    """Logical name → (action, resource) of every role of ours in the templates."""
    found: dict[str, Pairs] = {}
    for name, role in on.of("IAM::Role").items():
        pairs = found.setdefault(name, set())
        for policy in role.get("Policies", []):
            for statement in statements(policy["PolicyDocument"]):
                if statement["Effect"] == "Allow":
                    pairs |= {(a, r) for a in listed(statement["Action"]) for r in listed(statement["Resource"])}
    for policy in (*on.of("IAM::Policy").values(), *on.of("IAM::ManagedPolicy").values()):
        for role in policy.get("Roles", []):
            found.setdefault(str(role.get("Ref")), set()).add(
                ("a policy beside the role", policy.get("PolicyName", "?"))
            )
    return found


def due(component: str, scope: Scope, log: str) -> Pairs:
    """What a role of *component* must hold."""
    pairs = {
        (action, arn) for grant in GRANTS[component] for action in grant.actions for arn in arns(grant.kind, scope)
    }
    group = f"arn:{scope.partition}:logs:{scope.place.region}:{scope.account}:log-group:{log}:*"
    return pairs | {(action, group) for action in LOGGING}


def each_role_holds_its_list_and_nothing_else(on: Subject) -> Iterator[str]:
    """Per role: no action and no resource more, none less."""
    have = granted(on)
    expected = roles(on)
    for prefix, (component, scope, log) in expected.items():
        mine = [name for name in have if name.startswith(prefix)]
        if len(mine) != 1:
            yield f"{component}: {len(mine)} roles"
            continue
        wanted = due(component, scope, log)
        yield from (f"{mine[0]} lacks {action} on {resource}" for action, resource in sorted(wanted - have[mine[0]]))
        yield from (f"{mine[0]} may {action} on {resource}" for action, resource in sorted(have[mine[0]] - wanted))
    for name, pairs in have.items():
        if pairs and not name.startswith(tuple(expected)):
            yield f"role {name} is of no component"


def nothing_is_granted_on_everything(on: Subject) -> Iterator[str]:
    """``*`` only where AWS offers no smaller resource; no action with a star."""
    for name, pairs in granted(on).items():
        yield from (
            f"{name} may {action} on everything" for action, arn in pairs if arn == "*" and action not in ANYWHERE
        )
        yield from (f"{name} may {action}" for action, _ in pairs if "*" in action)


def the_reconciler_can_read_what_it_decides_by(on: Subject) -> Iterator[str]:
    """Reconciler and sweep read the depth of every queue and of its dead letters, find it, and send to it (incident 8)."""
    place = on.options.place
    for prefix in ("ReconcileRole", "SweepRole"):
        pairs = next((pairs for name, pairs in granted(on).items() if name.startswith(prefix)), set())
        for stage in on.declared.stages:
            queue, dead = on.arn_of_queue(place.queue(stage.name)), on.arn_of_queue(place.dead_queue(stage.name))
            needed = {("sqs:GetQueueAttributes", queue), ("sqs:GetQueueUrl", queue), ("sqs:SendMessage", queue)}
            needed.add(("sqs:GetQueueAttributes", dead))
            yield from (f"{prefix} lacks {action} on {arn}" for action, arn in sorted(needed - pairs))


def only_its_service_takes_a_role(on: Subject) -> Iterator[str]:
    """Functions' roles for Lambda, workers' for EC2, backup's for AWS Backup; no account, no person."""
    for name, role in on.of("IAM::Role").items():
        service = "ec2" if "Worker" in name else "backup" if name.startswith("Backup") else "lambda"
        trusted = [statement["Principal"] for statement in statements(role["AssumeRolePolicyDocument"])]
        if trusted != [{"Service": f"{service}.amazonaws.com"}]:
            yield f"{name} may be taken by {trusted}"


CHECKS = (
    each_role_holds_its_list_and_nothing_else,
    nothing_is_granted_on_everything,
    the_reconciler_can_read_what_it_decides_by,
    only_its_service_takes_a_role,
)
