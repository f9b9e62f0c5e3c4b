"""What the reconciler decided, as the ledger keeps it: bounded, so these are gauges and not counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from parjanya.api.metrics.scrape import Scrape
from tbie.core.errors import LedgerUnavailableError

REASONS = (
    *("opened", "probe", "stream_is_behind", "just_opened", "intent_is_live", "truth_without_intent", "stale_intent"),
    *("misrouted_intent", "version_changed", "pause_over", "receives_exhausted", "intent_unreadable", "object_missing"),
    *("stage_not_declared", "other"),
)
"""Values of the label: a reason that is not among them counts as ``other``, so that their number has a bound."""

ACTIONS = ("emit", "supersede", "wake", "exhaust", "reset", "nothing", "other")


def decision_families(scrape: Scrape) -> Iterator[Metric]:
    """How often each was decided, in what the ledger still holds. Absent while the ledger cannot be read."""
    actions = GaugeMetricFamily("tbie_ledger_decisions", "Decisions in the ledger by action.", labels=["action"])
    reasons = GaugeMetricFamily("tbie_ledger_reasons", "Decisions in the ledger by reason.", labels=["reason"])
    try:
        counts = scrape.system.ledger.counts()
    except LedgerUnavailableError:
        counts = None
    if counts is not None:
        by_action: Counter[str] = Counter()
        by_reason: Counter[str] = Counter()
        for (action, reason), count in counts.items():
            if action != "probe":  # `healthcheck` trying whether the ledger can be written
                by_action[action if action in ACTIONS else "other"] += count
                by_reason[reason if reason in REASONS else "other"] += count
        for action in ACTIONS:
            actions.add_metric([action], by_action[action])
        for reason in REASONS:
            reasons.add_metric([reason], by_reason[reason])
    yield actions
    yield reasons
