"""The control plane: told of everything that opens, able to read what it needs, and watched by something that is not itself."""

from __future__ import annotations

import json
from collections.abc import Iterator

from parjanya.functions.telling import HEARTBEAT, NAMESPACE
from parjanya_cdk.alarms import HIDDEN, VISIBLE
from parjanya_cdk.checks.base import Properties, Subject, flat, statements

LOG_DAYS_LEAST = 30
TAKING = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:PurgeQueue")


def _mapping(on: Subject, source: str) -> Properties:
    found = [one for one in on.of("Lambda::EventSourceMapping").values() if source in str(flat(one["EventSourceArn"]))]
    return found[0] if len(found) == 1 else {}


def the_reconciler_is_told_of_each_stage_and_nothing_else(on: Subject) -> Iterator[str]:
    """The filter of the stream names exactly the workflow's stages, pending."""
    declared = dict(on.declared.pattern)
    filters = _mapping(on, "import").get("FilterCriteria", {}).get("Filters", [])
    if len(filters) != 1:
        yield f"the stream has {len(filters)} filters"
        return
    pattern = json.loads(filters[0]["Pattern"])
    if pattern != declared:
        yield f"told of {pattern}, declared is {declared}"
    named = pattern.get("dynamodb", {}).get("NewImage", {}).get("stage", {}).get("S", [])
    if sorted(named) != sorted(stage.name for stage in on.declared.stages):
        yield f"told of the stages {named}"


def a_poison_record_stops_no_shard(on: Subject) -> Iterator[str]:
    """50 records or 5 seconds; halved, tried a few times, put aside; partial answers; nothing waits for a day."""
    mapping = _mapping(on, "import")
    due = {
        "BatchSize": 50,
        "MaximumBatchingWindowInSeconds": 5,
        "BisectBatchOnFunctionError": True,
        "StartingPosition": "TRIM_HORIZON",
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    yield from (
        f"{name} is {mapping.get(name)}, not {value}" for name, value in due.items() if mapping.get(name) != value
    )
    if not 1 <= mapping.get("MaximumRetryAttempts", -1) <= 10:
        yield "a batch is tried for as long as the stream keeps it: the shard stands still"
    if not 60 <= mapping.get("MaximumRecordAgeInSeconds", -1) < 86_400:
        yield "a record is waited for until the stream forgets its neighbours"
    failures = on.arn_of_queue(on.options.place.queue("failures"))
    if flat(mapping.get("DestinationConfig", {})).get("OnFailure", {}).get("Destination") != failures:
        yield "what cannot be handled is put nowhere"
    if on.queue(on.options.place.queue("failures")) is None:
        yield "the queue of failures is not made"


def uploads_are_answered_one_by_one(on: Subject) -> Iterator[str]:
    """One bad upload does not bring back the good ones of its batch."""
    if _mapping(on, ":sqs:").get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
        yield "a batch of arrivals succeeds or fails as a whole"


def the_sweep_runs_by_the_clock(on: Subject) -> Iterator[str]:
    """The safety net is on a schedule of its own, and a pass that did not run leaves a trace."""
    rules = list(on.of("Events::Rule").values())
    dead = on.arn_of_queue(on.options.place.queue("sweep-dead"))
    if len(rules) != 1 or rules[0]["State"] != "ENABLED" or not rules[0]["ScheduleExpression"].startswith("rate("):
        yield "nothing wakes the sweep"
        return
    (target,) = rules[0]["Targets"]
    if (
        flat(target.get("DeadLetterConfig", {})).get("Arn") != dead
        or on.queue(on.options.place.queue("sweep-dead")) is None
    ):
        yield "a pass that could not be started leaves no trace"
    ran = [flat(one.get("DestinationConfig", {})) for one in on.of("Lambda::EventInvokeConfig").values()]
    if ran != [{"OnFailure": {"Destination": dead}}]:
        yield "a pass that failed leaves no trace"
    if not any(one["Principal"] == "events.amazonaws.com" for one in on.of("Lambda::Permission").values()):
        yield "the schedule may not call the sweep"


def silence_is_an_alarm(on: Subject) -> Iterator[str]:
    """No heartbeat for more than a cycle is an alarm that CloudWatch raises, missing data included (incident 8)."""
    alarm = on.alarms().get("heartbeat-absent", {})
    if (alarm.get("Namespace"), alarm.get("MetricName")) != (NAMESPACE, HEARTBEAT.name):
        yield "nobody listens for the heartbeat (AWS's own metrics ignore how missing data is treated)"
        return
    if (
        alarm["TreatMissingData"] != "breaching"
        or alarm["ComparisonOperator"] != "LessThanThreshold"
        or alarm["Threshold"] != 1
    ):
        yield "a heartbeat that is absent is no alarm"
    if not 120 <= alarm["Period"] * alarm["EvaluationPeriods"] <= 900:
        yield "silence is noticed after less than a cycle, or too late"


def each_alarm_is_heard(on: Subject) -> Iterator[str]:
    """An alarm acts on the topic, the topic lets CloudWatch speak, and what missing data means is said for each."""
    topic = f"arn:<AWS::Partition>:sns:{on.options.place.region}:<AWS::AccountId>:{on.options.place.prefix}-alarms"
    for name, alarm in on.alarms().items():
        if flat(alarm.get("AlarmActions", [])) != [topic]:
            yield f"alarm {name} tells nobody"
        if alarm.get("TreatMissingData") not in ("breaching", "notBreaching"):
            yield f"alarm {name} does not say what silence means"
        if len(alarm.get("AlarmDescription", "")) < 15:
            yield f"alarm {name} does not say what it means"
    allowed = [one for policy in on.of("SNS::TopicPolicy").values() for one in statements(policy["PolicyDocument"])]
    if not any(
        one["Effect"] == "Allow" and one["Principal"] == {"Service": "cloudwatch.amazonaws.com"} for one in allowed
    ):
        yield "CloudWatch may not speak to the topic: every alarm would be silent"


def whatever_failed_before_has_an_alarm(on: Subject) -> Iterator[str]:
    """Backlog, gap and dead letters of each stage; errors, duration, throttles of each function; silence of each pool."""
    stages, pools = [stage.name for stage in on.declared.stages], on.declared.pools
    functions = [
        one["FunctionName"].removeprefix(f"{on.options.place.prefix}-") for one in on.of("Lambda::Function").values()
    ]
    due = {"heartbeat-absent", "blind", "iterator-age", "arrivals-dead", "failures", "sweep-dead"}
    due |= {f"{stage}-{what}" for stage in stages for what in ("backlog-age", "coverage-gap", "dead-letters")}
    due |= {f"{function}-{what}" for function in functions for what in ("errors", "duration", "throttles")}
    due |= {f"{pool}-{what}" for pool in pools for what in ("bootstrap-silence", "not-realised")}
    yield from (f"there is no alarm {name}" for name in sorted(due - on.alarms().keys()))
    breaching = {f"{s}-{w}" for s in stages for w in ("backlog-age", "coverage-gap", "dead-letters")} | {
        "blind",
        "sweep-errors",
    }
    breaching |= {f"{pool}-bootstrap-silence" for pool in pools}
    for name in sorted(breaching & on.alarms().keys()):
        if on.alarms()[name]["TreatMissingData"] != "breaching":
            yield f"alarm {name}: unknown would count as healthy"
    for queue in on.of("SQS::Queue").values():
        if "RedrivePolicy" in queue or queue["QueueName"] == on.options.place.queue("arrivals"):
            continue
        watched = {name for alarm in on.alarms().values() for name, _ in _asked(alarm)}
        if queue["QueueName"] not in watched:
            yield f"nobody looks at {queue['QueueName']}"
    for stage in stages:
        seen = {metric for _, metric in _asked(on.alarms().get(f"{stage}-dead-letters", {}))}
        if seen and not seen >= {VISIBLE, HIDDEN}:
            yield f"alarm {stage}-dead-letters does not see those that a sweep has looked at: it hides them for an hour"


def _asked(alarm: Properties) -> Iterator[tuple[str, str]]:
    """Whose metrics (the value of a dimension), and which, *alarm* is about."""
    parts = [part["MetricStat"]["Metric"] for part in alarm.get("Metrics", []) if "MetricStat" in part]
    for one in parts or [alarm]:
        yield from ((flat(d["Value"]), one["MetricName"]) for d in one.get("Dimensions", []))


def logs_are_kept(on: Subject) -> Iterator[str]:
    """Each function and each pool has a log that is kept for an incident, and not for ever."""
    kept = {group["LogGroupName"]: group.get("RetentionInDays", 0) for group in on.of("Logs::LogGroup").values()}
    prefix = on.options.place.prefix
    due = {f"/aws/lambda/{function['FunctionName']}" for function in on.of("Lambda::Function").values()}
    due |= {f"/parjanya/{prefix}/worker/{pool}" for pool in on.declared.pools}
    yield from (
        f"the log {name} is kept {kept.get(name, 0)} days" for name in sorted(due) if kept.get(name, 0) < LOG_DAYS_LEAST
    )


def only_workers_take_and_delete_intents(on: Subject) -> Iterator[str]:
    """Nothing but an outcome deletes: whoever sends intents cannot take or delete one (incident 1)."""
    place = on.options.place
    queues = {on.arn_of_queue(place.queue(stage.name)) for stage in on.declared.stages}
    for name, role in on.of("IAM::Role").items():
        for policy in role.get("Policies", []):
            for statement in statements(policy["PolicyDocument"]):
                resources = (
                    statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
                )
                taking = sorted(set(TAKING) & set(statement["Action"]))
                if taking and queues & set(resources) and not name.endswith("WorkerRole") and "Worker" not in name:
                    yield f"{name} may {', '.join(taking)} on intents"
                if "sqs:PurgeQueue" in statement["Action"]:
                    yield f"{name} may empty a queue"


def tenants_are_no_configuration(on: Subject) -> Iterator[str]:
    """Nothing deployed names a tenant: whoever uploads is discovered at run time (incident 9a)."""
    for stack, template in on.templates.items():
        if "tenant" in json.dumps({key: value for key, value in template.items() if key != "Description"}).lower():
            yield f"stack {stack} speaks of tenants"


def everybody_is_told_the_same_place(on: Subject) -> Iterator[str]:
    """Functions and workers are told one bucket, one prefix, one region: an address is the same everywhere (incident 4)."""
    place = on.options.place
    due = {"PARJANYA_BUCKET": place.bucket, "PARJANYA_PREFIX": place.prefix, "PARJANYA_REGION": place.region}
    for name, function in on.of("Lambda::Function").items():
        told = function["Environment"]["Variables"]
        yield from (f"{name} is told {key}={told.get(key)}" for key, value in due.items() if told.get(key) != value)
    for name, template in on.of("EC2::LaunchTemplate").items():
        told = flat(template["LaunchTemplateData"]["UserData"])
        yield from (f"{name} is not told {key}={value}" for key, value in due.items() if f"{key}={value}\n" not in told)


CHECKS = (
    the_reconciler_is_told_of_each_stage_and_nothing_else,
    a_poison_record_stops_no_shard,
    uploads_are_answered_one_by_one,
    the_sweep_runs_by_the_clock,
    silence_is_an_alarm,
    each_alarm_is_heard,
    whatever_failed_before_has_an_alarm,
    logs_are_kept,
    only_workers_take_and_delete_intents,
    tenants_are_no_configuration,
    everybody_is_told_the_same_place,
)
