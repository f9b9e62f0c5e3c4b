"""`parjanya`, with a model whose process dies on one picture: the engine is the real one but for that.

A picture that is higher than it is wide kills the worker that shows it to the model; with ``ODD_WHERE=decoder`` in the
environment, the one that decodes it for a model on a device. Everything else is the product. Run as a worker of its own fleet
when its first argument is ``--worker``.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from parjanya.cli.main import main
from parjanya.home import Home
from parjanya.profiles import engines, local, worker_process
from parjanya.vision.declared import Declared
from parjanya.vision.engine import Begin, Engine, Observed, Picture, Seen
from parjanya.vision.flow.flow import DeviceFlow, FlowSettings
from parjanya.vision.sight import look
from tbie.core.clock import Clock
from tbie.execution import Drift

sys.path.insert(0, str(Path(__file__).parents[2] / "packages/parjanya/tests"))
from observed import plain_observation

_real_open = engines.open_declared


def odd_open(declared: Declared, clock: Clock) -> Engine:
    """The declared engine, which does not survive one kind of picture."""
    if os.environ.get("ODD_WHERE") == "decoder":
        return OnDevice(declared, clock)
    engine = _real_open(declared, clock)
    real_observe = engine.observe

    def observe(pictures, begin: Begin):  # type: ignore[no-untyped-def]
        def begun(positions: Sequence[int]) -> None:
            begin(positions)
            for position in positions:
                die_of(pictures[position])

        return real_observe(pictures, begun)

    engine.observe = observe  # type: ignore[method-assign]
    return engine


def die_of(picture: Picture) -> None:
    """End this process if *picture* is odd."""
    height, width = look(picture.jpeg).grey.shape
    if height > width:
        os.write(2, b"the model says its last words\n")
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Decoded:
    """A picture that did not kill."""

    picture: Picture
    pixels: int
    tokens: int = 100
    bytes: int = 1_000


class Device:
    """Always answers the same; its decoder does not survive one kind of picture."""

    def prepare(self, picture: Picture, pixels: int) -> Decoded:
        """In a thread of the flow."""
        die_of(picture)
        return Decoded(picture, pixels)

    def run(self, batch: Sequence[Decoded]) -> Sequence[Seen]:
        """One answer for each."""
        return [Observed(plain_observation()) for _ in batch]

    def room_tokens(self) -> int:
        """Two in a batch."""
        return 200


class OnDevice:
    """The flow of pictures to a device, the real one, with such a device behind it."""

    name = "openai"

    def __init__(self, declared: Declared, clock: Clock) -> None:
        self._identity = dict(declared.identity() or {})
        self._flow = DeviceFlow(Device(), FlowSettings(pixels=1 << 20, tokens_floor=200), clock)

    def identity(self) -> Mapping[str, object]:
        """As declared."""
        return self._identity

    def attest(self) -> Drift | None:
        """It may take work."""
        return None

    def observe(self, pictures: Sequence[Picture], begin: Begin) -> Iterator[tuple[int, Seen]]:
        """As the flow does."""
        return self._flow.observe(pictures, begin)

    def worn(self) -> str | None:
        """Never."""
        return None

    def close(self) -> None:
        """Nothing is held."""


if __name__ == "__main__":
    if sys.argv[1] == "--worker":
        engines.DeclaredEngine.__init__.__defaults__ = (odd_open,)
        worker_process.run_worker(Home(Path(sys.argv[2])), sys.argv[4], supervised=True, pool=sys.argv[3])
    else:
        local._command = lambda root, pool, owner: [sys.executable, __file__, "--worker", str(root), pool, owner]
        main()
