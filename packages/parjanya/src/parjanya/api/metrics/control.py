"""The control plane: whether it is heard, leads, follows the stream, and what it has done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from parjanya.api.metrics.scrape import Scrape, number

CAMPAIGN_STATES = ("running", "paused", "done", "cancelled")
ROLES = ("leader", "standby", "operator")

TOTALS = {
    "sent": ("tbie_reconciler_emitted", "Intents sent."),
    "superseded": ("tbie_reconciler_superseded", "Open stages that were given a fresh intent because theirs was gone."),
    "exhausted": ("tbie_reconciler_exhausted", "Open stages that were failed because their receives were used up."),
    "woken": ("tbie_reconciler_woken", "Open stages that were sent again because their pause had ended."),
    "misrouted": ("tbie_reconciler_misrouted", "Open stages that were failed because nothing is at their address."),
}
"""What the reconciler counted since it started: a restart begins at 0, as counters may."""


def control_families(scrape: Scrape) -> Iterator[Metric]:
    """Heartbeat, sweep, role, lag, totals, blindness, pauses, campaigns."""
    body = scrape.leader
    newest = next((beat.at_ms for beat in scrape.of("reconciler")), None)
    yield _time(
        "tbie_reconciler_last_heartbeat_timestamp_seconds", "When the reconciler last said that it lives.", newest
    )
    yield _time("tbie_reconciler_last_sweep_timestamp_seconds", "When a sweep last ended.", body.get("last_sweep_ms"))
    roles = Counter(str(beat.body.get("role")) for beat in scrape.fresh("reconciler"))
    reconcilers = GaugeMetricFamily(
        "tbie_reconcilers", "Reconcilers heard by role; more than one leader is a fault.", labels=["role"]
    )
    for role in ROLES:
        reconcilers.add_metric([role], roles[role])
    yield reconcilers
    yield _said("tbie_reconciler_epoch", "Term of the reconciler that leads; grows with each change.", body, "epoch")
    cursor = max(scrape.system.truth.cursor("reconciler"), int(number(body.get("cursor")) or 0))
    lag = max(0, scrape.system.truth.last_seq() - cursor)
    yield GaugeMetricFamily("tbie_stream_lag_changes", "Changes of Truth that the reconciler has not read.", value=lag)
    yield CounterMetricFamily(
        "tbie_reconciler_passes", "Passes of the reconciler.", value=number(body.get("passes")) or 0
    )
    yield from _totals(body)
    yield _blind(body)
    yield GaugeMetricFamily("tbie_pauses", "Failure classes that are paused.", value=_standing_pauses(scrape))
    yield _campaigns(scrape)


def _time(name: str, words: str, at_ms: object) -> Metric:
    family = GaugeMetricFamily(name, words)
    if value := number(at_ms):
        family.add_metric([], value / 1000)
    return family


def _said(name: str, words: str, body: Mapping[str, object], key: str) -> Metric:
    """0 before anybody said anything; no sample if it was not said."""
    family = GaugeMetricFamily(name, words)
    value = number(body.get(key, None if body else 0))
    if value is not None:
        family.add_metric([], value)
    return family


def _totals(body: Mapping[str, object]) -> Iterator[Metric]:
    totals = body.get("totals") if body else dict.fromkeys(TOTALS, 0)
    for key, (name, words) in TOTALS.items():
        family = CounterMetricFamily(name, words)
        value = number(totals.get(key)) if isinstance(totals, Mapping) else None
        if value is not None:
            family.add_metric([], value)
        yield family


def _blind(body: Mapping[str, object]) -> Metric:
    blind = body.get("blind") if body else []
    family = GaugeMetricFamily("tbie_reconciler_blind_readings", "Readings that the reconciler could not take.")
    if isinstance(blind, list):
        family.add_metric([], len(blind))
    return family


def _standing_pauses(scrape: Scrape) -> int:
    return len(scrape.system.truth.documents("pause"))


def _campaigns(scrape: Scrape) -> Metric:
    states = Counter(str(document.body.get("state")) for document in scrape.system.truth.documents("campaign"))
    family = GaugeMetricFamily("tbie_campaigns", "Campaigns by state.", labels=["state"])
    for state in CAMPAIGN_STATES:
        family.add_metric([state], states[state])
    return family
