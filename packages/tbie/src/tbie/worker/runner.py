"""Runs a ``Worker`` as a process does: until it is told to stop, is orphaned, is worn, or has been idle long enough.

A second thread extends leases, says that the worker lives, and watches the control plane: it goes on while the first is
inside a decoder.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping

from tbie.core.clock import Clock
from tbie.core.errors import TbieError, WornError
from tbie.core.finding import Finding
from tbie.core.settings import Settings
from tbie.intent import IntentQueue
from tbie.truth import Heartbeat, TruthStore
from tbie.watchdog import watch
from tbie.worker import Worker
from tbie.worker.ripening import in_a_thread


class Runner:
    """One worker's life. ``wait(seconds)`` returns early when the queue's bell rings.

    Args:
        note: what else its heartbeats say, of the machine that it runs on.
    """

    def __init__(
        self,
        worker: Worker,
        truth: TruthStore,
        intent: IntentQueue,
        clock: Clock,
        settings: Settings,
        wait: Callable[[float], object],
        *,
        report: Callable[[Finding | TbieError], None],
        recycle_after: int | None = None,
        follow_parent: bool = False,
        note: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        self._worker, self._truth, self._intent = worker, truth, intent
        self._clock, self._settings, self._wait, self._report = clock, settings, wait, report
        self._recycle_after, self._note = recycle_after, note
        self._parent = os.getppid() if follow_parent else None
        self._stop = threading.Event()
        self._over = threading.Event()

    def stop(self) -> None:
        """Finish the item at hand, give the rest back, leave. Safe in a signal handler."""
        self._stop.set()

    def stopping(self) -> bool:
        """Whether to begin nothing new."""
        return self._stop.is_set() or (self._parent is not None and os.getppid() != self._parent)

    def run(self, until_idle: bool = False) -> None:
        """Work until stopped; with *until_idle*, only until there is nothing to do now."""
        self._worker.later = in_a_thread
        pulse = threading.Thread(target=self._pulse, name="pulse", daemon=True)
        pulse.start()
        idle_since = self._clock.monotonic_s()
        try:
            while not self.stopping():
                try:
                    claimed = self._worker.step(self.stopping).claimed
                except TbieError as error:
                    self._report(error)
                    self._wait(self._settings.poll_interval_s)
                    continue
                now = self._clock.monotonic_s()
                if self._worker.worn is not None:
                    self._report(WornError(self._worker.worn))
                    return
                if claimed:
                    idle_since = now
                    if self._recycle_after is not None and self._worker.done >= self._recycle_after:
                        return
                elif until_idle or now - idle_since >= self._settings.idle_exit_s:
                    return
                else:
                    self._wait(self._settings.poll_interval_s)
        finally:
            self._over.set()
            pulse.join()
            self._worker.flush()
            if self._worker.worn is not None:
                self._say("worn")

    def _pulse(self) -> None:
        interval = min(self._settings.heartbeat_interval_s, self._settings.visibility_timeout_s / 3)
        while True:
            try:
                self._beat("busy" if self._worker.held else "idle")
                if self._worker.held:
                    self._intent.extend(self._worker.held, self._settings.visibility_timeout_s)
                silence_ms = int(self._settings.silence_s * 1000)
                for finding in watch(self._truth.heartbeats(), self._clock.now_ms(), silence_ms):
                    self._report(finding)
            except TbieError as error:
                self._report(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, leases must go on being extended
                self._report(TbieError(f"heartbeat: {type(error).__name__}: {error}"))
            if self._over.wait(interval):
                return

    def _say(self, state: str) -> None:
        try:
            self._beat(state)
        except TbieError as error:
            self._report(error)

    def _beat(self, state: str) -> None:
        drift = self._worker.drift
        body = {
            "pool": self._worker.pool,
            "state": "execution_drift" if drift else state,
            "done": self._worker.done,
            "drift": {name: list(pair) for name, pair in drift.differences.items()} if drift else None,
            "worn": self._worker.worn,
            "pid": os.getpid(),
            "started_ms": self._worker.started_ms,
            "claimed": self._worker.claimed,
            "first_claim_ms": self._worker.first_claim_ms,
            "superseded": self._worker.superseded,
            "last_superseded_ms": self._worker.last_superseded_ms,
            **self._note(),
        }
        self._truth.beat(Heartbeat("worker", self._worker.name, self._clock.now_ms(), body))
