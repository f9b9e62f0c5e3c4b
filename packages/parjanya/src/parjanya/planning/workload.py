"""What a plan is asked for: numbers, each within bounds in which the model means something."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields


class WorkloadError(Exception):
    """A number that nothing can be planned for; the message names it, its bounds, and why."""


BOUNDS = {
    "images": (1, 10**12, "a plan is for one image or more"),
    "per_hour": (0, 10**10, "images that arrive in an hour"),
    "seconds_per_image": (0.001, 3_600, "what one worker needs for one image, all stages together"),
    "workers": (1, 10**6, "the most workers that the fleet may have"),
    "drain_hours": (0.1, 10_000, "the time in which a backlog of all images is to be gone"),
    "tenants": (1, 10**7, "somebody owns the images"),
    "hottest": (1e-6, 1, "the share of the largest tenant in all traffic"),
    "upload_mb": (0.01, 10_000, "the size of an upload in MB"),
    "facts_kb": (0, 300, "what an observation adds to a row; larger ones are kept beside it"),
    "busy": (0.05, 1, "the share of its time that a worker works while there is work"),
    "warm": (0, 10**6, "stopped instances that wait"),
    "start_s": (0, 7_200, "how long a worker takes from being asked for to its first image"),
    "retention_hours": (0.02, 336, "how long a queue keeps a message: SQS allows 14 days"),
    "sweep_s": (1, 86_400, "the time between two sweeps"),
    "disk_gb": (1, 16_000, "the disk of one instance"),
}
"""By field: least, most, and what it is."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What is to be carried.

    Raises:
        WorkloadError: a number out of its bounds, or two that contradict each other.
    """

    images: float
    """All that there will be: what is stored, and the backlog of the worst day, when all of them are judged again."""
    per_hour: float
    """Arrivals, steadily."""
    seconds_per_image: float = 1.0
    """Of one worker. Assumed: it depends on the model and the machine. The classical engine on one core took 0.17."""
    workers: float | None = None
    """The ceiling of the fleet; None: as many as keep up and drain in time."""
    drain_hours: float = 72.0
    tenants: float = 1
    hottest: float | None = None
    """None: all tenants are alike."""
    upload_mb: float = 8.0
    facts_kb: float = 0.0
    busy: float = 0.9
    warm: float = 0
    start_s: float = 90.0
    """Assumed: a warm instance starts, loads its model and attests."""
    retention_hours: float = 240.0
    sweep_s: float = 60.0
    disk_gb: float = 100.0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is None:
                continue
            least, most, what = BOUNDS[each.name]
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise WorkloadError(f"{_option(each.name)} must be a number, not {value!r}: {what}")
            if not least <= value <= most:
                raise WorkloadError(f"{_option(each.name)} must be from {least:g} to {most:g}, not {value:g}: {what}")
        if self.hottest is not None and self.hottest < 1 / self.tenants - 1e-9:
            raise WorkloadError(
                f"--hottest {self.hottest:g} is less than an equal share of {self.tenants:g} tenants ({1 / self.tenants:g})"
            )

    @property
    def hottest_share(self) -> float:
        """The share of the largest tenant."""
        return self.hottest if self.hottest is not None else 1 / self.tenants


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
