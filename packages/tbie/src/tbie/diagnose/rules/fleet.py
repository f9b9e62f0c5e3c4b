"""Does whoever starts workers give them, and is it set up as declared? Readings → findings, pure."""

from __future__ import annotations

from collections.abc import Iterator

from tbie.core.finding import Evidence, Finding
from tbie.diagnose.catalogue import found
from tbie.diagnose.view import View


def fleet_cannot_grow(view: View) -> Iterator[Finding]:
    """Pools that have fewer workers than were asked for, because more are refused."""
    if view.leader is None:
        return  # what a dead reconciler said of its fleet is history
    for pool in view.readings.workflow.pools:
        fleet = view.fleet(pool)
        if fleet is None or fleet.value.refused is None or fleet.value.running >= fleet.value.desired:
            continue
        refused = fleet.value.refused
        yield found(
            "fleet_cannot_grow",
            Evidence("pool", pool, fleet.source, fleet.at_ms),
            Evidence("desired", fleet.value.desired, fleet.source, fleet.at_ms),
            Evidence("running", fleet.value.running, fleet.source, fleet.at_ms),
            Evidence("reason", refused.reason, fleet.source, fleet.at_ms),
            Evidence("last_words", refused.words, fleet.source, fleet.at_ms),
            Evidence("refused", refused.times, fleet.source, fleet.at_ms),
            Evidence("waited_s", (view.now_ms - refused.since_ms) / 1000, fleet.source, fleet.at_ms),
        )


def fleet_drift(view: View) -> Iterator[Finding]:
    """Pools whose fleet is not what was declared."""
    if view.leader is None:
        return
    for pool in view.readings.workflow.pools:
        fleet = view.fleet(pool)
        if fleet is not None and fleet.value.drift:
            yield found(
                "fleet_drift",
                Evidence("pool", pool, fleet.source, fleet.at_ms),
                Evidence("differences", list(fleet.value.drift), fleet.source, fleet.at_ms),
            )
