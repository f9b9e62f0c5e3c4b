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
from urllib.parse import urlsplit

from parjanya.observation import prompt, schema
from parjanya.vision.artifact.manifest import Manifest
from parjanya.vision.local.settings import LocalSettings

PIXELS_LEAST, PIXELS_MOST = 32 * 32, 16_384 * 32 * 32
"""One piece of a picture, and what the largest models take at all."""
PIXEL_BUDGET = 1024 * 32 * 32
"""Of a picture, if nobody says otherwise: about a thousand tokens, where faces and focus can be told in a preview."""
IN_FLIGHT_MOST = 256
_MOST_CHARACTERS = 2_000
_LOCAL = LocalSettings(Path("/"))
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
    pixel_budget: int = PIXEL_BUDGET
    in_flight: int = 4
    """Requests at a time. A server batches what it is asked at once."""

    def __post_init__(self) -> None:
        _check_url(self.base_url)
        _check_text("the model's name", self.model, 200)
        _check_pixels(self.pixel_budget)
        if not 1 <= _whole("in_flight", self.in_flight) <= IN_FLIGHT_MOST:
            raise DeclarationError(f"1 to {IN_FLIGHT_MOST} requests can be in flight, not {self.in_flight}")

    def identity(self) -> dict[str, object]:
        """Whatever of this changes answers: part of the version of the stage ``observe``."""
        return {"engine": self.engine, "model": self.model, **_asked(self.pixel_budget)}

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
        _check_text("the model folder", self.folder, _MOST_CHARACTERS)
        if not self.folder.startswith("/"):
            raise DeclarationError(f"the model folder must be an absolute path, not {self.folder!r}")
        if not isinstance(self.manifest, str) or not _MANIFEST.fullmatch(self.manifest):
            raise DeclarationError("a manifest's id is 64 hex digits; `parjanya model bake DIR` makes a manifest")
        _check_pixels(self.pixel_budget)
        _check_pixels(self.pixel_budget_floor)
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
        from parjanya.vision.local.engine import scoring  # noqa: PLC0415 - no torch, but numpy: not for those who only read this

        return {"engine": self.engine, "model": {"manifest": self.manifest}, **scoring(self.settings())}

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


def _asked(pixel_budget: int) -> dict[str, object]:
    return {"pixel_budget": pixel_budget, "schema": schema.SHA256, "prompt": prompt.SHA256}


def _check_pixels(pixels: int) -> None:
    if not PIXELS_LEAST <= _whole("the pixel budget", pixels) <= PIXELS_MOST:
        raise DeclarationError(f"a pixel budget is {PIXELS_LEAST:,} to {PIXELS_MOST:,} pixels, not {pixels:,}")


def _whole(what: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise DeclarationError(f"{what} is a whole number, not {str(value)[:40]!r}")
    return value


def _check_text(what: str, value: object, most: int) -> None:
    if not isinstance(value, str) or not value.strip() or len(value) > most or not value.isprintable():
        raise DeclarationError(f"{what} is 1 to {most} printable characters, not {str(value)[:60]!r}")


def _check_url(url: object) -> None:
    _check_text("the base URL", url, _MOST_CHARACTERS)
    assert isinstance(url, str)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port that is no number is found out only here
    except ValueError as error:
        raise DeclarationError(f"{url!r} is no URL: {error}") from error
    if parts.username or parts.password:
        raise DeclarationError(
            "a base URL carries no user name and no password: what is declared is stored, and shown. "
            "Give the key in the environment"
        )
    if (
        parts.scheme not in ("http", "https")
        or not host
        or parts.query
        or parts.fragment
        or any(c.isspace() for c in url)
    ):
        raise DeclarationError(f"a base URL is like http://127.0.0.1:8000/v1, not {url!r}")
