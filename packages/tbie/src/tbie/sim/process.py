"""A simulated process: a name, a clock that may be wrong, a version of the program, and its own way to the stores.

Callers: ``world`` and the actors. Every call that a process makes to a store passes through ``World.call``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from tbie.core.clock import ManualClock
from tbie.execution import Fleet
from tbie.intent import IntentQueue
from tbie.sim.clocks import SkewedClock
from tbie.truth import TruthStore
from tbie.workflow import Workflow


class Calls(Protocol):
    """Who sees every call."""

    def call(
        self, process: Process, what: str, method: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """What the call answers."""
        ...


class Process:
    """One process and what it holds in its hands."""

    def __init__(
        self, calls: Calls, name: str, kind: str, clock: ManualClock, workflow: Workflow, stores: tuple[Any, Any, Any]
    ) -> None:
        self.name, self.kind, self.workflow = name, kind, workflow
        self.clock = SkewedClock(clock)
        self.version = 0
        """Of the program."""
        self.dead = False
        self.frozen = False
        """Stopped in the middle of something, as a machine without a processor is: not even its heartbeat goes on."""
        self.turn_ms = 0
        """When its turn began, in true time."""
        truth, intent, fleet = stores
        self.truth = cast("TruthStore", _Gate(calls, self, "truth", truth))
        self.intent = cast("IntentQueue", _Gate(calls, self, "intent", intent))
        self.fleet = cast("Fleet", _Gate(calls, self, "fleet", fleet))


class _Gate:
    """A store as one process sees it."""

    def __init__(self, calls: Calls, process: Process, prefix: str, store: object) -> None:
        self._calls, self._process, self._prefix, self._store = calls, process, prefix, store

    def __getattr__(self, name: str) -> Any:
        method, call, process, what = (
            getattr(self._store, name),
            self._calls.call,
            self._process,
            f"{self._prefix}.{name}",
        )

        def through(*args: Any, **kwargs: Any) -> Any:
            return call(process, what, method, args, kwargs)

        self.__dict__[name] = through  # from now on without this detour
        return through
