"""Findings: each code of the catalogue at 0 from the start, at 1 while the finding stands."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from parjanya.api.metrics.scrape import Scrape
from tbie.watchdog import watch

CODES = ("control_plane_silent", "control_plane_blind", "execution_drift")


def finding_families(scrape: Scrape) -> Iterator[Metric]:
    """What the diagnosis of this moment says."""
    codes = {f.code for f in watch(list(scrape.beats), scrape.now_ms, scrape.silence_ms)}
    findings = GaugeMetricFamily("tbie_finding", "1 while a finding stands, else 0.", labels=["code"])
    for code in CODES:
        findings.add_metric([code], int(code in codes))
    yield findings
