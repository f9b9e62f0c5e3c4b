"""The story of one item: what state it is in, what it waits for and why, what happened so far, what would move it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tbie.core.keys import ItemKey
from tbie.core.reading import Known
from tbie.core.settings import Settings
from tbie.intent import IntentQueue
from tbie.reconciler.decide import Action, Blind, Decision, Looked, Sight, decide
from tbie.truth import Item, OpenStage, StageRecord, StageState, TruthStore
from tbie.workflow import Workflow


def story(
    item: Item, workflow: Workflow, truth: TruthStore, intent: IntentQueue, settings: Settings, now_ms: int
) -> dict[str, Any]:
    """Everything known of *item*, as plain data."""
    return {
        "tenant": item.key.tenant,
        "id": item.key.item,
        "address": {"bucket": item.address.bucket, "key": item.address.key},
        "stages": [_stage(item, name.name, workflow, intent, settings, now_ms) for name in workflow.stages],
        "timeline": timeline(truth, item.key),
    }


def timeline(truth: TruthStore, key: ItemKey) -> list[dict[str, Any]]:
    """Every change of the item, oldest first, in a line each."""
    lines = []
    for entry in truth.history(key):
        changes = []
        for stage, after in entry.after.items():
            if not isinstance(after, dict) or "state" not in after:
                continue
            before = entry.before.get(stage)
            was = before["state"] if isinstance(before, dict) else "new"
            text = f"{stage}: {was} → {after['state']}"
            changes.append(f"{text} ({after['reason']})" if after.get("reason") else text)
        at = datetime.fromtimestamp(entry.at_ms / 1000, UTC).isoformat(timespec="milliseconds")
        lines.append({"seq": entry.seq, "at": at, "who": entry.cause.who, "why": entry.cause.why, "changes": changes})
    return lines


def _stage(
    item: Item, name: str, workflow: Workflow, intent: IntentQueue, settings: Settings, now_ms: int
) -> dict[str, Any]:
    record = item.stages.get(name)
    if record is None:
        return {
            "stage": name,
            "state": "waiting",
            "why": _waiting(item, name, workflow),
            "moves": "its needs completing",
        }
    shown: dict[str, Any] = {
        "stage": name,
        "state": record.state.value,
        "version": record.version,
        "generation": record.generation,
        "attempts": record.attempts,
        "for_s": round((now_ms - record.since_ms) / 1000, 1),
    }
    if record.reason:
        shown["reason"] = record.reason
    if record.evidence:
        shown["evidence"] = dict(record.evidence)
    shown.update(_why(item, record, workflow, intent, settings, now_ms))
    return shown


def _why(
    item: Item, record: StageRecord, workflow: Workflow, intent: IntentQueue, settings: Settings, now_ms: int
) -> dict[str, str]:
    match record.state:
        case StageState.PENDING:
            return _pending(item, record, workflow, intent, settings, now_ms)
        case StageState.WAITING:
            return {"why": _waiting(item, record.stage, workflow), "moves": "its needs completing"}
        case StageState.FAILED:
            again = f"replay --from {record.stage}"
            moves = (
                f"`{again}` once the cause is gone"
                if record.retriable
                else f"another file, or `{again}` after an upgrade"
            )
            return {"why": f"failed: {record.reason}", "moves": moves}
        case StageState.SKIPPED:
            return {"why": f"not applicable: {record.reason}", "moves": "a replay of the stage that it depends on"}
        case StageState.COMPLETED:
            return {}


def _waiting(item: Item, name: str, workflow: Workflow) -> str:
    stage = workflow[name]
    unmet = [n for n in stage.needs if (r := item.stages.get(n)) is None or not r.state.final]
    if unmet:
        return f"waits for {', '.join(unmet)}"
    return "waits until no other image of this tenant is in an earlier stage"


def _pending(
    item: Item, record: StageRecord, workflow: Workflow, intent: IntentQueue, settings: Settings, now_ms: int
) -> dict[str, str]:
    row = OpenStage(
        item.key,
        record.stage,
        record.version,
        record.generation,
        record.token,
        record.since_ms,
        record.not_before_ms,
        record.attempts,
        item.address,
    )
    reading = intent.presence(record.stage, [item.key])
    sight: Sight = Looked(reading.value.get(item.key)) if isinstance(reading, Known) else Blind(reading.error)
    grace_ms = int(settings.sweep_grace_s * 1000)
    decision: Decision = decide(row, workflow.get(record.stage), sight, now_ms, grace_ms)
    waits = record.not_before_ms - now_ms
    if decision.action is Action.NOTHING and waits > 0:
        return {"why": f"waits {waits / 1000:.1f} s after {record.reason}", "moves": "time"}
    moves = {
        Action.NOTHING: "a worker taking its intent" if decision.reason == "intent_is_live" else "the change stream",
        Action.SUPERSEDE: "the next sweep, which sends a new intent (`reconcile --once` does it now)",
        Action.EMIT: "the change stream",
        Action.EXHAUST: "the next sweep, which records the failure",
    }
    return {"why": decision.reason, "moves": moves[decision.action]}
