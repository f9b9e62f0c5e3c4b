"""Metrics, read from the stores at the moment of the scrape. Every series exists from the start, at 0 where 0 is true.

What cannot be read has no sample at all: an absent series can be alarmed on, a false zero cannot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from parjanya.profiles.embedded import System
from parjanya.views.status import coverage_gap
from tbie.core.errors import TbieError
from tbie.core.reading import Known
from tbie.truth import StageState
from tbie.watchdog import watch

FINDINGS = ("control_plane_silent", "control_plane_blind", "execution_drift")


class TbieCollector(Collector):
    """Truth, Intent, fleet and control plane of one instance."""

    def __init__(self, system: System) -> None:
        self._system = system

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        up = GaugeMetricFamily("tbie_truth_up", "1 if Truth could be read at this scrape, else 0.")
        try:
            families = [*self._truth(), *self._intent(), *self._control()]
        except TbieError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from families

    def _truth(self) -> Iterator[Metric]:
        system = self._system
        counts: Counter[tuple[str, str]] = Counter()
        for (_, name, found), count in system.truth.tally().items():
            counts[name, found.value] += count
        rows = GaugeMetricFamily("tbie_truth_rows", "Stage records by state.", labels=["stage", "state"])
        oldest = GaugeMetricFamily(
            "tbie_truth_oldest_open_seconds", "Age of the oldest pending record; 0 if none.", labels=["stage"]
        )
        for stage in system.workflow.stages:
            for state in StageState:
                rows.add_metric([stage.name, state.value], counts[stage.name, state.value])
            since = system.truth.oldest_open_ms(stage.name)
            oldest.add_metric([stage.name], 0 if since is None else (system.clock.now_ms() - since) / 1000)
        yield rows
        yield oldest

    def _intent(self) -> Iterator[Metric]:
        system = self._system
        messages = GaugeMetricFamily("tbie_intent_messages", "Messages by condition.", labels=["stage", "condition"])
        gap = GaugeMetricFamily(
            "tbie_coverage_gap", "Pending in Truth without a live intent: work that nothing will do.", labels=["stage"]
        )
        for stage in system.workflow.stages:
            reading = system.intent.depth(stage.name)
            if isinstance(reading, Known):
                depth = reading.value
                for condition in ("visible", "in_flight", "delayed", "dead"):
                    messages.add_metric([stage.name, condition], getattr(depth, condition))
            missing = coverage_gap(system.truth, system.intent, stage.name)
            if missing is not None:
                gap.add_metric([stage.name], missing)
        yield messages
        yield gap

    def _control(self) -> Iterator[Metric]:
        system = self._system
        yield GaugeMetricFamily("tbie_fleet_workers", "Worker processes alive.", value=len(system.workers()))
        beats = system.truth.heartbeats()
        newest = max((b.at_ms for b in beats if b.component == "reconciler"), default=None)
        last = GaugeMetricFamily(
            "tbie_reconciler_last_heartbeat_timestamp_seconds", "When the reconciler last said that it lives."
        )
        if newest is not None:
            last.add_metric([], newest / 1000)
        yield last
        codes = {f.code for f in watch(beats, system.clock.now_ms(), int(system.settings.silence_s * 1000))}
        findings = GaugeMetricFamily("tbie_finding", "1 while a finding stands, else 0.", labels=["code"])
        for code in FINDINGS:
            findings.add_metric([code], int(code in codes))
        yield findings
