"""The control plane: functions that compare Truth with Intent and Execution, what wakes them, and what watches them from outside.

The HTTP interface has its place beside this stack: a fifth one, ``api``, with a role of its own in
``tbie.backends.aws.permissions`` and a function made by ``functions.make``. Nothing here needs to change for it.
"""

from __future__ import annotations

import json

from aws_cdk import CfnResource, Environment, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from parjanya_cdk import alarms, dashboard
from parjanya_cdk.declaration import Declaration
from parjanya_cdk.functions import FUNCTIONS, make
from parjanya_cdk.options import Options
from parjanya_cdk.parts import document, only_tls, queue, queue_arn, sent_by, title, topic_arn

BATCH = 50
WINDOW_S = 5
"""So many changes, or what came in so many seconds: few calls, and no image waits noticeably."""
RETRIES = 5
"""Of a batch, halved each time: what cannot be handled ends alone in the queue of failures, and no shard stands still."""
RECORD_AGE_S = 6 * 3_600
"""Older changes are not waited for: the stream keeps them for 24 hours, the sweep has long done what they ask for."""
SWEEP_EVERY_MIN = 1
"""The shortest that a schedule offers, and the longest that a lost intent stays lost."""


class ControlStack(Stack):
    """Functions, triggers, alarms, dashboard."""

    def __init__(
        self, scope: Construct, name: str, declared: Declaration, options: Options, env: Environment, changes: str
    ) -> None:
        super().__init__(
            scope, name, env=env, description="Parjanya: control plane (functions, schedule, alarms, dashboard)"
        )
        place = options.place
        made = {what.name: make(self, what, declared, options) for what in FUNCTIONS}
        failures = queue(self, place, "failures")
        _on_changes(
            self, made["reconcile"], changes, declared, queue_arn(place, place.queue("failures"))
        ).add_resource_dependency(failures)
        _on_arrivals(self, made["intake"], queue_arn(place, place.queue("arrivals")))
        _on_schedule(self, made["sweep"], options)
        _topic(self, options)
        for alarm in alarms.wanted(declared, options):
            alarms.make(self, alarm, options)
        cloudwatch.CfnDashboard(
            self,
            "Dashboard",
            dashboard_name=place.prefix,
            dashboard_body=json.dumps(dashboard.body(declared, options)),
        )


def _on_changes(
    scope: Construct, function: lambda_.CfnFunction, stream: str, declared: Declaration, failures: str
) -> lambda_.CfnEventSourceMapping:
    """The reconciler is told of every stage that opens, and of nothing else."""
    mapping = lambda_.CfnEventSourceMapping
    return mapping(
        scope,
        "Changes",
        function_name=function.ref,
        event_source_arn=stream,
        starting_position="TRIM_HORIZON",
        batch_size=BATCH,
        maximum_batching_window_in_seconds=WINDOW_S,
        bisect_batch_on_function_error=True,
        maximum_retry_attempts=RETRIES,
        maximum_record_age_in_seconds=RECORD_AGE_S,
        function_response_types=["ReportBatchItemFailures"],
        destination_config=mapping.DestinationConfigProperty(
            on_failure=mapping.OnFailureProperty(destination=failures)
        ),
        filter_criteria=mapping.FilterCriteriaProperty(
            filters=[mapping.FilterProperty(pattern=json.dumps(declared.pattern, sort_keys=True))]
        ),
    )


def _on_arrivals(scope: Construct, function: lambda_.CfnFunction, arrivals: str) -> None:
    lambda_.CfnEventSourceMapping(
        scope,
        "Arrivals",
        function_name=function.ref,
        event_source_arn=arrivals,
        batch_size=10,
        function_response_types=["ReportBatchItemFailures"],
    )


def _on_schedule(scope: Construct, function: lambda_.CfnFunction, options: Options) -> None:
    """The sweep runs by the clock; a run that was not started, or that failed, is told to a queue."""
    place = options.place
    short = "sweep-dead"
    dead = queue_arn(place, place.queue(short))
    name = f"{place.prefix}-sweep"
    rule_arn = f"arn:{Stack.of(scope).partition}:events:{place.region}:{Stack.of(scope).account}:rule/{name}"
    lost = queue(scope, place, short, allow=[sent_by("events", dead, "sqs:SendMessage", rule_arn)])
    rule = events.CfnRule(
        scope,
        "Sweeping",
        name=name,
        schedule_expression=f"rate({SWEEP_EVERY_MIN} minute)",
        state="ENABLED",
        targets=[
            events.CfnRule.TargetProperty(
                id="sweep",
                arn=function.attr_arn,
                dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=dead),
                retry_policy=events.CfnRule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=60 * SWEEP_EVERY_MIN, maximum_retry_attempts=2
                ),
            )
        ],
    )
    rule.add_resource_dependency(lost)
    lambda_.CfnPermission(
        scope,
        "SweepingMay",
        action="lambda:InvokeFunction",
        function_name=function.ref,
        principal="events.amazonaws.com",
        source_arn=rule.attr_arn,
    )
    told = lambda_.CfnEventInvokeConfig(
        scope,
        "SweepFailed",
        function_name=function.ref,
        qualifier="$LATEST",
        # the next pass does all that this one should have done
        maximum_retry_attempts=0,
        maximum_event_age_in_seconds=60 * SWEEP_EVERY_MIN,
        destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
            on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=dead)
        ),
    )
    told.add_resource_dependency(lost)


def _topic(scope: Construct, options: Options) -> CfnResource:
    """Where alarms are told, and by whom."""
    arn = topic_arn(options.place)
    topic = sns.CfnTopic(scope, "Topic", topic_name=f"{options.place.prefix}-alarms", display_name="Parjanya alarms")
    here = f"{options.place.region}:{Stack.of(scope).account}"
    alarm = f"arn:{Stack.of(scope).partition}:cloudwatch:{here}:alarm:{options.place.prefix}-*"
    sns.CfnTopicPolicy(
        scope,
        "TopicPolicy",
        topics=[topic.ref],
        policy_document=document([_publish_by_tls(arn), sent_by("cloudwatch", arn, "sns:Publish", alarm)]),
    )
    if options.mail:
        sns.CfnSubscription(
            scope, f"{title('mail')}Subscription", topic_arn=topic.ref, protocol="email", endpoint=options.mail
        )
    return topic


def _publish_by_tls(arn: str) -> dict[str, object]:
    return {**only_tls("sns", arn), "Action": "sns:Publish"}
