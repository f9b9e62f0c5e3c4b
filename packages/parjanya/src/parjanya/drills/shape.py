"""What a drill is: data, and one context manager that injects an incident on entry and heals it on exit.

Callers: every drill (its module ends in one ``Drill``), ``catalogue`` and ``run``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from tbie.core.finding import Boundary
from tbie.core.settings import Settings

QUICK: Mapping[str, float] = MappingProxyType(
    {
        "sweep_interval_s": 1.0,  # the safety net within a drill's patience
        "sweep_grace_s": 0.5,
        "heartbeat_interval_s": 0.5,
        "heartbeat_cycles": 2,  # silence is two missed heartbeats
        "idle_exit_s": 60.0,  # a worker that leaves in the middle is another drill
    }
)
"""Settings of every drill: the product's own code, with shorter intervals."""


class Budget(NamedTuple):
    """How long detection may take."""

    words: str
    """In cycles of the instance, as the promise is made."""
    seconds: Callable[[Settings], float]
    """The same under the settings of the drill."""


def one_sweep() -> Budget:
    """The promise about lost work: found by the safety net at the latest."""
    return Budget("one sweep", lambda s: s.sweep_interval_s + s.sweep_grace_s)


def cycles(count: int = 2) -> Budget:
    """The promise about a control plane that is gone or cannot see."""
    return Budget(f"{count} heartbeats", lambda s: count * s.heartbeat_interval_s)


class DrillStoppedError(Exception):
    """A drill did not come to what it waited for; the message says what that was."""


@dataclass(frozen=True)
class Drill:
    """One incident, and what must be seen of it."""

    name: str
    incident: str
    """Its number in the list of incidents that happened; empty for a fault that was only feared."""
    story: str
    """What is done to the instance, in one sentence."""
    code: str
    """The finding that must name it."""
    boundary: Boundary
    inject: Callable[[Any], AbstractContextManager[None]]
    """Injects on entry (and calls ``injected`` of the scene when the fault is in place), heals on exit. It is given the scene of
    the profile that the drill is of."""
    budget: Budget
    workers: int = 1
    settings: Mapping[str, float] = field(default_factory=dict)
    """What differs from ``QUICK``, for this drill alone."""
    fails: str | None = None
    """If one picture (the largest) must end as failed: the reason that is the truth about it."""
    guardrail: Callable[[Any], str] | None = None
    """Shows that the incident is stopped at the door; returns what was refused, in words."""
    stands: bool = False
    """The finding goes on standing until a person acts; repaired then means that everything else has settled."""
    disk_mib: int | None = None
    """The size of the disk that the home is on; None: the machine's own."""
    cannot_run: Callable[[], str | None] = lambda: None
    """Why this machine cannot have this incident; None if it can."""
