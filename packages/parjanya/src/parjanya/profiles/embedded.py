"""The embedded profile: SQLite for Truth and Intent, a directory for objects, local processes for execution.

Caller: ``system``, for a home that declares nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from parjanya.catalog.items import Found, Ingested, ingest
from parjanya.catalog.paths import key_to_path
from parjanya.catalog.sources import LocalFiles, Sources
from parjanya.home import Home
from parjanya.profiles import local
from parjanya.profiles.profile import OwnFleet
from tbie.backends.sqlite.belief import belief
from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.ledger import SqliteLedger
from tbie.backends.sqlite.objects import LocalObjects
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.belief import BeliefSource
from tbie.core.clock import Clock
from tbie.core.errors import TruthUnavailableError
from tbie.core.ids import Ids
from tbie.core.reading import Reading
from tbie.core.refusal import Refusing
from tbie.core.settings import Settings
from tbie.execution import Fleet
from tbie.intent import IntentQueue
from tbie.objects import ObjectStore
from tbie.reconciler.fleet import PoolLimits
from tbie.reconciler.ledger import Ledger
from tbie.truth import TruthStore
from tbie.workflow import Workflow

if TYPE_CHECKING:
    from parjanya.profiles.system import System

NAME = "embedded"


class Embedded:
    """The ``Profile`` whose stores are files of the home."""

    name = NAME
    led_by_lock = True
    files_are_local = True
    owns_workers = True
    spare_queue = True
    absent: frozenset[str] = frozenset()

    def __init__(self, home: Home, settings: Settings, clock: Clock, ids: Ids) -> None:
        self._home, self._settings, self._clock, self._ids = home, settings, clock, ids

    def open_truth(self, workflow: Workflow, *, create: bool) -> TruthStore:
        _refuse_to_replace(self._home)
        return SqliteTruth(self._home.truth, workflow, self._clock, self._ids, create=create)

    def open_intent(self, workflow: Workflow, refusing: Refusing) -> IntentQueue:  # noqa: ARG002 - a file of ours, for any workflow
        return SqliteIntent(self._home.intent, self._clock, self._settings.retention_s)

    def open_objects(self) -> ObjectStore:
        return LocalObjects(self._home.objects, {"file": key_to_path})

    def open_ledger(self) -> Ledger:
        return SqliteLedger(self._home.ledger, self._settings.ledger_rows)

    def workers(self, truth: TruthStore) -> dict[str, str]:  # noqa: ARG002 - a slot knows more, and sooner, than a heartbeat
        return local.workers(self._home)

    def belief(self, workflow: Workflow, intent: IntentQueue, fleet: Fleet | None) -> BeliefSource:
        return belief(workflow, intent, fleet)

    def limits(self, workflow: Workflow, workers: int) -> Mapping[str, PoolLimits]:
        return local.limits(workflow, workers)

    def open_fleet(self, system: System) -> OwnFleet:
        return local.process_fleet(system)

    def sources(self, objects: ObjectStore) -> Sources:  # noqa: ARG002 - the user's own files, where they lie
        return LocalFiles()

    def take_in(
        self, system: System, tenant: str, files: Iterable[Found], who: str, between: Callable[[Ingested], object]
    ) -> Ingested:
        """The files stay where they are."""
        return ingest(system.truth, system.workflow, tenant, files, who, between)

    def deployment(self, workflow: Workflow, *, thorough: bool) -> Mapping[str, Reading[object]]:  # noqa: ARG002
        return {}

    def close(self) -> None:
        """Nothing is shared between the files."""


def _refuse_to_replace(home: Home) -> None:
    """An empty record in the place of a lost one would look like an instance without work, and be worked with.

    Truth is begun before the others, so whoever sees one of them and not Truth sees a loss and no beginning.
    """
    rest = [path.name for path in (home.intent, home.ledger) if path.exists()]
    if rest and not os.path.lexists(home.truth):
        raise TruthUnavailableError(
            f"{home.truth} is missing, but {' and '.join(rest)} beside it shows that it was there: restore it. "
            f"To begin anew, delete {' and '.join(rest)} too. Nothing was changed."
        )
