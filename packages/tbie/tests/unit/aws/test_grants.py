"""The list of permissions itself: no grant is wider than it must be, and none is for what the program does not call."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tbie.backends.aws
from tbie.backends.aws.permissions import ANYWHERE, GRANTS, Scope, arns, permissions
from tbie.backends.aws.place import TABLES, Place
from tbie.testing.aws.policies import ACCOUNT

PLACE = Place("eu-central-1", "somewhere", "objects-of-somebody")


@pytest.mark.parametrize("component", GRANTS)
def test_no_grant_is_wider_than_it_must_be(component: str) -> None:
    scope = Scope(PLACE, ["first"], ["default"], ACCOUNT)
    for action, kind in permissions(component):
        assert "*" not in action
        for arn in arns(kind, scope):
            assert arn != "*" or action in ANYWHERE, f"{component} may {action} on everything"
            assert arn == "*" or PLACE.prefix in arn or PLACE.bucket in arn


SOURCES = Path(tbie.backends.aws.__file__).parent
WRITTEN = {
    "UpdateItem": '"Update"',
    "DeleteItem": '"Delete"',
    "ConditionCheckItem": '"ConditionCheck"',
    "PartiQLUpdate": 'UPDATE "',
    "PartiQLDelete": 'DELETE FROM "',
    "ListBucket": "head_object",
}
"""How a permission shows in the program where it is not the name of a call."""
BY_AWS = {"arrivals", "failures", "sweep-dead"}
"""Kinds that AWS itself reaches with the role of a function."""
NOTING = {"engine", "reconcile", "sweep"}
"""Those that keep a ledger."""


@pytest.mark.parametrize("component", GRANTS)
def test_no_action_is_granted_that_the_program_does_not_call(component: str) -> None:
    program = {path.stem: path.read_text() for path in SOURCES.glob("*.py") if path.stem != "permissions"}
    everything = "".join(program.values())
    register = "".join(program[name] for name in ("register", "hands", "settling", "watching", "intent"))
    register += "".join(program[name] for name in ("ledger", "tables")) if component in NOTING else ""
    for action, kind in permissions(component):
        name = action.partition(":")[2]
        call = WRITTEN.get(name) or re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        text = register if kind == "table/register" else everything
        assert kind in BY_AWS or call in text, f"{component} may {action} on {kind}, and nothing calls it"


def test_every_table_and_every_kind_has_resources() -> None:
    scope = Scope(PLACE, ["first"], ["default"], ACCOUNT)
    kinds = {kind for component in GRANTS for _, kind in permissions(component)}
    assert {kind.removeprefix("table/") for kind in kinds if kind.startswith("table/")} == set(TABLES)
    assert all(arns(kind, scope) for kind in kinds)
    with pytest.raises(ValueError, match="no kind of resource"):
        arns("table/secrets", scope)
