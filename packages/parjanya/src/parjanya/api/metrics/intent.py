"""Intent: what is queued, and the first thing to look at: what is open in Truth and queued nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric

from parjanya.api.metrics.scrape import Scrape, number
from parjanya.views.coverage import coverage
from tbie.core.reading import Known
from tbie.truth import StageState

COUNTED_HERE_ROWS = 5_000
"""Open records up to which the gap is counted at each scrape (a fifth of a second). Beyond, the count of the last sweep is
taken while it is fresh: it compared the same rows, and comparing 100,000 again takes seconds."""

FRESH_SWEEPS = 3
"""Sweeps after which the last one's count is old: then it is counted here, whatever it costs."""


class Gap(NamedTuple):
    """The gap of one stage, the age of the oldest record in it, and the age of this count."""

    rows: float
    oldest_s: float
    age_s: float


def intent_families(scrape: Scrape) -> Iterator[Metric]:
    """The coverage gap, then messages by condition, and how long the next one has waited."""
    gap = GaugeMetricFamily(
        "tbie_coverage_gap", "Pending in Truth without a live intent: work that nothing will do.", labels=["stage"]
    )
    oldest_gap = GaugeMetricFamily(
        "tbie_coverage_gap_oldest_seconds", "Age of the oldest record in the gap; 0 if none.", labels=["stage"]
    )
    counted = GaugeMetricFamily("tbie_coverage_age_seconds", "How old the count of the gap is.", labels=["stage"])
    messages = GaugeMetricFamily("tbie_intent_messages", "Messages by condition.", labels=["stage", "condition"])
    waits = GaugeMetricFamily(
        "tbie_intent_oldest_visible_seconds", "How long the next message has waited; 0 if none.", labels=["stage"]
    )
    readable = True
    for stage in scrape.stages:
        found = _gap(scrape, stage)
        if found is not None:
            gap.add_metric([stage], found.rows)
            oldest_gap.add_metric([stage], found.oldest_s)
            counted.add_metric([stage], found.age_s)
        reading = scrape.system.intent.depth(stage)
        if isinstance(reading, Known):
            depth = reading.value
            for condition in ("visible", "in_flight", "delayed", "dead"):
                messages.add_metric([stage, condition], getattr(depth, condition))
            waits.add_metric([stage], (depth.oldest_ms or 0) / 1000)
        else:
            readable = False
    yield gap
    yield oldest_gap
    yield counted
    yield GaugeMetricFamily("tbie_intent_up", "1 if every queue could be read at this scrape, else 0.", value=readable)
    yield messages
    yield waits


def _gap(scrape: Scrape, stage: str) -> Gap | None:
    if sum(scrape.rows.get((s, StageState.PENDING), 0) for s in scrape.stages) > COUNTED_HERE_ROWS:
        swept = _swept(scrape, stage)
        if swept is not None:
            return swept
    found = coverage(scrape.system.truth, scrape.system.intent, stage)
    return None if found is None else Gap(found.gap, scrape.age_s(found.oldest_ms), 0.0)


def _swept(scrape: Scrape, stage: str) -> Gap | None:
    """What the last finished sweep counted, before it repaired; None if there is none, or it is old."""
    body: Mapping[str, Any] = scrape.leader
    at_ms = body.get("coverage_at_ms")
    of_stage = (body.get("coverage") or {}).get(stage)
    if not isinstance(at_ms, int) or not isinstance(of_stage, Mapping):
        return None
    age_s = scrape.age_s(at_ms)
    rows, oldest_ms = number(of_stage.get("gap")), number(of_stage.get("oldest_ms")) or 0.0
    if rows is None or age_s > FRESH_SWEEPS * scrape.system.settings.sweep_interval_s + scrape.silence_ms / 1000:
        return None
    return Gap(rows, oldest_ms / 1000 + age_s if rows else 0.0, age_s)
