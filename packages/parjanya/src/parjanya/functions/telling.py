"""What a function tells: one line of JSON for each pass, which CloudWatch also reads as metrics, and one for each refusal.

The format is CloudWatch's *embedded metric format*: a log line with a block ``_aws`` that says which of its members are metrics.
Names and units are the infrastructure's to read (``told``), so that an alarm cannot wait for a metric that nobody tells.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tbie.core.refusal import Refusal

NAMESPACE, SYSTEM = "TBIE", "System"
_MOST_LINES = 20
"""Refusals told one by one; of more, how many."""
_MOST_SAID = 20
"""Sentences about what could not be read."""


class Metric(NamedTuple):
    """One metric; *by* is its second dimension beside the system, if it has one."""

    name: str
    unit: str
    by: str | None = None


HEARTBEAT = Metric("Heartbeat", "Count", "Component")
"""1 for a pass that ended and could read what it needs, 0 for a blind one; none at all: there was no pass."""
BLIND = Metric("Blind", "Count")
REFUSED = Metric("Refused", "Count", "Component")
"""Records that are not what they should be, or that nothing could be done with: skipped, and told one by one."""
EMITTED = Metric("Emitted", "Count", "Component")
DURATION = Metric("PassSeconds", "Seconds", "Component")
BACKLOG = Metric("Backlog", "Count", "Stage")
BACKLOG_AGE = Metric("BacklogAge", "Seconds", "Stage")
COVERAGE_GAP = Metric("CoverageGap", "Count", "Stage")
WORKERS = Metric("Workers", "Count", "Pool")

Value = tuple[Metric, float]


def line(system: str, at_ms: int, values: Sequence[Value], by: Mapping[str, str], **said: object) -> dict[str, Any]:
    """A log line with *values* as metrics; *by* gives the dimensions' values. What is unknown is left out: it is not zero."""
    sets: dict[str | None, list[dict[str, str]]] = {}
    for metric, _ in values:
        sets.setdefault(metric.by, []).append({"Name": metric.name, "Unit": metric.unit})
    told = [
        {"Namespace": NAMESPACE, "Dimensions": [[SYSTEM, *([name] if name is not None else [])]], "Metrics": metrics}
        for name, metrics in sets.items()
    ]
    body: dict[str, Any] = {"_aws": {"Timestamp": at_ms, "CloudWatchMetrics": told}, SYSTEM: system, **by}
    return body | {metric.name: value for metric, value in values} | said


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


class Teller:
    """Writes the lines of one function."""

    def __init__(
        self, component: str, system: str, now_ms: Callable[[], int], write: Callable[[str], object] = _write
    ) -> None:
        self.component, self._system, self._now_ms, self._write = component, system, now_ms, write

    def passed(self, event: str, values: Iterable[Value], blind: Sequence[str] = (), **said: object) -> None:
        """The one line of a pass; *blind* is what it could not read."""
        whole = [(HEARTBEAT, 0 if blind else 1), (BLIND, len(blind)), *values]
        level = "WARNING" if blind else "INFO"
        about = {"level": level, "event": event, "blind": list(blind)[:_MOST_SAID], **said}
        if blind:
            about["finding"] = "control_plane_blind"
        self._put(line(self._system, self._now_ms(), whole, {"Component": self.component}, **about))

    def measured(self, by: str, name: str, values: Sequence[Value]) -> None:
        """Readings about one thing: a stage, a pool."""
        self._put(line(self._system, self._now_ms(), values, {by: name}, level="INFO", event="reading"))

    def refused(self, refused: Sequence[Refusal]) -> None:
        """Each refusal, and how many more there are."""
        for each in refused[:_MOST_LINES]:
            about = {"code": each.code, "record": each.name, "evidence": each.evidence}
            self._put(self._plain("ERROR", "refused", **about))
        if len(refused) > _MOST_LINES:
            self._put(self._plain("ERROR", "refused", code="more", count=len(refused) - _MOST_LINES))

    def trouble(self, event: str, error: BaseException, **said: object) -> None:
        """Something went wrong that somebody has to look at."""
        words = ascii(str(error)[:2_000])[1:-1]
        self._put(self._plain("ERROR", event, error=type(error).__name__, message=words, **said))

    def _plain(self, level: str, event: str, **said: object) -> dict[str, Any]:
        return {SYSTEM: self._system, "Component": self.component, "level": level, "event": event, **said}

    def _put(self, body: Mapping[str, object]) -> None:
        self._write(json.dumps(body, separators=(",", ":"), default=str) + "\n")
