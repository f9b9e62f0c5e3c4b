"""What happened within the last minutes and was mended by the reconciler: who comes late still learns which boundary it was.

The ledger tells. Readings → findings of state "repaired", pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from tbie.core.finding import Evidence, Finding, State
from tbie.diagnose.catalogue import found
from tbie.diagnose.readings import RECENT_MS
from tbie.diagnose.rules.gaps import Case, fates
from tbie.diagnose.rules.intent import by_code
from tbie.diagnose.view import View
from tbie.reconciler.ledger import LedgerEntry

MENDED = {"misrouted_intent": "misrouted_intent", "dirty_retry": "dirty_retry", "dirty_row": "dirty_retry"}
"""Reasons of the ledger that are a finding by themselves."""


def recent(view: View) -> list[LedgerEntry]:
    """Decisions of the last minutes, newest first."""
    if view.history is None:
        return []
    return [entry for entry in view.history.value.recent if view.now_ms - entry.first_ms <= RECENT_MS]


def missing_intents(view: View) -> Iterator[Finding]:
    """Intents that were missing until the sweep sent them again, by what had become of them."""
    cases = []
    for entry in recent(view):
        if entry.action != "supersede" or entry.reason != "truth_without_intent" or view.history is None:
            continue
        age_ms = entry.evidence.get("age_ms")
        if entry.key in view.history.value.of and isinstance(age_ms, int) and age_ms >= view.reaction_ms:
            cases.append(Case(entry.key, entry.stage, "", entry.first_ms - age_ms, entry.first_ms))
    yield from by_code(view, fates(view, cases), State.REPAIRED)


def repaired_reasons(view: View) -> Iterator[Finding]:
    """Decisions whose reason says it all."""
    by: dict[str, list[LedgerEntry]] = {}
    for entry in recent(view):
        if entry.reason in MENDED and entry.action != "nothing":
            by.setdefault(MENDED[entry.reason], []).append(entry)
    for code, entries in by.items():
        newest = entries[0]
        yield found(
            code,
            Evidence("mended", len(entries), "ledger", newest.first_ms),
            Evidence("item", [*newest.key, newest.stage], "ledger", newest.first_ms),
            Evidence("decision", newest.token, "ledger", newest.first_ms),
            *(Evidence(name, value, "ledger", newest.first_ms) for name, value in newest.evidence.items()),
            state=State.REPAIRED,
        )
