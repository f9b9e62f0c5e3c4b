"""From Truth to what people read: one ``ImageRecord`` for each item."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from parjanya.catalog.paths import key_to_path
from parjanya.export.record import Failure, ImageRecord, Picture, Reason
from parjanya.stages import curate, group, observe, preview, quality, technical
from parjanya.views.candidates import all_items
from parjanya.views.overrides import Override, Overrides, applied
from tbie.core.keys import Address
from tbie.objects import ObjectStore
from tbie.truth import Item, StageRecord, StageState, TruthStore
from tbie.workflow import Workflow


def status_of(item: Item, workflow: Workflow) -> str:
    """``pending`` while anything may still happen to it, else ``failed`` or ``completed``."""
    records = [item.stages.get(stage.name) for stage in workflow.stages]
    if any(r is not None and r.state is StageState.PENDING for r in records):
        return "pending"
    if any(r is not None and r.state is StageState.FAILED for r in records):
        return "failed"
    if any(r is None or not r.state.final for r in records):
        return "pending"
    return "completed"


def records(
    truth: TruthStore, workflow: Workflow, objects: ObjectStore, tenant: str | None = None
) -> Iterator[ImageRecord]:
    """Every image (of one tenant) as it is now."""
    overrides = Overrides(truth)
    for item in all_items(truth, tenant):
        yield record(item, workflow, objects, overrides.of(item.key))


def record(item: Item, workflow: Workflow, objects: ObjectStore, override: Override | None = None) -> ImageRecord:
    """One item as people read it, with what a person decided about it. What is not known is None."""
    return applied(_record(item, workflow, objects), override)


def _record(item: Item, workflow: Workflow, objects: ObjectStore) -> ImageRecord:
    tech, prev, qual = (_facts(item, s.NAME) for s in (technical, preview, quality))
    seen, grouped, judged = (_facts(item, s.NAME) for s in (observe, group, curate))
    exif = _mapping(tech.get("exif"))
    taken = _mapping(exif.get("taken"))
    camera = " ".join(str(part) for part in (exif.get("make"), exif.get("model")) if part) or None
    path = key_to_path(str(item.attributes["path"]))
    return ImageRecord(
        id=item.key.item,
        tenant=item.key.tenant,
        path=os.fspath(path),
        source=path,
        status=status_of(item, workflow),
        sha256=tech.get("sha256"),
        failure=_failure(item, workflow),
        verdict=judged.get("verdict"),
        reasons=tuple(Reason(r["code"], r["text"], r.get("evidence") or {}) for r in judged.get("reasons") or ()),
        rating=judged.get("rating"),
        label=judged.get("label"),
        **seen_by(seen),
        scores=_scores(qual),
        group=grouped if grouped.get("group") is not None else None,
        scene=scene_of(grouped),
        policy_version=judged.get("policy_version"),
        policy=judged.get("policy"),
        policy_tag=judged.get("policy_tag"),
        versions={r.stage: r.version for r in _in_order(item, workflow) if r.state is StageState.COMPLETED},
        width=tech.get("width"),
        height=tech.get("height"),
        taken=taken.get("local"),
        camera=camera,
        lens=exif.get("lens"),
        iso=exif.get("iso"),
        f_number=exif.get("f_number"),
        exposure_s=exif.get("exposure_s"),
        focal_length_mm=exif.get("focal_length_mm"),
        thumb=_picture(objects, prev.get("thumb")),
        large=_picture(objects, prev.get("large")),
    )


def seen_by(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the *facts* of the stage observe say, as fields of a record: what a model saw, else what the classical engine saw."""
    classical = {"medium": facts.get("medium"), "confidence": facts.get("confidence")}
    model = _mapping(facts.get("model"))
    if not model:
        alone = {"medium": classical["medium"], "medium_confidence": classical["confidence"]}
        return {**alone, "engine": facts.get("engine")}
    observation, execution = _mapping(model.get("observation")), _mapping(model.get("execution"))
    grades = {name: _mapping(grade) for name, grade in _mapping(model.get("grades")).items()}
    return {
        "medium": observation.get("medium", classical["medium"]),
        "engine": execution.get("engine"),
        "model": _model_name(execution),
        "observed": {**observation, "grades": grades},
        "execution": execution,
        "witness": {"engine": facts.get("engine"), **classical},
    }


def scene_of(facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """The scene that the *facts* of the stage group tell of; None if there is none, or it is not known."""
    if facts.get("scene") is None:
        return None
    return {
        "name": facts["scene"],
        "size": facts.get("scene_size"),
        "rank": facts.get("scene_rank"),
        "in_scene": _mapping(facts.get("in_scene")),
    }


def _model_name(execution: Mapping[str, Any]) -> str | None:
    """The name that a server gives the model; else the id of its manifest."""
    model = execution.get("model")
    if isinstance(model, str):
        return model
    manifest = execution.get("manifest") or _mapping(model).get("manifest")
    return f"manifest {str(manifest)[:12]}" if manifest else None


def _in_order(item: Item, workflow: Workflow) -> list[StageRecord]:
    return [item.stages[stage.name] for stage in workflow.stages if stage.name in item.stages]


def _facts(item: Item, stage: str) -> Mapping[str, Any]:
    found = item.stages.get(stage)
    return found.facts if found is not None and found.facts is not None else {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _failure(item: Item, workflow: Workflow) -> Failure | None:
    for found in _in_order(item, workflow):
        if found.state is StageState.FAILED:
            evidence = found.evidence or {}
            message = evidence.get("message") or evidence.get("signal") or found.reason
            return Failure(found.stage, str(found.reason), str(message), found.retriable)
    return None


def _scores(facts: Mapping[str, Any]) -> dict[str, float | None]:
    """Numbers of the quality stage, nested ones with dots in their names."""
    scores: dict[str, float | None] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            scores.update({f"{name}.{k}": v for k, v in value.items() if isinstance(v, int | float)})
        elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            scores[name] = value
    return scores


def _picture(objects: ObjectStore, where: Mapping[str, Any] | None) -> Picture | None:
    if where is None:
        return None
    address = Address(where["bucket"], where["key"])
    return lambda: objects.get(address)
