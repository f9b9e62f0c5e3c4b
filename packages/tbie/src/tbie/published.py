"""A workflow as plain data: what those who have its code publish, for those who have not.

A control plane has to know stages, their order, versions and retries, and none of what executes them. A small function reads
them here instead of importing an image library to learn a fingerprint. Callers: whoever deploys or declares (``publish``), the
functions (``published``), the build that packs a workflow (``to_json``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tbie.core.errors import WorkflowError
from tbie.core.outcome import Facts
from tbie.truth import Document, TruthStore
from tbie.workflow import RetryPolicy, Stage, Workflow

KIND = "workflow"
"""The kind of the document; its name is the workflow's."""


class Published(NamedTuple):
    """A workflow as somebody published it, and what of (a digest of whatever it was made from)."""

    workflow: Workflow
    of: str
    revision: int


def to_json(workflow: Workflow) -> dict[str, Any]:
    """*workflow* as plain data, without what was declared for tenants.

    Raises:
        WorkflowError: a stage decides by code whether it applies to an item; that cannot be written down.
    """
    for stage in workflow.stages:
        if stage.eligible is not None:
            raise WorkflowError(f"stage {stage.name!r} has an eligibility test, which is code: it cannot be published")
    return {"name": workflow.name, "stages": [_plain(stage) for stage in workflow.stages]}


def from_json(body: Mapping[str, Any]) -> Workflow:
    """The workflow that ``to_json`` wrote.

    Raises:
        WorkflowError: it is nothing of the kind.
    """
    try:
        return Workflow(str(body["name"]), tuple(_stage(stage) for stage in body["stages"]))
    except (KeyError, TypeError, ValueError) as error:
        raise WorkflowError(f"this is no workflow that this program can read: {error!r}") from error


def publish(truth: TruthStore, workflow: Workflow, of: str) -> bool:
    """Make *workflow*, made from *of*, what is published; whether it was something else. By compare-and-set.

    Raises:
        TruthUnavailableError, WorkflowError: nothing was published.
    """
    found = _document(truth, workflow.name)
    body = {"of": of, "workflow": to_json(workflow)}
    if found is not None and dict(found.body) == body:
        return False
    return truth.write_document(KIND, workflow.name, body, found.revision if found is not None else None) is not None


def published(truth: TruthStore, name: str) -> Published | None:
    """What is published under *name*; None if nothing is.

    Raises:
        TruthUnavailableError: nobody can say.
        WorkflowError: it cannot be read.
    """
    found = _document(truth, name)
    if found is None:
        return None
    body: Facts = found.body
    plain = body.get("workflow")
    if not isinstance(plain, Mapping):
        raise WorkflowError(f"the published workflow {name!r} holds no workflow: publish it anew")
    return Published(from_json(plain), str(body.get("of", "")), found.revision)


def _document(truth: TruthStore, name: str) -> Document | None:
    return next((document for document in truth.documents(KIND) if document.name == name), None)


def _plain(stage: Stage) -> dict[str, Any]:
    retry = stage.retry
    return {
        "name": stage.name,
        "version": stage.version,
        "pool": stage.pool,
        "needs": list(stage.needs),
        "owns": list(stage.owns),
        "retry": [retry.max_receives, retry.backoff_base_s, retry.backoff_max_s],
        "max_run_s": stage.max_run_s,
        "claim_batch": stage.claim_batch,
        "barrier": stage.barrier,
    }


def _stage(body: Mapping[str, Any]) -> Stage:
    receives, base_s, most_s = body["retry"]
    return Stage(
        _text(body["name"]),
        _text(body["version"]),
        _text(body["pool"]),
        tuple(map(_text, body["needs"])),
        tuple(map(_text, body["owns"])),
        None,
        RetryPolicy(int(receives), float(base_s), float(most_s)),
        float(body["max_run_s"]),
        int(body["claim_batch"]),
        bool(body["barrier"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r:.60} is no name")
    return value
