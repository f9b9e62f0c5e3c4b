"""A kernel for systems that reconcile: Truth, Belief, Intent, Execution.

What a workload is made of is here; stores and fleets are chosen in one place of an application, from ``tbie.backends``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

_WHERE = {
    "Address": "tbie.core.keys",
    "Cause": "tbie.core.cause",
    "Completed": "tbie.core.outcome",
    "Engine": "tbie.engine",
    "ItemKey": "tbie.core.keys",
    "NewItem": "tbie.truth",
    "OneByOne": "tbie.execution",
    "Outcome": "tbie.core.outcome",
    "Reconciler": "tbie.reconciler.loop",
    "Retry": "tbie.core.outcome",
    "RetryPolicy": "tbie.workflow",
    "Settings": "tbie.core.settings",
    "Stage": "tbie.workflow",
    "StageState": "tbie.truth",
    "TerminalFailure": "tbie.core.outcome",
    "Together": "tbie.execution",
    "Work": "tbie.execution",
    "Worker": "tbie.worker",
    "Workflow": "tbie.workflow",
}


def __getattr__(name: str) -> object:
    """Import what is asked for when it is: a part of the kernel must not cost the import of all others."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)
