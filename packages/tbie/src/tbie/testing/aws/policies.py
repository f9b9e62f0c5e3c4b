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
NOWHERE = (
    *("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
    "dynamodb:BatchExecuteStatement",
)
"""What the local server asks permission for without saying on which table: granted on a table alone, it would be refused."""


def statements(components: Iterable[str], scope: Scope, without: Container[str] = ()) -> list[dict[str, Any]]:
    """What *components* may do, but for the actions *without*, as the local server takes it."""
    allowed = [
        {"Effect": "Allow", "Action": actions, "Resource": arns(grant.kind, scope)}
        for component in components
        for grant in GRANTS[component]
        if (actions := [action for action in grant.actions if action not in without])
    ]
    return list(locally(document(allowed))["Statement"])


def locally(policy: Mapping[str, Any]) -> dict[str, Any]:
    """A policy for AWS as the local server takes it: actions under its own names, and anywhere where it names no table."""
    told = [
        {**each, "Action": [*each["Action"], *(LOCALLY[name] for name in each["Action"] if name in LOCALLY)]}
        for each in policy["Statement"]
    ]
    asked = {name for each in told for name in each["Action"]}
    anywhere = [name for name in NOWHERE if name in asked]
    return document([*told, *([{"Effect": "Allow", "Action": anywhere, "Resource": ["*"]}] if anywhere else [])])


def document(allowed: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(allowed)}
