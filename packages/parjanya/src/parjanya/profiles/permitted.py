"""A user of a local server who may do what an engine with its workers has to, and nothing else: from the one list of permissions.

On an account roles do this, made by the templates of that same list. Callers: drills, tests.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tbie.backends.aws.client import Clients
from tbie.backends.aws.permissions import Scope
from tbie.testing.aws.policies import ACCOUNT, document, statements
from tbie.workflow import Workflow

ENGINE = ("engine", "worker")
"""An engine on one machine is both: its workers are its children."""


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
    scope = Scope(clients.place, [stage.name for stage in workflow.stages], workflow.pools, ACCOUNT)
    own = document(statements(ENGINE, scope))
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(own))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Who(name, key["AccessKeyId"], key["SecretAccessKey"])


def deny(clients: Clients, who: Who, actions: Sequence[str]) -> None:
    """Take *actions* away from *who*, everywhere: an explicit Deny, which no Allow outweighs."""
    refused = {"Effect": "Deny", "Action": list(actions), "Resource": "*"}
    clients.of("iam").put_user_policy(
        UserName=who.name, PolicyName="denied", PolicyDocument=json.dumps(document([refused]))
    )


def allow(clients: Clients, who: Who) -> None:
    """Take back every ``deny``."""
    iam = clients.of("iam")
    if "denied" in iam.list_user_policies(UserName=who.name)["PolicyNames"]:
        iam.delete_user_policy(UserName=who.name, PolicyName="denied")
