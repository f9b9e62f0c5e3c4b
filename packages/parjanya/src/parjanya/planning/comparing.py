"""What it costs that *group* compares each image with all others of its tenant: what ends first, so it has a model of its own.

Each batch reads every image of the tenant and takes a time that grows with their square. One begins when no image of the tenant
is in an earlier stage; so images that come one by one are compared one by one, each with all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from parjanya.planning import calls
from parjanya.planning.workload import Workload


def batch_s(images: float) -> float:
    """Seconds in which one worker reads and compares *images*."""
    n = images / calls.GROUP_AT
    return calls.GROUP_LINEAR_S * n + calls.GROUP_SQUARE_S * n**2


def growing_s(images: float) -> float:
    """The same on average, while there come to be *images* from none."""
    n = images / calls.GROUP_AT
    return calls.GROUP_LINEAR_S * n / 2 + calls.GROUP_SQUARE_S * n**2 / 3


def most_images() -> float:
    """How many images fill the time that a run may take."""
    linear, square = calls.GROUP_LINEAR_S, calls.GROUP_SQUARE_S
    return calls.GROUP_AT * (math.sqrt(linear**2 + 4 * square * calls.GROUP_MAX_S) - linear) / (2 * square)


def _tenants(workload: Workload) -> Iterator[tuple[float, float]]:
    """How many tenants have how large a share: the largest, and all others alike."""
    share = workload.hottest_share
    yield 1.0, share
    if workload.tenants > 1:
        yield workload.tenants - 1, (1 - share) / (workload.tenants - 1)


def together(workload: Workload, share: float) -> float:
    """Images that one batch is about, where they arrive steadily: those that came while the one before was on its way."""
    rate = workload.per_hour / 3_600 * share
    most = calls.GROUP_CLAIM
    return min(most, 1 + rate * (workload.seconds_per_image + calls.PASSAGE_S + batch_s(workload.images * share)))


def while_arriving(workload: Workload) -> float:
    """Workers that are at it all the time because images arrive."""
    rate = workload.per_hour / 3_600
    found = 0.0
    for number, share in _tenants(workload):
        batches = rate * share / together(workload, share)
        found += number * batches * batch_s(workload.images * share)
    return found


def while_draining(workload: Workload) -> float:
    """The same while a backlog of all images is worked off: a tenant waits for its last image no longer than its patience, and
    what there is to compare grows from none to all."""
    found = 0.0
    for number, share in _tenants(workload):
        one = growing_s(workload.images * share)
        found += number * one / max(calls.BARRIER_PATIENCE_S, one)
    return found


def seconds(workload: Workload) -> float:
    """Worker seconds for each image that arrives."""
    return while_arriving(workload) / (workload.per_hour / 3_600) if workload.per_hour else 0.0


def reads(workload: Workload) -> float:
    """Read units for each image that arrives."""
    row = calls.ITEM_BYTES + 1_024 * workload.facts_kb
    found = 0.0
    for number, share in _tenants(workload):
        found += number * share * workload.images * share * row / 4_096 / together(workload, share)
    return found
