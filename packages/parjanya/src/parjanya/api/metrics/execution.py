"""Execution: the fleet as the reconciler sees it, and as the processes are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric

from parjanya.api.metrics.scrape import Scrape, number
from tbie.core.reading import BootState

WORKER_STATES = ("idle", "busy", "execution_drift")


def execution_families(scrape: Scrape) -> Iterator[Metric]:
    """Workers by what they are and what was asked for; boots; heartbeats."""
    alive = scrape.system.workers()
    yield GaugeMetricFamily("tbie_fleet_workers", "Worker processes alive.", value=len(alive))
    yield from _pools(scrape)
    states = Counter(str(beat.body.get("state")) for beat in scrape.fresh("worker") if beat.instance in alive)
    workers = GaugeMetricFamily("tbie_workers", "Workers alive by what they say of themselves.", labels=["state"])
    for state in WORKER_STATES:
        workers.add_metric([state], states[state])
    yield workers
    last = {beat.instance: beat.at_ms for beat in scrape.of("worker")}
    ages = [scrape.age_s(last[name]) for name in alive if name in last]
    yield GaugeMetricFamily(
        "tbie_worker_heartbeat_age_seconds", "Age of the oldest heartbeat of a living worker; 0 if none.",
        value=max(ages, default=0.0),
    )  # fmt: skip


def _pools(scrape: Scrape) -> Iterator[Metric]:
    """Nothing but what the reconciler said: a pool that it could not read has no samples."""
    sizes = {
        "desired": GaugeMetricFamily("tbie_fleet_desired", "Workers asked for.", labels=["pool"]),
        "running": GaugeMetricFamily("tbie_fleet_running", "Workers that the fleet sees running.", labels=["pool"]),
        "busy": GaugeMetricFamily("tbie_fleet_busy", "Workers that hold work.", labels=["pool"]),
        "boot_failures": GaugeMetricFamily(
            "tbie_fleet_boot_failures", "Workers in a row that died before they registered.", labels=["pool"]
        ),
    }
    boots = GaugeMetricFamily(
        "tbie_fleet_boots", "Workers on their way, by how far they are.", labels=["pool", "state"]
    )
    body = scrape.leader
    for pool in scrape.system.workflow.pools:
        view = (body.get("fleet") or {}).get(pool) if body else {}
        if not isinstance(view, Mapping) or "error" in view:
            continue
        for name, family in sizes.items():
            value = number(view.get(name, 0))
            if value is not None:
                family.add_metric([pool], value)
        found = Counter(str(boot[1]) for boot in view.get("boots") or [])
        for state in BootState:
            boots.add_metric([pool, state.value], found[state.value])
    yield from sizes.values()
    yield boots
