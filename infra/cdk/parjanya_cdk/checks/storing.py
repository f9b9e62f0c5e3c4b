"""Truth and Intent: what must survive, what must not expire, and who may reach the objects."""

from __future__ import annotations

from collections.abc import Iterator

from parjanya_cdk.checks.base import Properties, Subject, flat, listed, statements

FUNCTION_VISIBILITY_RATIO = 6
"""What Lambda asks for between a queue's visibility and the timeout of the function that it feeds."""


def truth_survives(on: Subject) -> Iterator[str]:
    """Every table of Truth is recovered to any second, protected from deletion, backed up, and kept when its stack goes."""
    tables = {one["Properties"]["TableName"]: (name, one) for name, one in on.whole("DynamoDB::Table").items()}
    saved = {
        arn for each in on.of("Backup::BackupSelection").values() for arn in flat(each["BackupSelection"]["Resources"])
    }
    for table in on.declared.tables:
        name = on.options.place.table(table.name)
        if name not in tables:
            yield f"table {name} is not made"
            continue
        logical, whole = tables[name]
        made = whole["Properties"]
        if made["BillingMode"] != "PAY_PER_REQUEST":
            yield f"table {name} costs while nobody uses it"
        if not table.durable:
            continue
        if not made["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]:
            yield f"table {name} cannot be recovered to a point in time"
        if not made.get("DeletionProtectionEnabled"):
            yield f"table {name} can be deleted by accident"
        if (whole.get("DeletionPolicy"), whole.get("UpdateReplacePolicy")) != ("Retain", "Retain"):
            yield f"table {name} goes when its stack goes"
        if f"<{logical}.Arn>" not in saved:
            yield f"table {name} is not backed up"


def tables_are_as_the_program_expects(on: Subject) -> Iterator[str]:
    """Keys, stream and expiry of each table are the declared ones."""
    made = {one["TableName"]: one for one in on.of("DynamoDB::Table").values()}
    for table in on.declared.tables:
        have = made.get(on.options.place.table(table.name), {})
        keys = [(key["AttributeName"], key["KeyType"]) for key in have.get("KeySchema", [])]
        if keys != [(table.partition, "HASH"), (table.sort, "RANGE")]:
            yield f"table {table.name} has the key {keys}"
        if have.get("StreamSpecification", {}).get("StreamViewType") != table.stream:
            yield f"the stream of table {table.name} is not {table.stream}"
        expiry = have.get("TimeToLiveSpecification", {})
        if (expiry.get("AttributeName") if expiry.get("Enabled") else None) != table.ttl:
            yield f"rows of table {table.name} do not expire by {table.ttl}"


def no_message_expires_in_an_outage(on: Subject) -> Iterator[str]:
    """Retention of each stage's queue exceeds the declared outage window (incident 9b)."""
    for stage in on.declared.stages:
        queue = on.queue(on.options.place.queue(stage.name))
        if queue is None:
            yield f"stage {stage.name} has no queue"
        elif queue["MessageRetentionPeriod"] < on.declared.outage_window_s:
            yield f"messages of {stage.name} live {queue['MessageRetentionPeriod']} s, less than the outage window"


def no_second_worker_starts(on: Subject) -> Iterator[str]:
    """Messages are hidden for longer than the longest realistic run of their stage (incident 1)."""
    for stage in on.declared.stages:
        queue = on.queue(on.options.place.queue(stage.name)) or {"VisibilityTimeout": 0}
        if queue["VisibilityTimeout"] <= stage.max_run_s:
            yield f"{stage.name} may run {stage.max_run_s:g} s, its messages are hidden {queue['VisibilityTimeout']} s"


def dead_letters_are_kept(on: Subject) -> Iterator[str]:
    """Each queue of a stage has dead letters that outlive it, because a dead letter keeps its first sending time."""
    for stage in on.declared.stages:
        place = on.options.place
        queue, dead = on.queue(place.queue(stage.name)) or {}, on.queue(place.dead_queue(stage.name))
        redrive = flat(queue.get("RedrivePolicy", {}))
        if dead is None or redrive.get("deadLetterTargetArn") != on.arn_of_queue(place.dead_queue(stage.name)):
            yield f"stage {stage.name} has no dead-letter queue"
        elif dead["MessageRetentionPeriod"] <= queue["MessageRetentionPeriod"]:
            yield f"dead letters of {stage.name} expire before messages do"
        elif redrive["maxReceiveCount"] != stage.max_receives:
            yield f"messages of {stage.name} are given up after {redrive['maxReceiveCount']} receives, not {stage.max_receives}"


def a_function_that_is_fed_has_time(on: Subject) -> Iterator[str]:
    """A queue that feeds a function hides its messages for six times the function's timeout."""
    functions = on.of("Lambda::Function")
    for mapping in on.of("Lambda::EventSourceMapping").values():
        source = flat(mapping["EventSourceArn"])
        queue = on.queue(source.rpartition(":")[2]) if ":sqs:" in source else None
        timeout_s = functions[mapping["FunctionName"]["Ref"]]["Timeout"]
        if queue is not None and queue["VisibilityTimeout"] < FUNCTION_VISIBILITY_RATIO * timeout_s:
            yield f"queue {queue['QueueName']} hides {queue['VisibilityTimeout']} s, its function runs {timeout_s} s"
        if ":sqs:" in source and queue is None:
            yield f"the queue {source} is not made here"


def everything_is_encrypted_and_spoken_to_by_tls(on: Subject) -> Iterator[str]:
    """Queues, bucket and topic refuse what is not TLS; what is stored is encrypted."""
    policies = [
        *on.of("SQS::QueuePolicy").values(),
        *on.of("S3::BucketPolicy").values(),
        *on.of("SNS::TopicPolicy").values(),
    ]
    refused = {
        target
        for policy in policies
        if any(_refuses_plain(statement) for statement in statements(policy["PolicyDocument"]))
        for target in flat(policy.get("Queues") or policy.get("Topics") or [policy.get("Bucket")])
    }
    for kind in ("SQS::Queue", "S3::Bucket", "SNS::Topic"):
        for name, made in on.of(kind).items():
            if not {f"<{name}>", made.get("BucketName")} & refused:
                yield f"{name} speaks without TLS"
    yield from (
        f"{name} is not encrypted" for name, one in on.of("SQS::Queue").items() if not one.get("SqsManagedSseEnabled")
    )
    yield from (
        f"{name} is not encrypted" for name, one in on.of("S3::Bucket").items() if not one.get("BucketEncryption")
    )


def _refuses_plain(statement: Properties) -> bool:
    return (
        statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    )


def the_bucket_is_closed_and_answers_our_pages_alone(on: Subject) -> Iterator[str]:
    """CORS and public access are a pair: closed to the public, open to named pages for a named method (incident 7)."""
    for name, bucket in on.of("S3::Bucket").items():
        closed = bucket.get("PublicAccessBlockConfiguration", {})
        for wall in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"):
            if closed.get(wall) is not True:
                yield f"{name}: {wall} is not on"
        rules = bucket.get("CorsConfiguration", {}).get("CorsRules", [])
        if not rules:
            yield f"{name} answers no preflight: no browser can upload"
        for rule in rules:
            if any("*" in text for text in (*rule["AllowedOrigins"], *rule["AllowedHeaders"], *rule["AllowedMethods"])):
                yield f"{name}: a wildcard in {rule}"
            if sorted(rule["AllowedOrigins"]) != sorted(on.options.origins):
                yield f"{name} answers {rule['AllowedOrigins']}, declared are {list(on.options.origins)}"
            if "PUT" not in rule["AllowedMethods"] or "ETag" not in rule.get("ExposedHeaders", []):
                yield f"{name}: a page cannot PUT, or cannot read what was stored"


def uploads_are_told_and_originals_kept(on: Subject) -> Iterator[str]:
    """Each object that arrives is told to the queue of arrivals, half uploads go, and the bucket outlives its stack."""
    arrivals = on.arn_of_queue(on.options.place.queue("arrivals"))
    for name, whole in on.whole("S3::Bucket").items():
        bucket = whole["Properties"]
        told = bucket.get("NotificationConfiguration", {}).get("QueueConfigurations", [])
        if [(one["Event"], flat(one["Queue"])) for one in told] != [("s3:ObjectCreated:*", arrivals)]:
            yield f"{name} does not tell what arrives"
        if whole.get("DeletionPolicy") != "Retain":
            yield f"{name} goes when its stack goes"
        rules = bucket.get("LifecycleConfiguration", {}).get("Rules", [])
        if not any("AbortIncompleteMultipartUpload" in rule for rule in rules):
            yield f"{name} keeps uploads that stopped halfway"
        if any("ExpirationInDays" in rule for rule in rules):
            yield f"{name} deletes objects by itself"
    allowed = [
        statement
        for policy in on.of("SQS::QueuePolicy", "truth").values()
        for statement in statements(policy["PolicyDocument"])
        if statement["Effect"] == "Allow" and arrivals in listed(statement["Resource"])
    ]
    if not any("aws:SourceAccount" in statement["Condition"].get("StringEquals", {}) for statement in allowed):
        yield "S3 may not send to the queue of arrivals, or any account's S3 may"


CHECKS = (
    truth_survives,
    tables_are_as_the_program_expects,
    no_message_expires_in_an_outage,
    no_second_worker_starts,
    dead_letters_are_kept,
    a_function_that_is_fed_has_time,
    everything_is_encrypted_and_spoken_to_by_tls,
    the_bucket_is_closed_and_answers_our_pages_alone,
    uploads_are_told_and_originals_kept,
)
