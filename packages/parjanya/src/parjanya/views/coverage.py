"""The coverage gap: work that is pending in Truth and that no live message stands for. Nothing will ever do it.

Callers: ``status`` and ``/metrics``. Costs what is open, page by page.
"""

from __future__ import annotations

from typing import NamedTuple

from tbie.core.reading import Known
from tbie.intent import IntentQueue
from tbie.truth import TruthStore

PAGE = 2_000
"""Rows compared at once: bounds memory, and how long a reader holds the queue's file."""


class Coverage(NamedTuple):
    """One stage: how much of what is open has no live message, and since when the oldest of it is open."""

    gap: int
    oldest_ms: int | None


def coverage(truth: TruthStore, intent: IntentQueue, stage: str) -> Coverage | None:
    """The gap of *stage* now; None if the queue cannot be read: that is not the same as no gap.

    Raises:
        TruthUnavailableError: Truth cannot be read.
    """
    gap, oldest, after = 0, None, None
    while page := truth.open_stages(stage, after, PAGE):
        after = page[-1]
        reading = intent.presence(stage, [row.key for row in page])
        if not isinstance(reading, Known):
            return None
        for row in page:
            found = reading.value.get(row.key)
            if found is None or found.dead or found.token != row.token:
                gap += 1
                oldest = row.since_ms if oldest is None else min(oldest, row.since_ms)
    return Coverage(gap, oldest)
