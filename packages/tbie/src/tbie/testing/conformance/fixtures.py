"""Fixtures of the suite. A subclass says how its stores are made; the suite makes them, hands them over, closes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tbie.core.clock import Clock, ManualClock
from tbie.core.ids import Ids, SequentialIds
from tbie.intent import IntentQueue
from tbie.testing.builders import RETENTION_S
from tbie.truth import TruthStore
from tbie.workflow import Workflow

OpenTruth = Callable[[Workflow], TruthStore]


class WithClock:
    """Time and identifiers that the test owns."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        """Stands still until a test moves it."""
        return ManualClock()

    @pytest.fixture
    def ids(self) -> SequentialIds:
        """t1, t2, …"""
        return SequentialIds()


class WithTruth(WithClock):
    """A Truth store per test."""

    numbers_changes = True
    """Whether all changes have one numbering without gaps, that of history and change stream alike. A store on many machines
    has nobody who could count for all: there, the history of an item is in order, its numbers compare with ``mark``, and the
    numbers of the change stream are those of whoever reads it."""

    def make_truth(self, workflow: Workflow, clock: Clock, ids: Ids, folder: Path) -> TruthStore:
        """Open the store in *folder*. Called twice with one folder, a durable store finds what it had."""
        raise NotImplementedError("say how this backend's Truth is opened")

    @pytest.fixture
    def open_truth(self, clock: ManualClock, ids: SequentialIds, tmp_path: Path) -> Iterator[OpenTruth]:
        """Opens stores, each in its own folder, and closes them."""
        opened: list[TruthStore] = []

        def open_one(workflow: Workflow) -> TruthStore:
            folder = tmp_path / f"truth{len(opened)}"
            folder.mkdir()
            opened.append(self.make_truth(workflow, clock, ids, folder))
            return opened[-1]

        yield open_one
        for store in opened:
            store.close()


class WithIntent(WithClock):
    """A queue per test."""

    tick_ms = 1
    """What this backend's waits are rounded up to, in milliseconds: a queue that counts in whole seconds is held to the same
    promises at that grain. Nothing comes early in either."""

    def make_intent(self, clock: Clock, retention_s: float, folder: Path) -> IntentQueue:
        """Open the queue in *folder*."""
        raise NotImplementedError("say how this backend's Intent is opened")

    @pytest.fixture
    def intent(self, clock: ManualClock, tmp_path: Path) -> Iterator[IntentQueue]:
        """An empty queue that keeps messages for two weeks."""
        folder = tmp_path / "intent"
        folder.mkdir()
        queue = self.make_intent(clock, RETENTION_S, folder)
        yield queue
        queue.close()
