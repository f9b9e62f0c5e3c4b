"""What the queues of a workflow must be like, derived from its stages and the settings; and making them.

Callers: the templates of the infrastructure, ``doctor``, tests, the local profile.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tbie.backends.aws.client import Clients, told
from tbie.core.errors import IntentUnavailableError, SettingsError
from tbie.core.settings import Settings
from tbie.workflow import Stage, Workflow

LONGEST_RETENTION_S = 14 * 86_400
"""What SQS keeps a message for at most."""
LONGEST_VISIBILITY_S = 12 * 3_600
"""Counted from the receive, extensions included."""
LONGEST_DELAY_S = 900
BATCH = 10


@dataclass(frozen=True, slots=True)
class QueuePlan:
    """What the queue of one stage must be like. Seconds."""

    visibility_s: int
    retention_s: int
    dead_retention_s: int
    """As long as there is: a message that SQS moves keeps its age, so with no more than the queue has it would be gone soon."""
    max_receives: int
    """After this many receives of one copy SQS itself moves it to the dead letters: a backstop for messages on which whoever
    receives them dies before it can count. Far above the stage's own bound, which ``intent`` keeps to."""

    def attributes(self, dead_arn: str) -> dict[str, str]:
        """Of the queue, as SQS wants them."""
        redrive = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": self.max_receives}
        return {
            "VisibilityTimeout": str(self.visibility_s),
            "MessageRetentionPeriod": str(self.retention_s),
            "RedrivePolicy": json.dumps(redrive, separators=(",", ":")),
            "SqsManagedSseEnabled": "true",
        }

    def dead_attributes(self) -> dict[str, str]:
        """Of the dead letters."""
        return {"MessageRetentionPeriod": str(self.dead_retention_s), "SqsManagedSseEnabled": "true"}


def plan_queue(stage: Stage, settings: Settings) -> QueuePlan:
    """The queue of *stage*.

    Raises:
        SettingsError: SQS cannot do what the settings ask.
    """
    settings.check_stage(stage.name, stage.max_run_s)
    if settings.visibility_timeout_s > LONGEST_VISIBILITY_S:
        raise SettingsError(
            f"visibility_timeout_s={settings.visibility_timeout_s:g}: SQS hides a message for at most "
            f"{LONGEST_VISIBILITY_S} s. Lower it, and the stage's max_run_s with it."
        )
    if not 60 <= settings.retention_s <= LONGEST_RETENTION_S:
        raise SettingsError(
            f"retention_s={settings.retention_s:g}: SQS keeps a message for 60 to {LONGEST_RETENTION_S} s. Lower it, and "
            "outage_window_s with it."
        )
    return QueuePlan(
        math.ceil(settings.visibility_timeout_s),
        math.floor(settings.retention_s),
        LONGEST_RETENTION_S,
        min(1_000, 10 + 2 * stage.retry.max_receives),
    )


def create_queues(clients: Clients, workflow: Workflow, settings: Settings) -> None:
    """Make the queues that are missing. Those that exist are left as they are; ``drift`` tells what is wrong with them.

    Raises:
        IntentUnavailableError: AWS refused.
    """
    for stage in workflow.stages:
        plan = plan_queue(stage, settings)
        name, dead = clients.place.queue(stage.name), clients.place.dead_queue(stage.name)
        with told(IntentUnavailableError, f"making the queue {name}"):
            dead_url = _made(clients, dead, plan.dead_attributes())
            arn = attributes_of(clients, dead_url, ("QueueArn",))["QueueArn"]
            _made(clients, name, plan.attributes(arn))


def _made(clients: Clients, name: str, attributes: Mapping[str, str]) -> str:
    sqs = clients.sqs
    try:
        return str(sqs.get_queue_url(QueueName=name)["QueueUrl"])
    except sqs.exceptions.QueueDoesNotExist:
        return str(sqs.create_queue(QueueName=name, Attributes=dict(attributes))["QueueUrl"])


def drift(clients: Clients, workflow: Workflow, settings: Settings) -> list[str]:
    """How the queues that exist differ from what they must be like, one sentence each.

    Raises:
        IntentUnavailableError: a queue is missing or cannot be read.
    """
    found = []
    for stage in workflow.stages:
        plan = plan_queue(stage, settings)
        name, dead = clients.place.queue(stage.name), clients.place.dead_queue(stage.name)
        with told(IntentUnavailableError, f"reading the attributes of {name}"):
            dead_url = clients.sqs.get_queue_url(QueueName=dead)["QueueUrl"]
            theirs = attributes_of(clients, dead_url, ("All",))
            found += _differences(dead, plan.dead_attributes(), theirs)
            url = clients.sqs.get_queue_url(QueueName=name)["QueueUrl"]
            found += _differences(name, plan.attributes(theirs["QueueArn"]), attributes_of(clients, url, ("All",)))
    return found


def _differences(name: str, due: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    return [
        f"{name}: {attribute} is {found.get(attribute, 'not set')}, must be {value}"
        for attribute, value in due.items()
        if attribute != "SqsManagedSseEnabled" and _normal(found.get(attribute)) != _normal(value)
    ]


def _normal(value: str | None) -> object:
    try:
        read = json.loads(value or "null")
    except ValueError:
        return value
    return {k: str(v) for k, v in read.items()} if isinstance(read, dict) else read


def attributes_of(clients: Clients, url: str, names: Sequence[str]) -> Mapping[str, str]:
    """Attributes of a queue by its address."""
    found = clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names))
    return {str(name): str(value) for name, value in found.get("Attributes", {}).items()}
