"""A defect that is planted in the templates is found by the check that is there for it; no check lets everything pass."""

from __future__ import annotations

from collections.abc import Callable

import defects_stored
import defects_watched
import pytest
from parjanya_cdk.checks.base import Check, Subject, statements
from parjanya_cdk.checks.every import CHECKS
from planting import Plant, plain

DEFECTS = {**defects_stored.DEFECTS, **defects_watched.DEFECTS}
EACH = [(words, check, plant) for check, some in DEFECTS.items() for words, plant in some.items()]


@pytest.mark.parametrize(("words", "check", "defect"), EACH, ids=[words for words, _, _ in EACH])
def test_a_defect_is_found(words: str, check: Check, defect: Plant, planted: Callable[[Plant], Subject]) -> None:
    found = list(check(planted(defect)))
    assert found, f"{check.__name__} lets {words} pass"
    assert all(len(each) > 10 for each in found)


def test_every_check_has_been_seen_to_fail() -> None:
    assert {check.__name__ for check in CHECKS} == {check.__name__ for check in DEFECTS}


def test_a_defect_changes_a_copy(stacks: Subject, planted: Callable[[Plant], Subject]) -> None:
    planted(plain)
    policies = stacks.of("SQS::QueuePolicy").values()
    assert all(any(s["Effect"] == "Deny" for s in statements(policy["PolicyDocument"])) for policy in policies)
