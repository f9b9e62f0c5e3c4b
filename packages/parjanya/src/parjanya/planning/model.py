"""The model: a workload and prices in, needs against limits and costs out. Pure arithmetic; every number says where it is from.

The rate that counts for the stores is the larger of arrivals and of what the fleet works off while it drains a backlog.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from parjanya.planning import calls, comparing, limits
from parjanya.planning.calls import PerImage, per_image
from parjanya.planning.limits import Limit
from parjanya.planning.prices import Price, Prices
from parjanya.planning.workload import Workload
from tbie.reconciler.decide import size_fleet

MONTH_S = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Need:
    """How much of something is needed, and where it ends."""

    name: str
    need: float
    limit: Limit | None
    allowed: float | None
    """The limit for all that the need is spread over; None: there is none to know of."""
    stops_at: float | None
    """Images an hour (or, where it says so, images) at which the need is the limit."""
    of: str = "images/h"

    @property
    def share(self) -> float | None:
        """Need by limit: 1 and more does not work."""
        return None if self.allowed is None else self.need / self.allowed


@dataclass(frozen=True, slots=True)
class Cost:
    """One line of the bill."""

    name: str
    quantity: float
    price: Price

    @property
    def usd(self) -> float:
        """Quantity by price."""
        return self.quantity * self.price.usd


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer."""

    workload: Workload
    prices: Prices
    workers: int
    per_second: float
    """Images a second that the stores must carry."""
    drain_hours: float | None
    """How long a backlog of all images lasts while others arrive; None: for ever."""
    numbers: dict[str, float]
    """Sizes that have no limit: partitions, shards, calls."""
    needs: tuple[Need, ...]
    per_thousand: tuple[Cost, ...]
    """For each 1,000 images, once."""
    monthly: tuple[Cost, ...]
    """For all images, each month."""

    @property
    def binds(self) -> Need | None:
        """What is nearest to its limit, or furthest beyond."""
        known = [need for need in self.needs if need.share is not None]
        return max(known, key=lambda need: need.share or 0.0) if known else None

    @property
    def works(self) -> bool:
        """Whether every need is within its limit."""
        return self.drain_hours is not None and all((need.share or 0.0) <= 1 for need in self.needs)


def plan(workload: Workload, prices: Prices) -> Plan:
    """What *workload* needs and costs."""
    arrivals = workload.per_hour / 3_600
    workers = math.ceil(workload.workers) if workload.workers is not None else fleet_for(workload)
    backlog = math.ceil(workload.images)
    workers = size_fleet(backlog, backlog, running=0, per_worker=1, ceiling=workers, min_blind=0)
    served = max(0.0, workers - comparing.while_draining(workload)) * workload.busy / workload.seconds_per_image
    net = served - arrivals
    drain = (workload.images / net + workload.start_s) / 3_600 if net > 0 else None
    flow = max(arrivals, served)
    image = per_image(workload.facts_kb)
    return Plan(
        workload,
        prices,
        workers,
        flow,
        drain,
        _numbers(workload, image, flow, workers),
        _needs(workload, image, arrivals, flow, workers, drain),
        _per_thousand(workload, image, prices),
        _monthly(workload, prices),
    )


def fleet_for(workload: Workload) -> int:
    """Workers that keep up with arrivals and are through with all images in the time asked for."""
    per_s = workload.per_hour / 3_600 + workload.images / max(1.0, workload.drain_hours * 3_600 - workload.start_s)
    at_it = per_s * workload.seconds_per_image / workload.busy + comparing.while_draining(workload)
    return max(1, math.ceil(at_it), keeping_up(workload))


def keeping_up(workload: Workload) -> int:
    """Workers that keep up with arrivals."""
    busy = workload.per_hour / 3_600 * workload.seconds_per_image / workload.busy
    return math.ceil(busy + comparing.while_arriving(workload))


def _numbers(workload: Workload, image: PerImage, flow: float, workers: int) -> dict[str, float]:
    facts = 1_024 * workload.facts_kb
    stored = {"items": calls.ITEM_BYTES + facts, "history": calls.HISTORY_BYTES + facts}
    partitions = {
        table: max(
            1,
            math.ceil(flow * units / limits.PARTITION_WRITES.value),
            math.ceil(workload.images * stored.get(table, 0) / limits.PARTITION_BYTES.value),
        )
        for table, units in image.writes.items()
    }
    found: dict[str, float] = {f"partitions of {table}": number for table, number in partitions.items()}
    hottest_open = max(step.open for step in calls.STEPS) * flow
    found["index shards needed for one stage"] = math.ceil(hottest_open / limits.PARTITION_WRITES.value)
    found["index shards there are"] = calls.ROW_SHARDS
    found["stream shards"] = partitions["open"]
    found["stream records/s"] = flow * image.records
    found["queue calls/s"] = flow * _sqs_calls()
    found["workers that keep up with arrivals"] = keeping_up(workload)
    found["of these, comparing"] = comparing.while_arriving(workload)
    found["workers comparing while a backlog drains"] = comparing.while_draining(workload)
    found["workers that start cold"] = max(0, workers - math.ceil(workload.warm))
    found["queries of a sweep, nothing open"] = calls.SWEEP_QUERIES
    found["queries of a sweep, all images open"] = sweep_queries(workload.images)
    found["read units of a sweep, all images open"] = sweep_reads(workload.images)
    return found


def sweep_queries(opened: float) -> float:
    """Queries of one sweep with so many stages open: each page asks every shard."""
    return calls.SWEEP_QUERIES + opened / calls.SWEEP_PAGE * calls.ROW_SHARDS


def sweep_reads(opened: float) -> float:
    """Read units of one sweep with so many stages open: the index is read in full, nothing else is."""
    return calls.SWEEP_QUERIES + opened * calls.ENTRY_BYTES / 4_096


def _sqs_calls() -> float:
    each = 1 / calls.SENDS_TOGETHER + 1 / calls.RECEIVES_TOGETHER + 1 / calls.DELETES_TOGETHER
    return calls.MESSAGES * each


def _needs(
    workload: Workload, image: PerImage, arrivals: float, flow: float, workers: int, drain: float | None
) -> tuple[Need, ...]:
    hot = flow * workload.hottest_share

    def rate(name: str, units: float, limit: Limit, spread: float = 1, images_s: float = flow) -> Need:
        """A need that grows with the rate; *units* for each image, allowed *spread* times."""
        allowed = limit.value * spread
        stops = allowed / units * 3_600 * (flow / images_s if images_s else 1)
        return Need(name, images_s * units, limit, allowed, stops)

    group = comparing.most_images()
    largest = workload.images * workload.hottest_share
    compared = min(workers * calls.GROUP_CLAIM, flow * calls.BARRIER_PATIENCE_S, workload.images)
    reconciling = image.records / calls.RECORDS_TOGETHER * calls.RECONCILE_S
    found = [
        Need(
            "images of one tenant compared by group",
            largest,
            _group(group),
            group,
            group / workload.hottest_share,
            "images",
        ),
        rate("rows of the largest tenant", image.writes["items"], limits.PARTITION_WRITES, calls.ROW_SHARDS, hot),
        rate("counts of the largest tenant", image.writes["control"], limits.PARTITION_WRITES, 1, hot),
        rate(
            "index of open work, one stage", max(s.open for s in calls.STEPS), limits.PARTITION_WRITES, calls.ROW_SHARDS
        ),
        *(rate(f"table {table}", units, limits.TABLE_WRITES) for table, units in image.writes.items()),
        rate("a new table's first minutes", max(image.writes.values()), limits.WARM_WRITES),
        rate("functions at a time", reconciling + calls.INTAKE_S * _part(arrivals, flow), limits.LAMBDA_CONCURRENCY),
        rate(
            "batches of the stream at a time",
            reconciling,
            limits.STREAM_FACTOR,
            max(1, math.ceil(flow * image.writes["open"] / limits.PARTITION_WRITES.value)),
        ),
        Need(
            "messages in flight, preview", float(workers * calls.CLAIM), limits.IN_FLIGHT, limits.IN_FLIGHT.value, None
        ),
        Need(
            "messages in flight, all comparing",
            float(compared),
            limits.IN_FLIGHT,
            limits.IN_FLIGHT.value,
            None,
        ),
        rate("writes to one prefix of uploads", 1, limits.PREFIX_PUTS, 1, arrivals * workload.hottest_share),
        rate("reads from one prefix of uploads", calls.GETS, limits.PREFIX_GETS, 1, hot),
    ]
    if drain is not None:
        kept = Limit(workload.retention_hours, "hours", "as asked", limits.SQS_RETENTION.then)
        found.append(Need("hours to drain, against retention", drain, kept, workload.retention_hours, None))
    return tuple(need for need in found if need.need > 0)


def _part(arrivals: float, flow: float) -> float:
    return arrivals / flow if flow else 0.0


def _group(most: float) -> Limit:
    return Limit(
        most, "images", f"measured up to 100,000 images of one tenant; a run may take {calls.GROUP_MAX_S:g} s",
        "a tenant for each shoot; else an index of hashes that finds neighbours without comparing all",
    )  # fmt: skip


def _per_thousand(workload: Workload, image: PerImage, prices: Prices) -> tuple[Cost, ...]:
    of, n = prices.of, 1_000
    calls_of_functions = 1 + image.records / calls.RECORDS_TOGETHER
    gb_s = calls.INTAKE_S * calls.INTAKE_GB
    gb_s += image.records / calls.RECORDS_TOGETHER * calls.RECONCILE_S * calls.RECONCILE_GB
    return (
        *(Cost(f"writes to {table}", n * units, of["write_unit"]) for table, units in image.writes.items()),
        Cost("reads", n * image.reads, of["read_unit"]),
        Cost("reads to compare", n * comparing.reads(workload), of["read_unit"]),
        Cost("queue requests", n * _sqs_calls(), of["sqs_request"]),
        Cost("queue requests, fair", n * _sqs_calls(), of["sqs_fair"]),
        Cost("functions, time", n * gb_s, of["lambda_gb_s"]),
        Cost("functions, calls", n * calls_of_functions, of["lambda_request"]),
        Cost("object writes", n * calls.PUTS, of["s3_put"]),
        Cost("object reads", n * calls.GETS, of["s3_get"]),
        Cost("workers", n * workload.seconds_per_image / workload.busy / 3_600, of["worker_hour"]),
        Cost("workers, comparing", n * comparing.seconds(workload) / 3_600, of["worker_hour"]),
    )


def _monthly(workload: Workload, prices: Prices) -> tuple[Cost, ...]:
    of = prices.of
    row = calls.ITEM_BYTES + calls.HISTORY_BYTES + 2_048 * workload.facts_kb
    objects = workload.upload_mb * 1e6 + calls.PREVIEW_BYTES
    sweeps = MONTH_S / workload.sweep_s
    return (
        Cost("tables, GB", workload.images * row / 1e9, of["table_gb_month"]),
        Cost("objects, GB", workload.images * objects / 1e9, of["s3_gb_month"]),
        Cost("sweeps with nothing open, reads", sweeps * sweep_reads(0), of["read_unit"]),
        Cost("disks of warm instances, GB", workload.warm * workload.disk_gb, of["disk_gb_month"]),
    )
