"""Metrics, read from the stores at the moment of the scrape, in the order Truth, Intent, Execution, control plane.

Every series exists from the start, at 0 where 0 is true. What cannot be read has no sample at all: an absent series can be
alarmed on, a false zero cannot. Page: docs/metrics.md, compared with a real scrape by a test.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from parjanya.api.metrics.control import control_families
from parjanya.api.metrics.decisions import decision_families
from parjanya.api.metrics.execution import execution_families
from parjanya.api.metrics.findings import finding_families
from parjanya.api.metrics.intent import intent_families
from parjanya.api.metrics.scrape import Scrape, take
from parjanya.api.metrics.truth import truth_families
from parjanya.profiles.system import System
from tbie.core.errors import TbieError

__all__ = ["TbieCollector"]


class TbieCollector(Collector):
    """Truth, Intent, Execution and control plane of one instance."""

    def __init__(self, system: System) -> None:
        self._system = system

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        began_s = self._system.clock.monotonic_s()
        up = GaugeMetricFamily("tbie_truth_up", "1 if Truth could be read at this scrape, else 0.")
        try:
            families = list(_families(take(self._system)))
        except TbieError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from families
        took = GaugeMetricFamily("tbie_scrape_duration_seconds", "What this scrape took.")
        took.add_metric([], self._system.clock.monotonic_s() - began_s)
        yield took


def _families(scrape: Scrape) -> Iterator[Metric]:
    yield from truth_families(scrape)
    yield from intent_families(scrape)
    yield from execution_families(scrape)
    yield from control_families(scrape)
    yield from decision_families(scrape)
    yield from finding_families(scrape)
