"""Defects that are planted in the templates: what controls, who may do what. Data: check → what is wrong → how to plant it."""

from __future__ import annotations

from parjanya_cdk.checks import controlling, permitting
from parjanya_cdk.checks.base import Check
from planting import (
    ALARM,
    MAPPING,
    Plant,
    added,
    everything,
    filtered,
    forgiving,
    losing,
    other_region,
    role,
    setting,
    unheard,
    without,
)

DEFECTS: dict[Check, dict[str, Plant]] = {
    controlling.the_reconciler_is_told_of_each_stage_and_nothing_else: {
        "a stage that the filter forgot": filtered(stage={"S": ["technical"]}),
        "no filter at all": setting(MAPPING, "Changes", "FilterCriteria", None),
    },
    controlling.a_poison_record_stops_no_shard: {
        "a shard that a poison record stops": setting(MAPPING, "Changes", "MaximumRetryAttempts", -1),
        "records that are waited for all day": setting(MAPPING, "Changes", "MaximumRecordAgeInSeconds", -1),
        "a batch that is never halved": setting(MAPPING, "Changes", "BisectBatchOnFunctionError", False),
        "partial answers that nobody reads": setting(MAPPING, "Changes", "FunctionResponseTypes", None),
        "failures that go nowhere": setting(MAPPING, "Changes", "DestinationConfig", None),
        "another batch": setting(MAPPING, "Changes", "BatchSize", 1_000),
    },
    controlling.uploads_are_answered_one_by_one: {
        "arrivals that fail together": setting(MAPPING, "Arrivals", "FunctionResponseTypes", None),
    },
    controlling.the_sweep_runs_by_the_clock: {
        "a sweep that is switched off": setting("Events::Rule", "", "State", "DISABLED"),
        "a sweep that cannot be called": without("Lambda::Permission"),
        "a failed pass without a trace": without("Lambda::EventInvokeConfig"),
        "a schedule without dead letters": setting("Events::Rule", "", "Targets.0.DeadLetterConfig", None),
    },
    controlling.silence_is_an_alarm: {
        "silence that is no alarm (8)": forgiving("heartbeat-absent"),
        "no alarm of silence (8)": without(ALARM, "HeartbeatAbsent"),
        "silence that is noticed after an hour (8)": setting(ALARM, "HeartbeatAbsent", "EvaluationPeriods", 60),
        "an alarm on a metric that ignores silence (8)": setting(ALARM, "HeartbeatAbsent", "Namespace", "AWS/DynamoDB"),
    },
    controlling.each_alarm_is_heard: {
        "an alarm that tells nobody": setting(ALARM, "IteratorAge", "AlarmActions", []),
        "a topic that CloudWatch may not speak to": unheard,
        "an alarm that does not say what silence means": setting(ALARM, "Failures", "TreatMissingData", "missing"),
    },
    controlling.whatever_failed_before_has_an_alarm: {
        "a backlog that nobody watches": without(ALARM, "ObserveBacklogAge"),
        "an unknown backlog that counts as healthy": forgiving("observe-backlog-age"),
        "an unknown gap that counts as healthy": forgiving("group-coverage-gap"),
        "dead letters that nobody watches": without(ALARM, "PreviewDeadLetters"),
        "dead letters that a sweep hides from their alarm": setting(
            ALARM, "PreviewDeadLetters", "Metrics.2.MetricStat.Metric.MetricName", "ApproximateNumberOfMessagesVisible"
        ),
        "a fleet whose silence nobody hears (6a)": without(ALARM, "VisionBootstrapSilence"),
        "a function that is never started": without(ALARM, "ReconcileThrottles"),
    },
    controlling.logs_are_kept: {
        "a log that is gone next day": setting("Logs::LogGroup", "SweepLog", "RetentionInDays", 1),
        "a pool without a log": without("Logs::LogGroup", "VisionPool"),
    },
    controlling.only_workers_take_and_delete_intents: {
        "a reconciler that may delete intents (1)": role(
            "Reconcile",
            lambda written: next(s for s in written if "sqs:SendMessage" in s["Action"])["Action"].append(
                "sqs:DeleteMessage"
            ),
        ),
    },
    controlling.tenants_are_no_configuration: {
        "a tenant in the configuration (9a)": setting(
            "Lambda::Function", "Sweep", "Environment.Variables.TENANTS", "a,b"
        ),
    },
    controlling.everybody_is_told_the_same_place: {
        "a function that is told another bucket (4)": other_region,
    },
    permitting.each_role_holds_its_list_and_nothing_else: {
        "a permission that is missing (8)": role("Sweep", losing("dynamodb:Query")),
        "a permission too many": role("Intake", lambda written: written[0]["Action"].append("dynamodb:DeleteTable")),
        "a worker that may take another pool's intents": role(
            "VisionPoolWorker",
            lambda written: next(s for s in written if "sqs:ReceiveMessage" in s["Action"]).update(
                Resource="arn:aws:sqs:eu-central-1:1:parjanya-technical"
            ),
        ),
        "a policy beside the role": added(
            "control", "IAM::Policy", PolicyName="more", Roles=[{"Ref": "SweepRole"}], PolicyDocument={"Statement": []}
        ),
    },
    permitting.nothing_is_granted_on_everything: {
        "a permission on everything": everything("dynamodb:Scan"),
        "every action of a service": everything("sqs:*"),
    },
    permitting.the_reconciler_can_read_what_it_decides_by: {
        "a reconciler that cannot read a queue (8)": role("Reconcile", losing("sqs:GetQueueAttributes")),
        "a sweep that cannot read a queue (8)": role("Sweep", losing("sqs:GetQueueAttributes")),
        "a reconciler that cannot send (8)": role("Reconcile", losing("sqs:SendMessage")),
    },
    permitting.only_its_service_takes_a_role: {
        "a role that any account may take": setting(
            "IAM::Role", "Sweep", "AssumeRolePolicyDocument.Statement.0.Principal", {"AWS": "*"}
        ),
    },
}
