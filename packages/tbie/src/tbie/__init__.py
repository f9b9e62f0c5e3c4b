"""A kernel for systems that reconcile: Truth, Belief, Intent, Execution.

What a workload is made of is here; stores and fleets are chosen in one place of an application, from ``tbie.backends``.
"""

from tbie.core.cause import Cause
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed, Outcome, Retry, TerminalFailure
from tbie.core.settings import Settings
from tbie.engine import Engine
from tbie.execution import OneByOne, Together, Work
from tbie.reconciler.loop import Reconciler
from tbie.truth import NewItem, StageState
from tbie.worker import Worker
from tbie.workflow import RetryPolicy, Stage, Workflow

__all__ = [
    "Address",
    "Cause",
    "Completed",
    "Engine",
    "ItemKey",
    "NewItem",
    "OneByOne",
    "Outcome",
    "Reconciler",
    "Retry",
    "RetryPolicy",
    "Settings",
    "Stage",
    "StageState",
    "TerminalFailure",
    "Together",
    "Work",
    "Worker",
    "Workflow",
]
