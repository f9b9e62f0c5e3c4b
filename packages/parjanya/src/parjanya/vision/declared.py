"""Which engine looks at the images of a home: data, declared once and stored in Truth, the same for every process of the home.

Callers: ``profiles.declaration`` stores it, ``workflow`` makes the stage ``observe`` of it, the worker processes of the pool
``vision`` open what it names. Nothing here imports a model, a server's client or torch: the control plane computes versions
with it. A secret is never part of it: a key comes from the environment of the process that needs it.

It comes back from a file that others may have written, so what is read is checked as if a stranger had sent it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from parjanya.vision.artifact.manifest import Manifest
from parjanya.vision.local.settings import LocalSettings
from parjanya.vision.openai.settings import OpenaiSettings, SettingsError, checked
from tbie.core.clock import SystemClock

_MOST_CHARACTERS = 2_000
_LOCAL = LocalSettings(Path("/"))
_SERVED = OpenaiSettings("", "")
_MANIFEST = re.compile(r"[0-9a-f]{64}")


class DeclarationError(ValueError):
    """No engine can be declared like this; the message says what is wrong and what would be right."""


@dataclass(frozen=True, slots=True)
class Classical:
    """The engine that needs no model. It always runs, also beside a model, as the second witness."""

    engine: ClassVar[str] = "classical"

    def identity(self) -> None:
        """There is no model."""

    def words(self) -> str:
        """For people."""
        return "classical"


@dataclass(frozen=True, slots=True)
class OpenAI:
    """A server that speaks chat completions."""

    engine: ClassVar[str] = "openai"

    base_url: str
    """Up to and including ``/v1`` or what the server has instead of it. Where a server is does not change what it sees, so
    moving it makes nothing stale."""
    model: str
    """As the server calls it."""
    pixel_budget: int = _SERVED.pixel_budget_px
    in_flight: int = _SERVED.in_flight
    """Requests at a time. A server batches what it is asked at once."""

    def __post_init__(self) -> None:
        _check_text("the base URL", self.base_url)
        _check_text("the model's name", self.model)
        _check_whole("the pixel budget", self.pixel_budget)
        _check_whole("in_flight", self.in_flight)
        object.__setattr__(self, "base_url", self.settings().base_url)  # one way of writing it: a change is a change

    def settings(self, key: str = "") -> OpenaiSettings:
        """As the engine takes it, with the *key* that this process has for the server."""
        try:
            given = OpenaiSettings(self.base_url, self.model, key, self.pixel_budget, self.in_flight)
            return checked(given)
        except SettingsError as error:
            raise DeclarationError(str(error)) from error

    def identity(self) -> dict[str, object]:
        """Whatever of this changes answers: part of the version of the stage ``observe``."""
        from parjanya.vision.openai.ask import identity  # noqa: PLC0415 - only those who need a version pay for it

        return identity(self.settings())

    def words(self) -> str:
        """For people."""
        return f"openai ({self.model} at {self.base_url})"


@dataclass(frozen=True, slots=True)
class Transformers:
    """A model folder, loaded in the worker process."""

    engine: ClassVar[str] = "transformers"

    folder: str
    """Absolute. Where it is does not change what it sees."""
    manifest: str
    """Id of the manifest that was baked for it: 64 hex digits."""
    dtype: str = "auto"
    pixel_budget: int = _LOCAL.pixels
    pixel_budget_floor: int = _LOCAL.pixels_floor
    """The least that is tried when memory is short."""

    def __post_init__(self) -> None:
        _check_text("the model folder", self.folder)
        if not self.folder.startswith("/"):
            raise DeclarationError(f"the model folder must be an absolute path, not {self.folder!r}")
        if not isinstance(self.manifest, str) or not _MANIFEST.fullmatch(self.manifest):
            raise DeclarationError("a manifest's id is 64 hex digits; `parjanya model bake DIR` makes a manifest")
        _check_whole("the pixel budget", self.pixel_budget)
        _check_whole("the smallest pixel budget", self.pixel_budget_floor)
        self.settings()

    @classmethod
    def of(cls, folder: Path, manifest: Manifest) -> Transformers:
        """The model in *folder*, asked as its *manifest* was baked for.

        Raises:
            DeclarationError: it was baked for something that this program does not do.
        """
        baked = manifest.scoring
        names = ("dtype", "pixel_budget", "pixel_budget_floor")
        return cls(str(folder), manifest.id, **{name: baked[name] for name in names if name in baked})

    def settings(self) -> LocalSettings:
        """As the engine takes it."""
        dtype: Any = self.dtype  # one of a few words, which is checked there
        try:
            return LocalSettings(
                Path(self.folder), self.manifest, self.pixel_budget, self.pixel_budget_floor, dtype=dtype
            )
        except (TypeError, ValueError) as error:
            raise DeclarationError(str(error)) from error

    def identity(self) -> dict[str, object]:
        """Whatever of this changes answers: part of the version of the stage ``observe``."""
        from parjanya.vision.local.engine import TransformersEngine  # noqa: PLC0415 - no torch, but numpy: not for all

        # asked of an engine that is never opened, so that no two places say what an identity is made of
        return dict(TransformersEngine(self.settings(), SystemClock()).identity())

    def words(self) -> str:
        """For people."""
        return f"transformers ({self.folder}, manifest {self.manifest[:12]})"


Declared = Classical | OpenAI | Transformers
KINDS: Mapping[str, type[Classical | OpenAI | Transformers]] = {
    kind.engine: kind for kind in (Classical, OpenAI, Transformers)
}


def to_json(declared: Declared) -> dict[str, object]:
    """As it is stored."""
    return {"engine": declared.engine, **asdict(declared)}


def from_json(body: object) -> Declared:
    """From what ``to_json`` wrote.

    Raises:
        DeclarationError: it is something else, or was written by a newer program.
    """
    if not isinstance(body, Mapping):
        raise DeclarationError("the declared engine is not an object")
    kind = KINDS.get(str(body.get("engine")))
    if kind is None:
        raise DeclarationError(f"the engine {str(body.get('engine'))[:40]!r} is none of {', '.join(KINDS)}")
    known = {field.name for field in fields(kind)}
    given: dict[str, Any] = {str(name): value for name, value in body.items() if name != "engine"}
    unknown = sorted(given.keys() - known)
    if unknown:
        raise DeclarationError(f"{kind.engine} knows no {unknown[0][:40]!r}; it knows {', '.join(sorted(known))}")
    try:
        return kind(**given)
    except TypeError as error:
        raise DeclarationError(f"{kind.engine} is not declared completely: {error}") from error


def _check_whole(what: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise DeclarationError(f"{what} is a whole number, not {str(value)[:40]!r}")


def _check_text(what: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip() or len(value) > _MOST_CHARACTERS or not value.isprintable():
        raise DeclarationError(f"{what} is 1 to {_MOST_CHARACTERS} printable characters, not {str(value)[:60]!r}")
