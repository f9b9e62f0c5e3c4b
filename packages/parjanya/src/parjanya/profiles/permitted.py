"""A user of a local server who may do what an engine with its workers has to, and nothing else: from the one list of permissions.

On an account roles do this, made by the templates of that same list. Callers: drills, tests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from tbie.backends.aws.client import Clients
from tbie.backends.aws.permissions import GRANTS, Scope, arns
from tbie.workflow import Workflow

ACCOUNT = "000000000000"
"""Of the local server."""
ENGINE = ("engine", "worker")
"""An engine on one machine is both: its workers are its children."""
LOCALLY: Mapping[str, str] = MappingProxyType(
    {
        "sqs:SendMessage": "sqs:SendMessageBatch",
        "sqs:DeleteMessage": "sqs:DeleteMessageBatch",
        "sqs:ChangeMessageVisibility": "sqs:ChangeMessageVisibilityBatch",
        "dynamodb:PartiQLUpdate": "dynamodb:BatchExecuteStatement",
    }
)
"""Where the local server asks for the name of the call and AWS for another permission."""
UNNAMED = ("stream/open",)
"""Kinds of resources that the local server does not tell apart."""


@dataclass(frozen=True, slots=True)
class Who:
    """A user, and their key."""

    name: str
    access_key_id: str
    secret_access_key: str


def make_user(clients: Clients, workflow: Workflow) -> Who:
    """A user for the place of *clients*, which are the root user's."""
    iam, name = clients.of("iam"), f"{clients.place.prefix}-engine"
    iam.create_user(UserName=name)
    document = {"Version": "2012-10-17", "Statement": statements(clients, workflow)}
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Who(name, key["AccessKeyId"], key["SecretAccessKey"])


def statements(clients: Clients, workflow: Workflow) -> list[dict[str, Any]]:
    """What an engine may do, as a policy says it."""
    scope = Scope(clients.place, [stage.name for stage in workflow.stages], workflow.pools, ACCOUNT)
    grants = [grant for component in ENGINE for grant in GRANTS[component]]
    return [
        _allow(_locally(grant.actions), ["*"] if grant.kind in UNNAMED else arns(grant.kind, scope)) for grant in grants
    ]


def deny(clients: Clients, who: Who, actions: Sequence[str]) -> None:
    """Take *actions* away from *who*, everywhere: an explicit Deny, which no Allow outweighs."""
    refused = {"Effect": "Deny", "Action": list(actions), "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [refused]})
    clients.of("iam").put_user_policy(UserName=who.name, PolicyName="denied", PolicyDocument=document)


def allow(clients: Clients, who: Who) -> None:
    """Take back every ``deny``."""
    iam = clients.of("iam")
    if "denied" in iam.list_user_policies(UserName=who.name)["PolicyNames"]:
        iam.delete_user_policy(UserName=who.name, PolicyName="denied")


def _allow(actions: Sequence[str], resources: Sequence[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _locally(actions: Sequence[str]) -> list[str]:
    return [name for action in actions for name in (action, LOCALLY.get(action)) if name is not None]
