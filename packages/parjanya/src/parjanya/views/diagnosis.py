"""The diagnosis of one embedded instance, and of a home that does not even open.

Callers: ``diagnose``, ``/metrics``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tbie.core.clock import Clock
from tbie.core.errors import TbieError, TruthError
from tbie.core.finding import Evidence
from tbie.core.settings import Settings
from tbie.diagnose import Diagnosis, diagnose, take
from tbie.diagnose.catalogue import found
from tbie.diagnose.rules.truth import is_full
from tbie.diagnose.verdict import of_findings
from tbie.intent import IntentQueue
from tbie.reconciler.ledger import Ledger
from tbie.truth import TruthStore
from tbie.workflow import Workflow


def read_diagnosis(
    root: Path,
    workflow: Workflow,
    truth: TruthStore,
    intent: IntentQueue,
    clock: Clock,
    settings: Settings,
    ledger: Ledger | None = None,
    *,
    running: bool = False,
) -> Diagnosis:
    """What is wrong now with the instance in *root*. With *running*, a silent reconciler is a finding without work too."""
    readings = take(
        workflow,
        truth,
        intent,
        clock,
        settings,
        ledger=ledger,
        room_bytes=lambda: shutil.disk_usage(root).free,
        engine_expected=running,
    )
    return diagnose(readings, settings)


def of_unopened(error: TbieError, now_ms: int) -> Diagnosis:
    """What is known of a home that does not open: that, and why."""
    said = Evidence("error", str(error), "truth" if isinstance(error, TruthError) else "home", now_ms)
    code = "disk_full" if is_full(str(error)) else "truth_unavailable"
    return of_findings([found(code, said)], now_ms)
