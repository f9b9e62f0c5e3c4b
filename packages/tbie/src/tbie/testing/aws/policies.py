"""The program's own list of permissions as policies of the local server, which asks for some of them under other names.

Callers: tests of components under their roles, and drills that take a permission away. One place, so that nobody tests with more
than a role on AWS has.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any

from tbie.backends.aws.permissions import GRANTS, Scope, arns

ACCOUNT = "000000000000"
"""Of the local server."""
LOCALLY = {
    "sqs:SendMessage": "sqs:SendMessageBatch",
    "sqs:DeleteMessage": "sqs:DeleteMessageBatch",
    "sqs:ChangeMessageVisibility": "sqs:ChangeMessageVisibilityBatch",
    "dynamodb:PartiQLUpdate": "dynamodb:BatchExecuteStatement",
}
"""Where the local server asks for the name of the call and AWS for another permission (its Service Authorization Reference)."""
UNNAMED = frozenset({"stream/open"})
"""Kinds of resources that the local server does not tell apart."""


def statements(components: Iterable[str], scope: Scope, without: Container[str] = ()) -> list[dict[str, Any]]:
    """What *components* may do, but for the actions *without*, as the local server takes it."""
    return [
        {
            "Effect": "Allow",
            "Action": [name for action in actions for name in (action, LOCALLY.get(action)) if name is not None],
            "Resource": ["*"] if grant.kind in UNNAMED else arns(grant.kind, scope),
        }
        for component in components
        for grant in GRANTS[component]
        if (actions := [action for action in grant.actions if action not in without])
    ]


def document(allowed: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(allowed)}


NOWHERE = (
    *("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
    "dynamodb:BatchExecuteStatement",
)
"""What the local server asks permission for without saying on which table."""


def locally(policy: Mapping[str, Any]) -> dict[str, Any]:
    """A policy for AWS as the local server takes it: actions under its own names, and without a resource where it names none."""
    told = [
        {**each, "Action": [*each["Action"], *(LOCALLY[name] for name in each["Action"] if name in LOCALLY)]}
        for each in policy["Statement"]
    ]
    asked = {name for each in told for name in each["Action"]}
    anywhere = [name for name in NOWHERE if name in asked]
    return document([*told, *([{"Effect": "Allow", "Action": anywhere, "Resource": ["*"]}] if anywhere else [])])
