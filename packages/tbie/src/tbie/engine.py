"""The reconciler and its fleet as one long-running thing: the control plane of a profile that owns its workers.

Callers: ``serve`` (until told to stop) and ``curate`` (until everything is settled).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tbie.core.settings import Settings
from tbie.execution import Fleet
from tbie.reconciler.leader import Role
from tbie.reconciler.loop import Pass, Reconciler


class SupervisedFleet(Fleet, Protocol):
    """A fleet whose workers are children of this process."""

    def supervise(self) -> object:
        """Bury the dead, end what overstays, start what is missing."""
        ...

    def recover(self, charge: bool = False) -> int:
        """Free what dead workers held that are not of this fleet; with *charge*, what they worked on counts."""
        ...

    def drain(self) -> None:
        """Ask everybody to finish and leave."""
        ...

    def wait(self, timeout_s: float) -> bool:
        """Wait for everybody to leave; False if some did not."""
        ...


class Engine:
    """Turns the crank: one reconciler pass, one look at the fleet, then wait for the bell."""

    def __init__(
        self,
        reconciler: Reconciler,
        fleet: SupervisedFleet,
        wait: Callable[[float], object],
        settings: Settings,
        chores: Callable[[], bool] = lambda: False,
    ) -> None:
        """*chores*: one bounded step of what else a leader does (campaigns); returns whether it can go on at once."""
        self._reconciler, self._fleet, self._wait, self._settings = reconciler, fleet, wait, settings
        self._chores = chores
        self._led = False

    def start(self) -> Pass:
        """Free what an earlier life held, then look at everything once, trusting nothing."""
        self._fleet.recover()
        done = self._reconciler.step(force_sweep=True, grace_s=0.0)
        self._led = done.role is Role.LEADER
        return done

    def turn(self, wait: bool = True) -> Pass:
        """One pass; with *wait*, waits for the bell if there was nothing to do."""
        done = self._reconciler.step()
        if self._led and done.role is Role.STANDBY and not done.blind:
            self._fleet.drain()  # nobody sets its size any more: its workers would be replaced for ever
        self._led = done.role is Role.LEADER or (self._led and bool(done.blind))
        self._fleet.supervise()
        if done.swept is not None and not done.blind:
            self._fleet.recover(charge=True)  # workers started by hand have no supervisor but this
        more = not done.blind and done.role is not Role.STANDBY and self._chores()
        if wait and not done.read and not done.more and not more:
            self._wait(self._settings.poll_interval_s)
        return done

    def stop(self, patience_s: float) -> bool:
        """Drain the fleet; False if some worker was still busy after *patience_s* (it goes on and leaves by itself)."""
        self._fleet.drain()
        left = self._fleet.wait(patience_s)
        self._reconciler.close()
        return left
