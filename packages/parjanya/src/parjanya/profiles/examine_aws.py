"""Reads what the guardrails of a deployment look at. Caller: ``examine``, for a home that declares the profile aws.

Who runs this needs more permissions than an engine (functions, roles, alarms are read); what may not be read is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from tbie.backends.aws import deployed, deployed_control
from tbie.backends.aws.client import Clients
from tbie.core.clock import Clock
from tbie.core.errors import TbieError
from tbie.core.reading import Known, Reading, Unknown
from tbie.core.settings import Settings
from tbie.guardrails import Looked
from tbie.workflow import Workflow

BOUND = ("parjanya:image-tag", "parjanya:manifest", "parjanya:lock")
"""Tags that say what a machine image holds; given to it when it is published (``infra/image``)."""

ON_AN_ACCOUNT = frozenset(
    {"aws_recovery", "aws_fleet", "aws_functions", "aws_permissions", "aws_stream_filter", "aws_alarms"}
)
"""What only a deployment on an account has: a local server has workers of this machine and an engine in their place."""
OF_FUNCTIONS = frozenset({"aws_functions", "aws_permissions", "aws_stream_filter"})
"""Those of them that are there as soon as functions are deployed."""


def look_at_deployment(
    clients: Clients, workflow: Workflow, settings: Settings, clock: Clock, *, thorough: bool
) -> Mapping[str, Reading[object]]:
    """By guardrail of ``tbie.guardrails.cloud``: what is wrong. Without *thorough* only what an engine itself may read."""
    looks: dict[str, Callable[[], Looked]] = {
        "aws_tables": partial(deployed.look_at_tables, clients),
        "aws_queues": partial(deployed.look_at_queues, clients, workflow, settings),
        "aws_outage_window": partial(deployed.look_at_outage_window, clients, workflow, settings),
        "aws_endpoint": partial(deployed.look_at_endpoint, clients),
    }
    if thorough:
        looks |= {
            "aws_recovery": partial(deployed.look_at_recovery, clients),
            "aws_bucket": partial(deployed.look_at_bucket, clients),
            "aws_fleet": partial(deployed_control.look_at_fleet, clients, workflow.pools, BOUND),
            "aws_permissions": partial(deployed_control.look_at_permissions, clients, workflow),
            "aws_functions": partial(deployed_control.look_at_functions, clients),
            "aws_stream_filter": partial(deployed_control.look_at_stream_filter, clients, workflow),
            "aws_alarms": partial(deployed_control.look_at_alarms, clients),
        }
    return {name: _read(name, look, clock) for name, look in looks.items()}


def _read(name: str, look: Callable[[], Looked], clock: Clock) -> Reading[object]:
    try:
        return Known(look(), name, clock.now_ms())
    except TbieError as error:
        return Unknown(str(error), name, clock.now_ms())
