"""From findings to a verdict: which of them is the root, and whether enough was read to call anything healthy. Pure.

A finding is explained by another if that one alone would bring it about; the root is what nothing explains.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tbie.core.finding import Boundary, Finding, State
from tbie.core.reading import Unknown
from tbie.core.settings import Settings
from tbie.diagnose.catalogue import CATALOGUE
from tbie.diagnose.readings import Readings
from tbie.diagnose.rules import findings
from tbie.diagnose.view import View

HEALTHY, UNKNOWN = "healthy", "unknown"

_MISSING = frozenset(
    {
        "truth_without_intent",
        "intent_destroyed_early",
        "intent_expired",
        "stream_gap",
        "undiscovered_tenant",
        "misrouted_intent",
    }
)
"""Intents that a reconciler which lives and sees would have sent by now."""

_NO_WORKERS = frozenset({"bootstrap_silence", "execution_stalled", "worker_crash_loop"})

_ALL = frozenset(CATALOGUE)

EXPLAINS: dict[str, frozenset[str]] = {
    "disk_full": _ALL,
    "truth_unavailable": _ALL - {"disk_full"},
    "control_plane_silent": _MISSING
    | _NO_WORKERS
    | {"stream_stalled", "sweep_starved", "campaign_stalled", "fleet_unreadable", "class_paused", "dirty_retry"},
    "control_plane_blind": _MISSING
    | _NO_WORKERS
    | {"queue_unreadable", "fleet_unreadable", "stream_stalled", "sweep_starved", "campaign_stalled"},
    "sweep_starved": frozenset(
        {"truth_without_intent", "intent_destroyed_early", "intent_expired", "misrouted_intent"}
    ),
    "stream_stalled": frozenset({"stream_gap", "undiscovered_tenant"}),
    "two_reconcilers": frozenset({"replay_storm", "duplicate_delivery", "truth_without_intent"}),
    "replay_storm": frozenset({"truth_without_intent", "intent_destroyed_early", "duplicate_delivery"}),
    "execution_drift": _NO_WORKERS,
    "fleet_cannot_grow": _NO_WORKERS,
    "bootstrap_silence": frozenset({"worker_crash_loop", "execution_stalled"}),
    "worker_crash_loop": frozenset({"execution_stalled"}),
    "misrouted_intent": frozenset({"failed_items", "class_paused"}),
    "poison_item": frozenset({"failed_items"}),
    "class_paused": frozenset({"failed_items"}),
    "clock_skew": frozenset({"duplicate_delivery"}),
}
"""By code, what it alone would bring about."""


class Diagnosis(NamedTuple):
    """The answer."""

    verdict: str
    """``healthy``, ``unknown``, or the boundary of the root finding."""
    boundary: Boundary | None
    findings: tuple[Finding, ...]
    at_ms: int
    summary: str
    """The verdict in one sentence."""

    @property
    def healthy(self) -> bool:
        """Whether everything that is needed was read and nothing stands."""
        return self.verdict == HEALTHY

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "verdict": self.verdict,
            "boundary": None if self.boundary is None else self.boundary.value,
            "at_ms": self.at_ms,
            "summary": self.summary,
            "findings": [finding.to_json(self.at_ms) for finding in self.findings],
        }


def diagnose(readings: Readings, settings: Settings) -> Diagnosis:
    """Findings and verdict from *readings*."""
    view = View(readings, settings)
    all_found = findings(view)
    if any(finding.state is State.STANDING for finding in all_found):
        return of_findings(all_found, readings.at_ms)
    missing = unread(readings)
    if missing:
        words = f"Unknown: {missing[0].source} could not be read ({missing[0].error}). This is not the same as healthy."
        return Diagnosis(UNKNOWN, Boundary.BELIEF, all_found, readings.at_ms, words)
    return Diagnosis(HEALTHY, None, all_found, readings.at_ms, _well(view, all_found))


def of_findings(all_found: Sequence[Finding], at_ms: int) -> Diagnosis:
    """The diagnosis that *all_found* amount to; at least one of them stands."""
    root = root_of([finding for finding in all_found if finding.state is State.STANDING])
    assert root is not None, "nothing stands"
    return Diagnosis(root.boundary.value, root.boundary, tuple(all_found), at_ms, _sentence(root))


def root_of(standing: list[Finding]) -> Finding | None:
    """What nothing else explains: first what holds up work, in the order of the catalogue."""
    codes = {finding.code for finding in standing}
    roots = [f for f in standing if not any(f.code in EXPLAINS.get(code, ()) for code in codes - {f.code})]
    return min(roots or standing, key=lambda f: not CATALOGUE[f.code].holds_up_work, default=None)


def unread(readings: Readings) -> tuple[Unknown, ...]:
    """What is needed before anything may be called healthy, and could not be read. The ledger only explains."""
    return tuple(part for part in readings.unknown if part.source != "ledger")


_LEAD = {
    Boundary.TRUTH: "Truth itself is not well",
    Boundary.INTENT: "Waiting because Intent is missing or wrong",
    Boundary.EXECUTION: "Intent is there and Execution cannot realise it",
    Boundary.CONTROL_PLANE: "Waiting because the control plane does not do its part",
    Boundary.BELIEF: "What has to be known cannot be read or trusted",
}
_ASIDE = "Work goes on, and something wants a look"
"""Where the root holds up nothing."""


def _sentence(root: Finding) -> str:
    known = CATALOGUE[root.code]
    meaning, lead = known.meaning, _LEAD[root.boundary] if known.holds_up_work else _ASIDE
    return f"{lead}: {meaning[0].lower()}{meaning[1:].rstrip('.')} ({root.code})."


def _well(view: View, all_found: tuple[Finding, ...]) -> str:
    open_work = view.pending() or 0
    mended = f" {len(all_found)} repaired within the last minutes." if all_found else ""
    if not view.unsettled:
        return f"Healthy: nothing is open, and everything that is needed was read.{mended}"
    return f"Healthy: {open_work} stages are open, none without its intent, and nothing keeps them from moving.{mended}"
