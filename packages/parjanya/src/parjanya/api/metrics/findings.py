"""Findings: each code of the catalogue at 0 from the start, at 1 while the finding stands."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from parjanya.api.metrics.scrape import Scrape
from parjanya.views.diagnosis import read_diagnosis
from tbie.core.finding import State
from tbie.diagnose.catalogue import CATALOGUE


def finding_families(scrape: Scrape) -> Iterator[Metric]:
    """What the diagnosis of this moment says."""
    system = scrape.system
    diagnosis = read_diagnosis(
        system.home.root,
        system.workflow,
        system.truth,
        system.intent,
        system.clock,
        system.settings,
        running=True,  # whoever serves metrics leads this home
    )
    codes = {finding.code for finding in diagnosis.findings if finding.state is State.STANDING}
    findings = GaugeMetricFamily("tbie_finding", "1 while a finding stands, else 0.", labels=["code"])
    for code in CATALOGUE:
        findings.add_metric([code], int(code in codes))
    yield findings
