"""What happened within the last minutes and was mended by the reconciler: who comes late still learns which boundary it was.

The ledger tells. Readings → findings of state "repaired", pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from tbie.core.finding import Evidence, Finding, State
from tbie.diagnose.catalogue import found
from tbie.diagnose.readings import PUT_RIGHT, RECENT_MS, PutRight
from tbie.diagnose.rules.gaps import Case, fates
from tbie.diagnose.rules.intent import by_code
from tbie.diagnose.view import View
from tbie.reconciler.ledger import LedgerEntry


def recent(view: View) -> list[LedgerEntry]:
    """Decisions of the last minutes, newest first."""
    if view.history is None:
        return []
    return [entry for entry in view.history.value.recent if view.now_ms - entry.first_ms <= RECENT_MS]


def missing_intents(view: View) -> Iterator[Finding]:
    """Intents that were missing until the sweep sent them again, by what had become of them."""
    yield from by_code(view, fates(view, missing_cases(view)), State.REPAIRED)


def missing_cases(view: View) -> list[Case]:
    """Those of them about which every decision was read. One younger than the stream needs was not missing, but early."""
    cases = []
    grace_ms = int(1000 * view.settings.sweep_grace_s)
    for entry in recent(view):
        if entry.action != "supersede" or entry.reason != "truth_without_intent" or view.history is None:
            continue
        age_ms = entry.evidence.get("age_ms")
        if entry.key in view.history.value.of and isinstance(age_ms, int) and age_ms >= grace_ms:
            cases.append(Case(entry.key, entry.stage, "", entry.first_ms - age_ms, entry.first_ms))
    return cases


def put_right(view: View) -> Iterator[Finding]:
    """Rows that were not as they have to be: found by a sweep, which notes it, or by a worker before it ran anything."""
    cases = [
        PutRight(entry.key, entry.stage, entry.reason, "reconciler", entry.first_ms)
        for entry in recent(view)
        if entry.reason in PUT_RIGHT and entry.action not in ("nothing", "exhaust")
    ]
    if view.history is not None:
        cases += view.history.value.put_right
    for code in PUT_RIGHT:
        same = [case for case in cases if case.reason == code]
        if same:
            last = max(same, key=lambda case: case.at_ms)
            yield found(
                code,
                Evidence("put_right", len(same), "ledger and history", last.at_ms),
                Evidence("item", [*last.key, last.stage], "ledger and history", last.at_ms),
                Evidence("by", last.who, "ledger and history", last.at_ms),
                state=State.REPAIRED,
            )
