"""A workflow as data: what is published is read again as it was, and what is none is refused in words."""

from __future__ import annotations

import json

import pytest

from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.errors import WorkflowError
from tbie.core.ids import SequentialIds
from tbie.published import KIND, from_json, publish, published, to_json
from tbie.testing.builders import chain, gallery, stage
from tbie.workflow import Workflow

WORKFLOW = Workflow("w", (stage("a"), stage("b", "a", barrier=True, max_receives=7)))


def _truth() -> MemoryTruth:
    return MemoryTruth(WORKFLOW, ManualClock(), SequentialIds())


def test_a_workflow_survives_as_it_was() -> None:
    read = from_json(json.loads(json.dumps(to_json(WORKFLOW))))
    assert read.stages == WORKFLOW.stages
    assert read.fingerprint == WORKFLOW.fingerprint


def test_what_was_declared_for_tenants_is_not_part_of_it() -> None:
    declaring = Workflow("w", WORKFLOW.stages)
    declaring.declare("a", {"t": "v9"})
    assert to_json(declaring) == to_json(WORKFLOW)


def test_a_stage_that_decides_by_code_cannot_be_published() -> None:
    with pytest.raises(WorkflowError, match="'look' has an eligibility test"):
        to_json(gallery())


def test_publishing_the_same_again_writes_nothing() -> None:
    truth = _truth()
    assert published(truth, "w") is None
    assert publish(truth, WORKFLOW, "build 1") is True
    assert publish(truth, WORKFLOW, "build 1") is False
    found = published(truth, "w")
    assert found is not None
    assert (found.of, found.workflow.stages) == ("build 1", WORKFLOW.stages)
    assert publish(truth, Workflow("w", chain("a").stages), "build 2") is True
    again = published(truth, "w")
    assert again is not None
    assert again.revision > found.revision


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"of": "x", "workflow": None},
        {"of": "x", "workflow": {"name": "w", "stages": [{"name": "a"}]}},
        {"of": "x", "workflow": {"name": "w", "stages": "many"}},
        {"of": "x", "workflow": {"name": "w", "stages": [{**to_json(WORKFLOW)["stages"][1]}]}},
        {"of": "x", "workflow": {"name": "w", "stages": [{**to_json(WORKFLOW)["stages"][0], "version": 7}]}},
        {"of": "x", "workflow": {"name": "w", "stages": [{**to_json(WORKFLOW)["stages"][0], "retry": []}]}},
    ],
)
def test_what_is_no_workflow_is_refused(body: dict[str, object]) -> None:
    truth = _truth()
    truth.write_document(KIND, "w", body, None)
    with pytest.raises(WorkflowError):
        published(truth, "w")
