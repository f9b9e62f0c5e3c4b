"""``plan``: what the AWS profile needs for so many images, what stops it first, what it costs. Opens no home and asks nobody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from parjanya.cli.common import Common, Exit, UsageError, show, show_json
from parjanya.planning import PriceError, Workload, WorkloadError, lines, read_prices
from parjanya.planning import plan as planned
from parjanya.planning.words import to_json


def plan(
    *,
    images: float,
    per_hour: float,
    workers: float | None = None,
    seconds_per_image: float = 1.0,
    drain_hours: float = 72.0,
    tenants: float = 1,
    hottest: float | None = None,
    upload_mb: float = 8.0,
    facts_kb: float = 0.0,
    warm: float = 0,
    start_s: float = 90.0,
    retention_hours: float = 240.0,
    sweep_s: float = 60.0,
    prices: Path | None = None,
    common: Common | None = None,
) -> int:
    """What the AWS profile needs for a workload: fleet, partitions, shards, what binds first, cost of 1,000 images.

    Parameters
    ----------
    images
        All that there will be; also the backlog of the worst day, when all are judged again.
    per_hour
        Images that arrive in an hour.
    workers
        The ceiling of the fleet (default: as many as drain the backlog within --drain-hours while others arrive).
    seconds_per_image
        What one worker needs for one image. Measure it; the default is an assumption.
    drain_hours
        The time in which the backlog is to be gone.
    tenants
        Owners of images.
    hottest
        Share of the largest tenant (default: all are alike).
    upload_mb
        Size of an upload.
    facts_kb
        What a model's observation adds to an image's row, compressed.
    warm
        Stopped instances that wait.
    start_s
        From being asked for to the first image.
    retention_hours
        How long the queues keep a message.
    sweep_s
        Between two sweeps.
    prices
        A file of prices, in place of those that come with the program.
    """
    common = common or Common()
    try:
        asked = Workload(
            images, per_hour, seconds_per_image, workers, drain_hours, tenants, hottest, upload_mb, facts_kb
        )
        asked = replace(asked, warm=warm, start_s=start_s, retention_hours=retention_hours, sweep_s=sweep_s)
        found = planned(asked, read_prices(prices))
    except (WorkloadError, PriceError) as error:
        raise UsageError(str(error)) from None
    if common.json:
        show_json(to_json(found))
    else:
        for line in lines(found):
            show(line)
    return Exit.DONE if found.works else Exit.NOT_WELL
