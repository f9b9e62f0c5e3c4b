"""Whole lives of images over one pair of stores: who spends how much processor time on what.

The workflow is that of images; what its handlers answer was made once, by the real stages from a drawn photograph, and costs
nothing here. Time passes as it does in a worker (``IMAGE_MS`` for each image), so results are committed in the portions in
which a worker commits them.
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image

from parjanya.catalog.discover import Walk, discover
from parjanya.catalog.paths import key_to_path
from parjanya.imaging.limits import Limits
from parjanya.profiles.environment import CLOUD, from_environment
from parjanya.profiles.policies import Policies
from parjanya.stages import curate, group, observe, preview, quality, technical
from parjanya.views.candidates import load_candidates
from parjanya.workflow import POOL, image_workflow
from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.backends.sqlite.objects import LocalObjects
from tbie.core.clock import ManualClock
from tbie.core.ids import RandomIds
from tbie.core.outcome import Completed, Facts, Outcome
from tbie.execution import Handlers, OneByOne, Together, Work
from tbie.intent import IntentQueue
from tbie.reconciler.loop import Reconciler
from tbie.testing.builders import WHO
from tbie.truth import NewItem, StageState, TruthStore
from tbie.worker import Worker

IMAGE_MS = 150
"""What the decoding stages take for one image of 24 megapixels; a worker commits after each quarter of a second."""
PASS_MS = 2_000
"""From one pass to the next: longer than a queue that was found empty is left alone."""
FUSED = (technical.NAME, preview.NAME, quality.NAME, observe.NAME)
TOGETHER = (group.NAME, curate.NAME)

WORKFLOW = image_workflow()
SETTINGS = from_environment({}, CLOUD)

ARRIVING, JUDGING = "arriving", "judging"
"""The two halves of a life: from its arrival until the fused stages are done, one intent; then what compares, two intents."""

Parts = dict[tuple[str, str], float]
"""Processor milliseconds for each item, by half and part."""


class Ledger:
    """Processor seconds by part: each instant belongs to the innermost part that is going on.

    Args:
        not_ours: seconds that others have spent so far, in this process, on our behalf.
    """

    def __init__(self, not_ours: Callable[[], float]) -> None:
        self.parts: defaultdict[tuple[str, str], float] = defaultdict(float)
        self.half = ARRIVING
        self._not_ours, self._going = not_ours, ["outside"]
        self._since = self._now()

    def _now(self) -> float:
        return time.process_time() - self._not_ours()

    def _turn(self) -> None:
        now = self._now()
        self.parts[self.half, self._going[-1]] += now - self._since
        self._since = now

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What happens inside is *name*."""
        self._turn()
        self._going.append(name)
        try:
            yield
        finally:
            self._turn()
            self._going.pop()

    def watch(self, thing: object, method: str, name: str) -> None:
        """From now on calls of *method* are *name*."""
        own = getattr(thing, method)

        def watched(*args: Any, **more: Any) -> Any:
            with self.part(name):
                return own(*args, **more)

        setattr(thing, method, watched)


class _As:
    """A store as one of its callers sees it, so that the same call may be one part here and another there."""

    def __init__(self, store: object) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def run(
    truth: TruthStore, intent: IntentQueue, clock: ManualClock, facts: Mapping[str, Facts], items: Sequence[NewItem],
    group_of: int, not_ours: Callable[[], float] = lambda: 0.0,
) -> Parts:  # fmt: skip
    """Lead *items* through their lives, added *group_of* at a time.

    Raises:
        AssertionError: not every stage of every item is completed by exactly as many changes as it takes.
    """
    for_control, for_worker = cast("TruthStore", _As(truth)), cast("TruthStore", _As(truth))
    reconciler = Reconciler(WORKFLOW, for_control, intent, lambda _: True, clock, SETTINGS)
    worker = Worker("w1", POOL, WORKFLOW, _answering(facts, clock), for_worker, intent, clock, SETTINGS)
    reconciler.step()
    worker.step()  # what is made once is made now: cursors, addresses of queues
    clock.advance_ms(PASS_MS)
    gc.collect()
    ledger = Ledger(not_ours)
    ledger.watch(for_control, "opened_since", "stream")
    ledger.watch(for_control, "commit", "barrier")
    ledger.watch(intent, "send", "send")
    ledger.watch(intent, "exchange", "exchange")
    for private, name in (("_settle", "settle"), ("_claim", "claim")):
        if hasattr(intent, private):
            ledger.watch(intent, private, name)
    ledger.watch(for_worker, "get", "read")
    ledger.watch(for_worker, "commit", "commit")
    for first in range(0, len(items), group_of):
        with ledger.part("add"):
            truth.add(items[first : first + group_of], WHO)
    for _ in range(60):
        with ledger.part("reconciler"):
            passed = reconciler.step()
            assert not passed.blind, passed.blind
        with ledger.part("worker"):
            worked = False
            while worker.step().claimed:
                worked = True
            worker.flush()
        if not worked and not passed.emitted.sent and not passed.read:
            break
        if ledger.half == ARRIVING:
            _check(truth, len(items), FUSED)
            ledger.half = JUDGING
        clock.advance_ms(PASS_MS)
    _check(truth, len(items), (*FUSED, *TOGETHER))
    for item in (items[0], items[-1]):  # added; technical to observe; the barrier; group; curate
        assert len(truth.history(item.key)) == 5, "something was done twice"
    return {name: 1000 * s / len(items) for name, s in ledger.parts.items() if name[1] != "outside"}


def _check(truth: TruthStore, count: int, stages: Sequence[str]) -> None:
    counted = {stage: n for (_, stage, state), n in truth.tally().items() if state is StageState.COMPLETED}
    assert counted == dict.fromkeys(stages, count), f"completed are {counted}"


def _answering(facts: Mapping[str, Facts], clock: ManualClock) -> Handlers:
    """Handlers that know every answer."""
    outcomes: dict[str, Outcome] = {name: Completed(found) for name, found in facts.items()}

    def one(work: Work) -> Outcome:
        if work.stage == technical.NAME:
            clock.advance_ms(IMAGE_MS)
        return outcomes[work.stage]

    def together(works: Sequence[Work]) -> list[Outcome]:
        return [outcomes[work.stage] for work in works]

    return {
        stage.name: Together(together) if stage.name in TOGETHER else OneByOne(one) for stage in WORKFLOW.stages
    }  # fmt: skip


def photographed() -> tuple[NewItem, dict[str, Facts]]:
    """A drawn photograph as it is taken in, and what the real stages say of it."""
    with tempfile.TemporaryDirectory() as made:
        folder, clock = Path(made), ManualClock()
        cells = np.random.default_rng(1).integers(0, 255, (12, 18, 3), dtype=np.uint8)
        Image.fromarray(cells).resize((900, 600), Image.Resampling.BICUBIC).save(folder / "photograph.jpg", "JPEG")
        (found,) = discover([folder], [folder / "objects"], Walk())
        item = found.item("default")
        truth, intent = MemoryTruth(WORKFLOW, clock, RandomIds()), MemoryIntent(clock, SETTINGS.retention_s)
        objects, policies = LocalObjects(folder / "objects", {"file": key_to_path}), Policies()
        policies.refresh(truth, WORKFLOW)
        handlers: Handlers = {
            technical.NAME: OneByOne(technical.make_handler(Limits())),
            preview.NAME: OneByOne(preview.make_handler(objects, Limits())),
            quality.NAME: OneByOne(quality.make_handler(objects)),
            observe.NAME: OneByOne(observe.make_handler(objects)),
            group.NAME: Together(group.make_batch_handler(partial(load_candidates, truth))),
            curate.NAME: Together(curate.make_batch_handler(lambda version: policies.of(truth, version))),
        }
        reconciler = Reconciler(WORKFLOW, truth, intent, objects.has, clock, SETTINGS)
        worker = Worker("w", POOL, WORKFLOW, handlers, truth, intent, clock, SETTINGS)
        truth.add([item], WHO)
        for _ in range(20):
            reconciler.step()
            worker.step()
            clock.advance_ms(1_000)
        (seen,) = truth.get([item.key])
        assert seen is not None
        facts = {name: record.facts for name, record in seen.stages.items() if record.facts is not None}
        assert len(facts) == len(WORKFLOW.stages), f"not judged: {seen.stages}"
        return item, facts
