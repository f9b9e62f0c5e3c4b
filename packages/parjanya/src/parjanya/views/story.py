"""The story of one item: what state it is in, what it waits for and why, what happened so far, what would move it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tbie.core.clock import Clock
from tbie.core.keys import ItemKey
from tbie.core.settings import Settings
from tbie.diagnose import explain
from tbie.intent import IntentQueue
from tbie.reconciler.ledger import Ledger
from tbie.truth import Item, TruthStore
from tbie.workflow import Workflow


def story(
    item: Item,
    workflow: Workflow,
    truth: TruthStore,
    intent: IntentQueue,
    clock: Clock,
    settings: Settings,
    ledger: Ledger | None = None,
) -> dict[str, Any]:
    """Everything known of *item*, as plain data."""
    case = explain.look_at(item, workflow, truth, intent, clock, settings, ledger)
    return {
        "tenant": item.key.tenant,
        "id": item.key.item,
        "address": {"bucket": item.address.bucket, "key": item.address.key},
        "stages": explain.stages(case),
        "findings": [finding.to_json(case.readings.at_ms) for finding in explain.findings(case)],
        "decisions": explain.decisions(case),
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
