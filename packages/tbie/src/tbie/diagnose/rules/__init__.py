"""Readings → findings. One concern, one function; each yields findings of codes that the catalogue has, or nothing.

The order is Truth → Intent → Execution → control plane → Belief, as an operator asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tbie.core.finding import Finding, State
from tbie.diagnose.catalogue import CATALOGUE
from tbie.diagnose.rules import belief, boot, control, execution, fleet, intent, mended, truth
from tbie.diagnose.view import View

Rule = Callable[[View], Iterable[Finding]]

RULES: tuple[Rule, ...] = (
    truth.truth_unavailable,
    truth.disk_full,
    truth.dirty_retry,
    truth.policy_change,
    truth.failed_items,
    intent.missing,
    intent.misrouted_intent,
    intent.replay_storm,
    intent.duplicate_delivery,
    mended.missing_intents,
    mended.put_right,
    execution.execution_drift,
    execution.worker_crash_loop,
    fleet.fleet_cannot_grow,
    boot.bootstrap_silence,
    execution.execution_stalled,
    execution.class_paused,
    execution.poison_item,
    execution.worker_died,
    fleet.fleet_drift,
    control.control_plane_watched,
    control.two_reconcilers,
    control.stream_stalled,
    control.sweep_starved,
    control.campaign_stalled,
    control.events_refused,
    belief.queue_unreadable,
    belief.fleet_unreadable,
    belief.clock_skew,
)

_PLACES = {code: place for place, code in enumerate(CATALOGUE)}


def findings(view: View) -> tuple[Finding, ...]:
    """What every rule finds: what stands before what was mended, then in the order of the catalogue.

    What was mended and stands again is told once, as standing.
    """
    all_found = [finding for rule in RULES for finding in rule(view)]
    standing = {finding.code for finding in all_found if finding.state is State.STANDING}
    kept = [f for f in all_found if f.state is State.STANDING or f.code not in standing]
    return tuple(sorted(kept, key=lambda f: (f.state is not State.STANDING, _PLACES[f.code])))
