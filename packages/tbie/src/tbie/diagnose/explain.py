"""One item: its state, why it does not move, what was decided about it, what would move it, and what is wrong with it.

Callers: ``explain`` of an application. What the reconciler would decide is asked of the reconciler's own function.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tbie.core.clock import Clock
from tbie.core.finding import Finding, State
from tbie.core.keys import ItemKey
from tbie.core.reading import Known, Reading, Unknown
from tbie.core.settings import Settings
from tbie.diagnose.probes import take
from tbie.diagnose.probes.attempt import attempt
from tbie.diagnose.probes.truth import open_of
from tbie.diagnose.readings import Failures, Readings, Rows
from tbie.diagnose.rules import execution, intent, mended, truth
from tbie.diagnose.rules.gaps import fates, unread
from tbie.diagnose.view import View
from tbie.intent import IntentQueue
from tbie.reconciler.decide import Action, Blind, Looked, Sight, decide
from tbie.reconciler.ledger import Ledger, LedgerEntry
from tbie.truth import QUARANTINED, Document, Item, OpenStage, StageRecord, StageState, TruthStore
from tbie.workflow import Workflow

MOVES = {
    Action.EMIT: "the change stream",
    Action.SUPERSEDE: "the next sweep, which sends a new intent (`reconcile --once` does it now)",
    Action.EXHAUST: "the next sweep, which records the failure",
}
"""By what the reconciler would do, what does it."""


@dataclass(frozen=True, slots=True)
class Case:
    """One item and everything that its explanation is made of."""

    item: Item
    readings: Readings
    settings: Settings
    decisions: Reading[tuple[LedgerEntry, ...]] | None
    """Every decision that is kept about it, oldest first; None without a ledger."""


def look_at(
    item: Item,
    workflow: Workflow,
    truth_store: TruthStore,
    queue: IntentQueue,
    clock: Clock,
    settings: Settings,
    ledger: Ledger | None = None,
) -> Case:
    """Read what explains *item*. Never raises."""
    readings = take(workflow, truth_store, queue, clock, settings, ledger=ledger, about=item.key)
    decisions = attempt("ledger", clock, lambda: tuple(ledger.of(item.key))) if ledger is not None else None
    return Case(item, readings, settings, decisions)


def stages(case: Case) -> list[dict[str, Any]]:
    """Every stage of the workflow: its state, why it is there, and what would move it."""
    return [_stage(case, stage.name) for stage in case.readings.workflow.stages]


def decisions(case: Case) -> list[dict[str, Any]]:
    """What the reconciler decided about the item, oldest first, with how often and when. A ledger that is away says so."""
    match case.decisions:
        case None:
            return []
        case Unknown(error=error):
            return [{"error": error}]
        case Known(value=entries):
            return [
                {
                    "stage": entry.stage,
                    "action": entry.action,
                    "reason": entry.reason,
                    "decision": entry.token,
                    "times": entry.times,
                    "first": _iso(entry.first_ms),
                    "last": _iso(entry.last_ms),
                    "evidence": dict(entry.evidence),
                }
                for entry in entries
            ]


def findings(case: Case) -> list[Finding]:
    """What is wrong, or was a moment ago, with this item alone."""
    view = View(case.readings, case.settings)
    key = case.item.key
    gaps = [gap for gap in view.gaps if gap.row.key == key]
    cases = [one for gap in gaps if not unread(view, one := intent.case(gap, view.now_ms))]
    mine = _narrowed(case)
    missed = [one for one in mended.missing_cases(view) if one.key == key]
    found = [
        *truth.dirty_retry(mine),
        *intent.by_code(view, fates(view, cases), State.STANDING),
        *intent.misrouted_intent(mine),
        *intent.by_code(view, fates(view, missed), State.REPAIRED),
        *execution.class_paused(mine),
        *execution.poison_item(mine),
    ]
    standing = {finding.code for finding in found if finding.state is State.STANDING}
    return [f for f in found if f.state is State.STANDING or f.code not in standing]


def _narrowed(case: Case) -> View:
    """The readings as if this item were alone in the world."""
    r, item = case.readings, case.item
    rows = Known(Rows(tuple(open_of(item)), True), "truth", r.at_ms)
    quarantined = tuple(
        (item.key, record.stage, record.reason, record.evidence or {})
        for record in item.stages.values()
        if record.state is StageState.FAILED and record.reason in QUARANTINED
    )
    failures = Known(Failures((), quarantined, True), "truth", r.at_ms)
    items: Reading[Mapping[ItemKey, Item]] = Known({item.key: item}, "truth", r.at_ms)
    pauses: Reading[tuple[Document, ...]] = r.control.pauses
    if isinstance(pauses, Known):
        pauses = Known(tuple(p for p in pauses.value if _holds(p, rows.value.rows)), pauses.source, pauses.at_ms)
    return View(
        replace(
            r,
            truth=replace(r.truth, opened=rows, items=items, failures=failures),
            control=replace(r.control, pauses=pauses),
        ),
        case.settings,
    )


def _holds(pause: Document, rows: tuple[OpenStage, ...]) -> bool:
    """Whether *pause* puts off one of *rows*; its probe is let through."""
    body = pause.body
    return not body.get("healed") and any(
        (row.key.tenant, row.stage, row.reason) == (body.get("tenant"), body.get("stage"), body.get("reason"))
        and row.token != body.get("probe")
        for row in rows
    )


def _stage(case: Case, name: str) -> dict[str, Any]:
    record = case.item.stages.get(name)
    if record is None:
        return {"stage": name, "state": "waiting", "why": _waiting(case, name), "moves": "its needs completing"}
    shown: dict[str, Any] = {
        "stage": name,
        "state": record.state.value,
        "version": record.version,
        "generation": record.generation,
        "attempts": record.attempts,
        "for_s": round((case.readings.at_ms - record.since_ms) / 1000, 1),
    }
    if record.reason:
        shown["reason"] = record.reason
    if record.evidence:
        shown["evidence"] = dict(record.evidence)
    shown.update(_why(case, record))
    return shown


def _why(case: Case, record: StageRecord) -> dict[str, str]:
    match record.state:
        case StageState.PENDING:
            return _pending(case, record)
        case StageState.WAITING:
            return {"why": _waiting(case, record.stage), "moves": "its needs completing"}
        case StageState.FAILED:
            return {"why": f"failed: {record.reason}", "moves": _after_failure(case, record)}
        case StageState.SKIPPED:
            return {"why": f"not applicable: {record.reason}", "moves": "a replay of the stage that it depends on"}
        case StageState.COMPLETED:
            return {}


def _after_failure(case: Case, record: StageRecord) -> str:
    again = f"`replay --from {record.stage}`"
    if not record.retriable:
        return f"another file, or {again} after an upgrade"
    if record.reason in QUARANTINED:
        return f"{again} after an upgrade, or with another file: it took its workers with it, so nothing else tries it"
    left = case.settings.reset_budget_count - record.resets
    if left <= 0:
        return f"{again} once the cause is gone; its automatic resets are used up"
    rest_s = case.settings.reset_cooldown_s - (case.readings.at_ms - record.updated_ms) / 1000
    return (
        f"{again} once the cause is gone; or by itself, in {max(rest_s, 0):.0f} s at the earliest ({left} resets left)"
    )


def _waiting(case: Case, name: str) -> str:
    needs = case.readings.workflow[name].needs
    unmet = [n for n in needs if (r := case.item.stages.get(n)) is None or not r.state.final]
    if unmet:
        return f"waits for {', '.join(unmet)}"
    return "waits until no other item of this tenant is in an earlier stage"


def _pending(case: Case, record: StageRecord) -> dict[str, str]:
    readings, now_ms = case.readings, case.readings.at_ms
    (row,) = (row for row in open_of(case.item) if row.stage == record.stage)
    reading = readings.intent.presences.get(record.stage)
    sight: Sight = Blind("it was settled, or opened, while it was looked at")
    if isinstance(reading, Known):
        sight = Looked(reading.value.get(row.key))
    elif isinstance(reading, Unknown):
        sight = Blind(reading.error)
    declared = readings.workflow.declared(row.stage, row.key.tenant)
    decision = decide(row, declared, sight, now_ms, int(case.settings.sweep_grace_s * 1000))
    pauses = readings.control.pauses
    if isinstance(pauses, Known) and (pause := next((p for p in pauses.value if _holds(p, (row,))), None)):
        until = pause.body.get("until_ms")
        left = f", for {(until - now_ms) / 1000:.0f} s more" if isinstance(until, int) and until > now_ms else ""
        return {"why": f"class_paused: {row.reason}{left}", "moves": "a probe of its class that succeeds"}
    waits = record.not_before_ms - now_ms
    if decision.action is Action.NOTHING and waits > 0:
        return {"why": f"waits {waits / 1000:.1f} s after {record.reason}", "moves": "time"}
    moves = "a worker taking its intent" if decision.reason == "intent_is_live" else "the change stream"
    return {"why": decision.reason, "moves": MOVES.get(decision.action, moves)}


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
