"""Alarms as data: what is watched, from when it is wrong, and what it means that nothing is heard.

Whoever watches is not who is watched: CloudWatch asks, also when no function runs any more (incident 8). What a pass of the sweep
tells on every pass is *breaching* when it is absent, since unknown is not zero; where AWS says nothing because nothing happened,
``silence`` gives the reason why that is no alarm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from parjanya.functions import telling as told
from parjanya.functions.telling import NAMESPACE, SYSTEM, Metric
from parjanya_cdk.declaration import Declaration
from parjanya_cdk.functions import FUNCTIONS
from parjanya_cdk.machine import BOOT_S
from parjanya_cdk.options import Options
from parjanya_cdk.parts import title, topic_arn

MINUTE_S = 60
BACKLOG_AGE_S = 3_600
"""The primary measure: no stage should be open for longer, unless nobody may work."""
ITERATOR_AGE_MS = 300_000
"""Changes that waited five minutes: the sweep does the stream's work by now."""
LONG_RUN = 0.8
"""Of a function's timeout."""
VISIBLE, HIDDEN = "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"
"""Dead letters of a stage are both: a sweep hides for an hour what it has looked at."""

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Series:
    """One metric as CloudWatch knows it."""

    namespace: str
    name: str
    dimensions: Dimensions
    statistic: str
    period_s: int = MINUTE_S


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm."""

    name: str
    series: tuple[Series, ...]
    """One, or those that *expression* speaks of as m0, m1, …"""
    threshold: float
    below: bool
    """Whether it is wrong to be below the threshold; else, to reach it."""
    periods: int
    """So many in a row."""
    means: str
    expression: str | None = None
    silence: str | None = None
    """Why missing data is no alarm; None: missing data is one."""


def wanted(declared: Declaration, options: Options) -> Iterator[Alarm]:
    """Every alarm, in the order control plane, Truth, Intent, Execution."""
    yield from _control(declared, options)
    yield from _truth(declared, options)
    yield from _intent(declared, options)
    yield from _execution(declared, options)


def series(options: Options, metric: Metric, value: str | None, statistic: str) -> Series:
    """One of the metrics that the functions tell."""
    dimensions: Dimensions = ((SYSTEM, options.place.prefix),)
    if metric.by is not None and value is not None:
        dimensions = (*dimensions, (metric.by, value))
    return Series(NAMESPACE, metric.name, dimensions, statistic)


def of_function(options: Options, function: str, name: str, statistic: str, period_s: int = MINUTE_S) -> Series:
    """One of the metrics that Lambda tells of *function*."""
    return Series("AWS/Lambda", name, (("FunctionName", f"{options.place.prefix}-{function}"),), statistic, period_s)


def of_queue(name: str, metric: str, period_s: int = 300) -> Series:
    """One of the metrics that SQS tells of the queue called *name* in full."""
    return Series("AWS/SQS", metric, (("QueueName", name),), "Maximum", period_s)


def of_group(options: Options, pool: str, metric: str) -> Series:
    """One of the metrics that Auto Scaling tells of the group of *pool*."""
    return Series("AWS/AutoScaling", metric, (("AutoScalingGroupName", options.place.group(pool)),), "Maximum")


def _control(declared: Declaration, options: Options) -> Iterator[Alarm]:
    heartbeat = series(options, told.HEARTBEAT, "sweep", "Sum")
    yield Alarm(
        "heartbeat-absent",
        (heartbeat,),
        1,
        True,
        declared.heartbeat_cycles,
        "no pass of the sweep has ended: nothing repairs itself (incident 8)",
    )
    blind = series(options, told.BLIND, None, "Maximum")
    yield Alarm(
        "blind",
        (blind,),
        1,
        False,
        declared.heartbeat_cycles,
        "a pass could not read what it needs: permissions, throttling, a missing queue (incident 8)",
    )
    idle = "no call, no data: a function that has nothing to do is not ill, and the heartbeat has its own alarm"
    for function in FUNCTIONS:
        silence = (
            None if function.name == "sweep" else idle
        )  # the sweep is called each minute, so its silence is a fault
        own = f"function {function.name}"
        yield Alarm(
            f"{function.name}-errors",
            (of_function(options, function.name, "Errors", "Sum"),),
            1,
            False,
            3,
            f"{own} fails",
            silence=silence,
        )
        yield Alarm(
            f"{function.name}-duration",
            (of_function(options, function.name, "Duration", "Maximum"),),
            1_000 * function.timeout_s * LONG_RUN,
            False,
            3,
            f"{own} comes near its timeout of {function.timeout_s} s",
            silence=silence,
        )
        yield Alarm(
            f"{function.name}-throttles",
            (of_function(options, function.name, "Throttles", "Sum"),),
            1,
            False,
            3,
            f"{own} is not started: concurrency is used up",
            silence=silence,
        )
    yield Alarm(
        "iterator-age",
        (of_function(options, "reconcile", "IteratorAge", "Maximum"),),
        ITERATOR_AGE_MS,
        False,
        3,
        "changes wait: a shard stands still, or the reconciler is too slow",
        silence=idle,
    )


def _truth(declared: Declaration, options: Options) -> Iterator[Alarm]:
    for stage in declared.stages:
        age = series(options, told.BACKLOG_AGE, stage.name, "Maximum")
        yield Alarm(
            f"{stage.name}-backlog-age",
            (age,),
            BACKLOG_AGE_S,
            False,
            5,
            f"stage {stage.name} has been open for more than an hour: look at Intent, then Execution",
        )


def _intent(declared: Declaration, options: Options) -> Iterator[Alarm]:
    place = options.place
    for stage in declared.stages:
        gap = series(options, told.COVERAGE_GAP, stage.name, "Maximum")
        yield Alarm(
            f"{stage.name}-coverage-gap",
            (gap,),
            1,
            False,
            3,
            f"pending stages {stage.name} without an intent, pass after pass: repair does not hold (incident 2)",
        )
        dead = place.dead_queue(stage.name)
        # each pass of the sweep asks this queue for its depth, and a queue that is asked tells its metrics
        yield Alarm(
            f"{stage.name}-dead-letters",
            (of_queue(dead, VISIBLE), of_queue(dead, HIDDEN)),
            1,
            False,
            2,
            f"dead letters of stage {stage.name}: look at them, then replay or fail them",
            expression="m0 + m1",
        )
    unasked = "nobody asks this queue anything: SQS tells nothing of a queue that was empty for six hours"
    for short, means in (
        ("arrivals-dead", "uploads of which nothing could be made"),
        ("failures", "changes that the reconciler could not handle"),
        ("sweep-dead", "passes of the sweep that did not run or failed"),
    ):
        left = of_queue(place.queue(short), VISIBLE)
        yield Alarm(short, (left,), 1, False, 1, means, silence=unasked)
    waiting = of_queue(place.queue("arrivals"), "ApproximateAgeOfOldestMessage")
    yield Alarm(
        "arrivals-age",
        (waiting,),
        900,
        False,
        1,
        "uploads wait to become items",
        silence="an empty queue has no oldest message",
    )


def _execution(declared: Declaration, options: Options) -> Iterator[Alarm]:
    for pool in declared.pools:
        desired = of_group(options, pool, "GroupDesiredCapacity")
        yield Alarm(
            f"{pool}-bootstrap-silence",
            (desired, series(options, told.WORKERS, pool, "Maximum")),
            1,
            False,
            BOOT_S // MINUTE_S,
            f"instances of pool {pool} are wanted, and no worker has said that it lives: a stale image, a denied permission, an "
            "incomplete model (incidents 6a, 6b); the console output of an instance says more than its log",
            expression="IF(FILL(m0, 0) > 0 AND FILL(m1, 0) < 1, 1, 0)",
        )
        yield Alarm(
            f"{pool}-not-realised",
            (desired, of_group(options, pool, "GroupInServiceInstances")),
            1,
            False,
            2 * BOOT_S // MINUTE_S,
            f"pool {pool} does not get the instances that it asks for: capacity, limits, or an image that does not start",
            expression="IF(FILL(m0, 0) > FILL(m1, 0), 1, 0)",
        )


def make(scope: Construct, alarm: Alarm, options: Options) -> None:
    """The alarm, with people told of its beginning and its end."""
    topic = topic_arn(options.place)
    cloudwatch.CfnAlarm(
        scope,
        f"{title(alarm.name)}Alarm",
        alarm_name=f"{options.place.prefix}-{alarm.name}",
        alarm_description=alarm.means,
        threshold=alarm.threshold,
        comparison_operator="LessThanThreshold" if alarm.below else "GreaterThanOrEqualToThreshold",
        evaluation_periods=alarm.periods,
        datapoints_to_alarm=alarm.periods,
        treat_missing_data="breaching" if alarm.silence is None else "notBreaching",
        alarm_actions=[topic],
        ok_actions=[topic],
        **_measured(alarm),
    )


def _measured(alarm: Alarm) -> dict[str, object]:
    if alarm.expression is None:
        (one,) = alarm.series
        return {
            "namespace": one.namespace,
            "metric_name": one.name,
            "dimensions": _dimensions(one),
            "statistic": one.statistic,
            "period": one.period_s,
        }
    query = cloudwatch.CfnAlarm.MetricDataQueryProperty
    # written out, because the construct of a higher level makes each period of an expression five minutes
    parts = [
        query(
            id=f"m{number}",
            return_data=False,
            metric_stat=cloudwatch.CfnAlarm.MetricStatProperty(
                metric=cloudwatch.CfnAlarm.MetricProperty(
                    namespace=one.namespace, metric_name=one.name, dimensions=_dimensions(one)
                ),
                period=one.period_s,
                stat=one.statistic,
            ),
        )
        for number, one in enumerate(alarm.series)
    ]
    return {"metrics": [query(id="wrong", expression=alarm.expression, return_data=True), *parts]}


def _dimensions(one: Series) -> list[cloudwatch.CfnAlarm.DimensionProperty]:
    return [cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value) for name, value in one.dimensions]
