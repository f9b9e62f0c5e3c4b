"""Which failed stages are begun anew without anybody asking: pure.

What failed for a reason that may pass is reset, cleanly and from its boundary, a few times and not too soon. What took
its worker with it is quarantined: another attempt is a person's decision.
"""

from __future__ import annotations

from typing import NamedTuple

from tbie.core.settings import Settings
from tbie.truth import QUARANTINED, FailedStage


class Verdict(NamedTuple):
    """Whether to reset, and the stable code of why or why not."""

    reset: bool
    reason: str


def decide_reset(row: FailedStage, now_ms: int, settings: Settings, paused: bool = False) -> Verdict:
    """What to do about one failed, retriable stage; *paused* if its failure class is."""
    if row.reason in QUARANTINED:
        return Verdict(False, "quarantined")
    if row.resets >= settings.reset_budget_count:
        return Verdict(False, "reset_budget_spent")
    if now_ms - row.updated_ms < int(1000 * settings.reset_cooldown_s):
        return Verdict(False, "cooling_down")
    if paused:
        return Verdict(False, "class_paused")
    return Verdict(True, "retriable_failure")
