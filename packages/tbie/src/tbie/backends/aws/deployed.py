"""Looks at what is deployed of Truth, Intent and objects, and says how it differs from what the program declares.

Caller: `doctor` on an instance of this profile. Every function makes its own calls and raises the error of its store when AWS
does not answer, which makes the guardrail unknown and never a pass. What is compared with what is pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tbie.backends.aws import bucket as wanted_bucket
from tbie.backends.aws import queues, tables
from tbie.backends.aws.client import ClientError, Clients, code_of, told
from tbie.backends.aws.place import TABLES, Place
from tbie.core.errors import IntentUnavailableError, ObjectUnavailableError, TruthUnavailableError
from tbie.core.settings import Settings
from tbie.guardrails import Looked
from tbie.workflow import Workflow


def look_at_tables(clients: Clients) -> Looked:
    """Every table is there, with its key and its stream."""
    found = tables.problems(clients, TABLES)
    return Looked(tuple(found), f"{len(TABLES)} tables with their keys; the changes of open work have a stream")


def look_at_recovery(clients: Clients) -> Looked:
    """What cannot be made again can be restored to any second, and is not deleted by accident."""
    found: list[str] = []
    durable = [clients.place.table(table.name) for table in tables.SCHEMA if table.durable]
    for name in durable:
        with told(TruthUnavailableError, f"looking at how {name} is protected"):
            protected = clients.dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled")
            kept = clients.dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        if not protected:
            found.append(f"table {name} may be deleted by one call: switch deletion protection on")
        if kept.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") != "ENABLED":
            found.append(f"table {name} cannot be restored to an earlier moment: switch point-in-time recovery on")
    return Looked(tuple(found), f"{len(durable)} tables are protected and can be restored to any second")


def look_at_queues(clients: Clients, workflow: Workflow, settings: Settings) -> Looked:
    """Every stage has its queue and its dead letters, with the times that its runs and the settings ask for."""
    found = queues.drift(clients, workflow, settings)
    return Looked(tuple(found), f"{len(workflow.stages)} queues, each with its dead letters and the times it needs")


def look_at_outage_window(clients: Clients, workflow: Workflow, settings: Settings) -> Looked:
    """Messages outlive the longest time that nobody looks, by what the queues say and not by what was meant."""
    kept: dict[str, object] = {}
    found = []
    for stage in workflow.stages:
        name = clients.place.queue(stage.name)
        with told(IntentUnavailableError, f"reading the retention of {name}"):
            url = clients.sqs.get_queue_url(QueueName=name)["QueueUrl"]
            retention_s = int(queues.attributes_of(clients, url, ("MessageRetentionPeriod",))["MessageRetentionPeriod"])
        kept[stage.name] = retention_s
        if retention_s < settings.outage_window_s:
            found.append(
                f"{name} keeps messages for {retention_s} s, and nobody may look for {settings.outage_window_s:g} s: "
                "they would be gone after a long weekend"
            )
    return Looked(tuple(found), f"every queue outlives the declared {settings.outage_window_s / 86_400:g} days", kept)


def look_at_bucket(clients: Clients) -> Looked:
    """Closed to the public and open to named pages: both halves, since each alone has failed."""
    s3, name = clients.s3, clients.place.bucket
    with told(ObjectUnavailableError, f"looking at the bucket {name}"):
        block = _unless(s3.get_public_access_block, "PublicAccessBlockConfiguration", Bucket=name)
        rules = _unless(s3.get_bucket_cors, "CORSRules", Bucket=name)
    return Looked(
        tuple(bucket_problems(name, block, rules)), f"{name} is closed; {len(rules or ())} rules for browsers"
    )


def _unless(call: Any, member: str, **arguments: str) -> Any:
    """What *call* answers under *member*; None where the bucket simply has none."""
    try:
        return call(**arguments)[member]
    except ClientError as refused:
        if code_of(refused) in {"NoSuchPublicAccessBlockConfiguration", "NoSuchCORSConfiguration"}:
            return None
        raise


def bucket_problems(name: str, block: Mapping[str, bool] | None, rules: Any) -> list[str]:
    """What is wrong with the pair. Pure."""
    found = []
    missing = [half for half, due in wanted_bucket.PUBLIC_ACCESS_BLOCK.items() if (block or {}).get(half) is not due]
    if missing:
        found.append(f"{name} may be made public: {', '.join(missing)} not set")
    for rule in rules or ():
        wide = [origin for origin in rule.get("AllowedOrigins", ()) if "*" in origin]
        if wide:
            found.append(f"{name} lets scripts of any page upload ({', '.join(wide)}): name each origin")
        lacking = [
            header
            for header in wanted_bucket.HEADERS
            if header not in {str(allowed).lower() for allowed in rule.get("AllowedHeaders", ())}
        ]
        if lacking and "PUT" in rule.get("AllowedMethods", ()):
            found.append(
                f"{name} refuses a signed upload: its rule for browsers lacks the headers {', '.join(lacking)}"
            )
        extra = sorted(set(rule.get("AllowedMethods", ())) - {"PUT"})
        if extra:
            found.append(f"{name} lets browsers {', '.join(extra)}, which no page of ours does")
    return found


def look_at_endpoint(clients: Clients) -> Looked:
    """Requests are signed for the region in which the bucket is."""
    place, asked = clients.place, str(clients.s3.meta.endpoint_url)
    with told(ObjectUnavailableError, f"asking where the bucket {place.bucket} is"):
        where = clients.s3.get_bucket_location(Bucket=place.bucket).get("LocationConstraint") or "us-east-1"
    return Looked(tuple(endpoint_problems(place, asked, where)), f"{place.bucket} is in {where}, and is asked there")


def endpoint_problems(place: Place, asked: str, where: str) -> list[str]:
    """What is wrong with the address *asked* for a bucket that is *where*. Pure."""
    found = []
    if where != place.region:
        found.append(f"the bucket {place.bucket} is in {where}, requests are signed for {place.region}")
    host = urlsplit(asked).hostname or ""
    if place.endpoint is None and place.region not in host:
        found.append(f"{host} is not the endpoint of {place.region}: it answers an upload with a redirect")
    return found
