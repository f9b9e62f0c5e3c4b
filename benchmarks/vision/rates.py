"""How fast: the device alone with ideal batches, the engine's flow, the stage with its second witness."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.vision.device import Busy
from parjanya.stages import observe
from parjanya.vision.engine import Begin, Observed, Picture, Seen
from parjanya.vision.flow.flow import DeviceFlow, FlowSettings
from parjanya.vision.local.model import LocalModel, Preview
from tbie.core.clock import SystemClock
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed
from tbie.execution import Work


@dataclass(slots=True)
class Rate:
    """What one run came to."""

    pictures: int
    observed: int
    seconds: float
    device_s: float
    """In which the device's thread was inside the model, not waiting for pictures or storing."""
    busy: float | None
    """What the accelerator says, 0..1; None without one."""
    batches: list[int] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        return self.pictures / self.seconds


class Timed:
    """A model whose runs are timed."""

    def __init__(self, model: LocalModel) -> None:
        self._model, self.device_s = model, 0.0
        self.batches: list[int] = []
        self.prepare, self.room_tokens = model.prepare, model.room_tokens

    def run(self, batch: Sequence[Preview]) -> Sequence[Seen]:
        """As the model does."""
        started_s = time.perf_counter()
        try:
            return self._model.run(batch)
        finally:
            self.device_s += time.perf_counter() - started_s
            self.batches.append(len(batch))


class FlowEngine:
    """What the stage needs of an engine, around a model that is already there."""

    name = "transformers"

    def __init__(self, flow: DeviceFlow[Preview]) -> None:
        self._flow = flow

    def identity(self) -> Mapping[str, object]:
        """It is a benchmark's."""
        return {"engine": self.name}

    def attest(self) -> None:
        """There is no folder."""

    def observe(self, pictures: Sequence[Picture], begin: Begin) -> Iterator[tuple[int, Seen]]:
        """As the flow does."""
        return self._flow.observe(pictures, begin)

    def worn(self) -> str | None:
        """As the flow says."""
        return self._flow.worn()

    def close(self) -> None:
        """Nothing was opened."""


def bare(model: LocalModel, pictures: Sequence[Picture], pixels: int, count: int) -> Rate:
    """All prepared beforehand, like with like, *count* at a time: the most that this engine can do."""
    ready = sorted((model.prepare(picture, pixels) for picture in pictures), key=lambda one: one.tokens)
    timed, observed = Timed(model), 0
    with Busy() as busy:
        started_s = time.perf_counter()
        for start in range(0, len(ready), count):
            observed += sum(isinstance(one, Observed) for one in timed.run(ready[start : start + count]))
        seconds = time.perf_counter() - started_s
    return Rate(len(pictures), observed, seconds, timed.device_s, busy.share(), timed.batches)


def through_flow(model: LocalModel, pictures: Sequence[Picture], settings: FlowSettings) -> Rate:
    """From JPEG bytes to answers, as the engine does it."""
    timed = Timed(model)
    flow = DeviceFlow(timed, settings, SystemClock())
    with Busy() as busy:
        started_s = time.perf_counter()
        observed = sum(isinstance(seen, Observed) for _, seen in flow.observe(pictures, lambda _: None))
        seconds = time.perf_counter() - started_s
    return Rate(len(pictures), observed, seconds, timed.device_s, busy.share(), timed.batches)


def through_stage(model: LocalModel, pictures: Sequence[Picture], settings: FlowSettings) -> Rate:
    """The handler of the stage ``observe``: the flow, with the classical engine looking at the same previews beside it."""
    timed = Timed(model)
    engine = FlowEngine(DeviceFlow(timed, settings, SystemClock()))
    shelf = {picture.name: picture.jpeg for picture in pictures}
    run = observe.make_flow(_Shelf(shelf), engine, SystemClock())
    works = [_work(picture.name) for picture in pictures]
    with Busy() as busy:
        started_s = time.perf_counter()
        observed = sum(isinstance(outcome, Completed) for _, outcome in run(works, lambda _: None))
        seconds = time.perf_counter() - started_s
    return Rate(len(pictures), observed, seconds, timed.device_s, busy.share(), timed.batches)


class _Shelf:
    """An object store in memory: what storing costs is measured elsewhere."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self._objects = objects

    def put(self, data: bytes, suffix: str) -> Address:
        raise NotImplementedError

    def get(self, address: Address) -> bytes:
        return self._objects[address.key]

    def has(self, address: Address) -> bool:
        return address.key in self._objects


def _work(name: str) -> Work:
    facts = {"preview": {"large": {"bucket": "shelf", "key": name}}}
    return Work(ItemKey("bench", name), observe.NAME, 1, "1", Address("shelf", name), {}, facts)
