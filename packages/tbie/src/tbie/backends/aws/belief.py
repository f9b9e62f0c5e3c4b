"""Belief of the aws profile: depths from SQS, fleets from whatever keeps them."""

from __future__ import annotations

from functools import partial

from tbie.belief import Readers
from tbie.execution import Fleet
from tbie.intent import IntentQueue
from tbie.workflow import Workflow


def belief(workflow: Workflow, intent: IntentQueue, fleet: Fleet | None) -> Readers:
    """Readings of every stage's queue and, where there is a fleet, of every pool. Refusals are ``Unknown``, in AWS's words."""
    queues = {stage.name: partial(intent.depth, stage.name) for stage in workflow.stages}
    fleets = {pool: partial(fleet.view, pool) for pool in workflow.pools} if fleet is not None else {}
    return Readers(queues, fleets)
