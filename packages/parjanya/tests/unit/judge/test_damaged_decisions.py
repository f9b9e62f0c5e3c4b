"""A decision of a person that is damaged in Truth: its verdict holds if it can be read, and nothing else falls with it."""

from __future__ import annotations

from typing import Any

import pytest

from parjanya.views.overrides import Overrides, decided_about
from parjanya.workflow import image_workflow
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.keys import ItemKey

KEY, OTHER = ItemKey("t", "a"), ItemKey("t", "b")
WHOLE = {"verdict": "reject", "reason": "blinked", "who": "operator:asha", "at_ms": 1_000}


def truth_with(body: Any) -> MemoryTruth:
    truth = MemoryTruth(image_workflow(), ManualClock(), SequentialIds())
    assert truth.write_document("override:t", KEY.item, body, None)
    assert truth.write_document("override:t", OTHER.item, WHOLE, None)
    return truth


@pytest.mark.parametrize(
    "damage",
    [
        {"reason": None},
        {"who": 7},
        {"at_ms": "yesterday"},
        {"at_ms": 10**30},
        {"at_ms": True},
        {"earlier": 5},
        {"earlier": ["x"]},
        {"forgotten": "many"},
    ],
)
def test_the_verdict_holds_whatever_else_is_damaged(damage: dict[str, Any]) -> None:
    overrides = Overrides(truth_with({**WHOLE, **damage}))
    found = overrides.of(KEY)
    assert found is not None
    assert (found.verdict, overrides.standing("t")) == ("reject", 2)
    assert found.to_json()["at"]


@pytest.mark.parametrize("missing", ["reason", "who", "at_ms"])
def test_what_is_missing_is_said_to_be_unknown(missing: str) -> None:
    truth = truth_with({name: value for name, value in WHOLE.items() if name != missing})
    found = Overrides(truth).of(KEY)
    assert found is not None
    assert found.verdict == "reject"
    assert missing == "at_ms" or "unknown" in getattr(found, missing)


@pytest.mark.parametrize("body", [{}, {"verdict": "perhaps"}, {"verdict": ["keep"]}])
def test_without_a_verdict_the_policy_decides_and_the_others_are_untouched(body: dict[str, Any]) -> None:
    truth = truth_with(body)
    assert Overrides(truth).of(KEY) is None
    assert Overrides(truth).of(OTHER) is not None
    decided = decided_about(truth, KEY)
    assert decided is not None
    assert decided.now.verdict is None
