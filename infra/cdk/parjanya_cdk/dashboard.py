"""The dashboard, in the order in which an incident is looked at: Truth, Belief, Intent, Execution, and what drives them. Pure."""

from __future__ import annotations

from typing import Any

from parjanya.functions import telling as told
from parjanya_cdk.alarms import HIDDEN, VISIBLE, Series, of_function, of_group, of_queue, series
from parjanya_cdk.declaration import Declaration
from parjanya_cdk.functions import FUNCTIONS
from parjanya_cdk.options import Options

WIDTH, TEXT, GRAPH = 24, 1, 6
Graph = tuple[str, list[Series]]


def rows(declared: Declaration, options: Options) -> list[tuple[str, list[Graph]]]:
    """Headings, each with its graphs."""
    place, stages, pools = options.place, declared.stages, declared.pools
    return [
        (
            "Truth: is there work?",
            [
                ("Open stages", [series(options, told.BACKLOG, one.name, "Maximum") for one in stages]),
                ("Age of the oldest, s", [series(options, told.BACKLOG_AGE, one.name, "Maximum") for one in stages]),
            ],
        ),
        (
            "Belief: can it be seen?",
            [
                ("Readings that failed", [series(options, told.BLIND, None, "Maximum")]),
                ("Passes", [series(options, told.HEARTBEAT, one.name, "Sum") for one in FUNCTIONS]),
            ],
        ),
        (
            "Intent: is it asked for?",
            [
                (
                    "Pending without an intent",
                    [series(options, told.COVERAGE_GAP, one.name, "Maximum") for one in stages],
                ),
                ("Waiting", [of_queue(place.queue(one.name), VISIBLE, 60) for one in stages]),
                (
                    "Dead letters, not and already looked at",
                    [of_queue(place.dead_queue(one.name), which, 60) for one in stages for which in (VISIBLE, HIDDEN)],
                ),
            ],
        ),
        (
            "Execution: is it done?",
            [
                ("Workers alive", [series(options, told.WORKERS, pool, "Maximum") for pool in pools]),
                (
                    "Instances: wanted, in service",
                    [
                        of_group(options, p, m)
                        for p in pools
                        for m in ("GroupDesiredCapacity", "GroupInServiceInstances")
                    ],
                ),
            ],
        ),
        (
            "Control plane",
            [
                ("Errors", [of_function(options, one.name, "Errors", "Sum") for one in FUNCTIONS]),
                ("Longest run, ms", [of_function(options, one.name, "Duration", "Maximum") for one in FUNCTIONS]),
                ("Age of the stream, ms", [of_function(options, "reconcile", "IteratorAge", "Maximum")]),
            ],
        ),
    ]


def body(declared: Declaration, options: Options) -> dict[str, Any]:
    """As CloudWatch takes it."""
    widgets: list[dict[str, Any]] = []
    y = 0
    for heading, graphs in rows(declared, options):
        widgets.append(
            {
                "type": "text",
                "x": 0,
                "y": y,
                "width": WIDTH,
                "height": TEXT,
                "properties": {"markdown": f"## {heading}"},
            }
        )
        y += TEXT
        width = WIDTH // len(graphs)
        for number, (name, lines) in enumerate(graphs):
            properties = {
                "title": name,
                "region": options.place.region,
                "view": "timeSeries",
                "period": 60,
                "metrics": [_line(one) for one in lines],
            }
            place = {"x": number * width, "y": y, "width": width, "height": GRAPH}
            widgets.append({"type": "metric", **place, "properties": properties})
        y += GRAPH
    return {"widgets": widgets}


def _line(one: Series) -> list[Any]:
    return [one.namespace, one.name, *(part for pair in one.dimensions for part in pair), {"stat": one.statistic}]
