"""Findings: each code of the catalogue at 0 from the start, at 1 while the finding stands, or was mended just now."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from parjanya.api.metrics.scrape import Scrape
from tbie.core.finding import State
from tbie.diagnose import diagnose, take
from tbie.diagnose.catalogue import CATALOGUE


def finding_families(scrape: Scrape) -> Iterator[Metric]:
    """What `diagnose` would say at this moment."""
    system = scrape.system
    readings = take(
        system.workflow,
        system.truth,
        system.intent,
        system.clock,
        system.settings,
        ledger=system.ledger,
        room_bytes=lambda: shutil.disk_usage(system.home.root).free,
        engine_expected=True,
    )
    found = diagnose(readings, system.settings).findings
    standing = GaugeMetricFamily("tbie_finding", "1 while a finding stands, else 0.", labels=["code"])
    mended = GaugeMetricFamily("tbie_finding_repaired", "1 while a finding was repaired just now.", labels=["code"])
    for code in CATALOGUE:
        standing.add_metric([code], int(any(f.code == code and f.state is State.STANDING for f in found)))
        mended.add_metric([code], int(any(f.code == code and f.state is State.REPAIRED for f in found)))
    yield standing
    yield mended
