"""What cannot be read, or cannot be trusted: the queue, the fleet, the clocks. Readings → findings, pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tbie.core.finding import Evidence, Finding
from tbie.core.reading import Unknown
from tbie.diagnose.catalogue import found
from tbie.diagnose.view import View


def queue_unreadable(view: View) -> Iterator[Finding]:
    """Queues that do not answer."""
    intent = view.readings.intent
    errors = {
        name: reading
        for part in (intent.dead, intent.presences, intent.depths)
        for name, reading in part.items()
        if isinstance(reading, Unknown)
    }
    if errors:
        first = next(iter(errors.values()))
        yield found(
            "queue_unreadable",
            Evidence("stages", list(errors), first.source, first.at_ms),
            Evidence("error", first.error, first.source, first.at_ms),
        )


def fleet_unreadable(view: View) -> Iterator[Finding]:
    """Fleets that do not answer. What a dead reconciler could not read once does not count."""
    for pool, reading in view.readings.execution.fleets.items():
        if isinstance(reading, Unknown) and (view.leader is not None or reading.source == "fleet"):
            yield found(
                "fleet_unreadable",
                Evidence("pool", pool, reading.source, reading.at_ms),
                Evidence("error", reading.error, reading.source, reading.at_ms),
            )


def clock_skew(view: View) -> Iterator[Finding]:
    """Components whose clock differs: as the leader measured, or because what they said comes from the future."""
    tolerance_s = view.settings.clock_tolerance_s
    skewed: dict[str, float] = {}
    source, at_ms = "heartbeats", view.now_ms
    if view.leader is not None and isinstance(said := view.leader.body.get("skew"), Mapping):
        skewed = {str(name): float(s) for name, s in said.items() if isinstance(s, int | float)}
        if skewed:
            source, at_ms = f"heartbeat of {view.leader.component} {view.leader.instance}", view.leader.at_ms
    for beat in view.beats:
        ahead_s = (beat.at_ms - view.now_ms) / 1000
        if ahead_s > tolerance_s:
            skewed.setdefault(beat.instance, ahead_s)
    if skewed:
        yield found(
            "clock_skew",
            Evidence("seconds", skewed, source, at_ms),
            view.read("tolerance_s", tolerance_s, "settings"),
        )
