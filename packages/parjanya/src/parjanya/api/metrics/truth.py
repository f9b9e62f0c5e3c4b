"""Truth: what exists and how far it is."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from parjanya.api.metrics.scrape import Scrape
from tbie.truth import StageState


def truth_families(scrape: Scrape) -> Iterator[Metric]:
    """Records by state, age of the oldest open one, tenants, changes."""
    rows = GaugeMetricFamily("tbie_truth_rows", "Stage records by state.", labels=["stage", "state"])
    oldest = GaugeMetricFamily(
        "tbie_truth_oldest_open_seconds", "Age of the oldest pending record; 0 if none.", labels=["stage"]
    )
    for stage in scrape.stages:
        for state in StageState:
            rows.add_metric([stage, state.value], scrape.rows.get((stage, state), 0))
        oldest.add_metric([stage], scrape.age_s(scrape.system.truth.oldest_open_ms(stage)))
    yield rows
    yield oldest
    yield GaugeMetricFamily("tbie_tenants", "Tenants that ever added an item.", value=scrape.tenants)
    changes = scrape.system.truth.last_seq()
    yield CounterMetricFamily("tbie_truth_changes", "Changes of Truth ever recorded.", value=changes)
