"""The declared engine as the processes of the pool ``vision`` hold it: opened when it is first needed, and not before.

Callers: ``system`` gives it to the handlers of the stage *observe* and to the attestation of workers. Every other process may
hold one too, and never opens it: torch and clients of servers are imported by whoever looks through a model, and by nobody else.
"""

from __future__ import annotations

import importlib.util
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from parjanya.profiles import model_folder
from parjanya.vision.declared import Classical, Declared, OpenAI, Transformers
from parjanya.vision.engine import Begin, Engine, Picture, Seen
from parjanya.vision.flow.words import printable
from parjanya.vision.openai.settings import KEY_NAMES
from parjanya.workflow import VISION
from tbie.core.clock import Clock
from tbie.core.errors import TbieError
from tbie.execution import Drift

AGAIN_AFTER_S = 10.0
"""An engine that could not be opened is tried again after this: loading a model reads gigabytes."""
PACKAGES = {
    "openai": ("httpx",),
    "transformers": ("torch", "transformers", "tokenizers", "safetensors", "llguidance"),
}
"""Engine → what its extra of the same name installs."""
KNOCK_S = 2.0
"""How long a command waits for a server to take a connection before it says that none answers."""

Open = Callable[[Declared, Clock], Engine]


class EngineUnfitError(TbieError):
    """The declared engine cannot look in this process, now; the message says why."""


def environment_of(pool: str) -> dict[str, str] | None:
    """Of a worker of *pool*: who decodes strangers' files is not given the key of a model server. None: as this process's."""
    if pool == VISION:
        return None
    return {name: value for name, value in os.environ.items() if name not in KEY_NAMES}


def open_declared(declared: Declared, clock: Clock) -> Engine:
    """The engine itself. Imports what it needs, and raises whatever that raises."""
    match declared:
        case OpenAI():
            from parjanya.vision.openai import engine, settings  # noqa: PLC0415 - for the processes of one pool

            return engine.make(declared.settings(settings.key_from(os.environ, declared.base_url)), clock=clock)
        case Transformers():
            from parjanya.vision.local.engine import TransformersEngine  # noqa: PLC0415 - for the processes of one pool

            return TransformersEngine(declared.settings(), clock)
        case Classical():
            raise ValueError("the classical engine is no model: the stage runs it by itself")


class DeclaredEngine:
    """An ``Engine`` that opens the declared one when it is first asked for anything. Not thread-safe."""

    def __init__(self, declared: Declared, clock: Clock, opening: Open = open_declared) -> None:
        self._declared, self._clock, self._opening = declared, clock, opening
        self._engine: Engine | None = None
        self._failed: tuple[float, Drift] | None = None
        """When, on the monotonic clock, it could not be opened, and why."""
        self._attested = False

    @property
    def name(self) -> str:
        """Of the declared engine."""
        return self._declared.engine

    def identity(self) -> Mapping[str, object]:
        """What the opened engine says of itself: stamped on rows, so it is never taken from what was declared."""
        return self._opened().identity()

    def attest(self) -> Drift | None:
        """Whether this process can look as was declared. Never raises."""
        if self._engine is None and self._failed is not None:
            at_s, drift = self._failed
            if self._clock.monotonic_s() - at_s < AGAIN_AFTER_S:
                return drift
        try:
            engine = self._opened()
            found = differences(self._declared, engine.identity()) or engine.attest()
        except Exception as error:  # noqa: BLE001 - whatever is missing here, the worker must say so and live
            drift = Drift({"engine": (self._declared.words(), f"{type(error).__name__}: {printable(str(error))}")})
            self._failed = (self._clock.monotonic_s(), drift)
            return drift
        self._attested = self._attested or found is None
        return found

    def observe(self, pictures: Sequence[Picture], begin: Begin) -> Iterator[tuple[int, Seen]]:
        """As the opened engine does. A worker has attested before; whoever has not (a trial of a regrade) does so here.

        Raises:
            EngineUnfitError: it is not what was declared, or cannot look now.
        """
        if not self._attested and (drift := self.attest()) is not None:
            found = "; ".join(
                f"{name}: {is_now}, declared {wanted}" for name, (wanted, is_now) in drift.differences.items()
            )
            raise EngineUnfitError(f"the engine {self._declared.words()} cannot look here: {found}")
        return self._opened().observe(pictures, begin)

    def worn(self) -> str | None:
        """What is not open is not worn."""
        return None if self._engine is None else self._engine.worn()

    def close(self) -> None:
        """Let go of it, if it was opened."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def _opened(self) -> Engine:
        if self._engine is None:
            self._engine = self._opening(self._declared, self._clock)
        return self._engine


def differences(declared: Declared, found: Mapping[str, object]) -> Drift | None:
    """In what an opened engine is not the one that was declared; None if in nothing."""
    wanted = declared.identity() or {}
    wrong = {
        name: (str(value), None if found.get(name) is None else printable(str(found[name])))
        for name, value in wanted.items()
        if found.get(name) != value
    }
    return Drift(wrong) if wrong else None


def knock(declared: Declared) -> str | None:
    """Why images would have to wait for the declared engine, as far as can be told from here at once; None if nothing is known.

    For a command that starts: it looks for the packages, opens a connection and closes it, or looks at a model folder without
    loading it. Whether a server has the model and keeps to the schema, and what a model answers, the worker finds out.
    """
    absent = [name for name in PACKAGES.get(declared.engine, ()) if importlib.util.find_spec(name) is None]
    if absent:
        return f"{', '.join(absent)} not installed here: pip install 'parjanya[{declared.engine}]'"
    if isinstance(declared, Transformers):
        found = model_folder.differences(declared)
        return model_folder.in_words(declared, found) if found else None
    if not isinstance(declared, OpenAI):
        return None
    parts = urlsplit(declared.base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), KNOCK_S).close()
    except OSError as error:
        return f"{declared.base_url} does not answer ({(error.strerror or str(error)).lower()})"
    return None
