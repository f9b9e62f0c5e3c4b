"""Which engine looks at the images of a home: options of the commands that lead one, and what they declare.

Callers: ``curate`` and ``serve``. Without any of these options the home's declared engine goes on. A change holds for new images;
what was observed before stays as it is until somebody asks for it to be done again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from parjanya.cli.common import Common, UsageError, say
from parjanya.profiles.declaration import declare
from parjanya.profiles.engines import knock
from parjanya.profiles.system import System
from parjanya.stages import observe
from parjanya.vision.artifact.manifest import NAME as MANIFEST
from parjanya.vision.artifact.manifest import read as read_manifest
from parjanya.vision.artifact.problems import ArtifactError
from parjanya.vision.declared import KINDS, Classical, DeclarationError, Declared, OpenAI, Transformers

EXAMPLES = {
    "openai": "--engine openai --base-url http://127.0.0.1:8000/v1 --model Qwen/Qwen3-VL-8B-Instruct",
    "transformers": "--engine transformers --model /models/Qwen3-VL-8B-Instruct",
}


@Parameter(name="*")
@dataclass(frozen=True)
class EngineOptions:
    """Which engine looks at the images from now on (default: the one that this home declares; at first classical)."""

    engine: str | None = None
    "What looks at new images: classical (no model needed), openai (a server), transformers (a model folder, in process)."
    model: str | None = None
    "For openai the model as the server calls it, for transformers its folder."
    base_url: str | None = None
    "For openai: where the server is, e.g. http://127.0.0.1:8000/v1."
    pixel_budget_px: Annotated[int | None, Parameter(name="--pixel-budget")] = None
    "Pixels of a picture that the model is shown, at most (default: about a million)."
    in_flight: int | None = None
    "For openai: requests at a time (default: 8)."

    def check(self, common: Common) -> EngineOptions:
        """Refuse what cannot be, as far as that is known before a home is opened: nothing must be begun for it.

        Raises:
            UsageError: there is no such engine; or there is no home yet, and something that the engine needs is missing.
        """
        _kind(self.engine)
        if self.any and not common.begun:
            asked(self, Classical())
        return self

    @property
    def any(self) -> bool:
        """Whether anything was asked for."""
        return any(
            value is not None
            for value in (self.engine, self.model, self.base_url, self.pixel_budget_px, self.in_flight)
        )


def choose(system: System, options: EngineOptions) -> None:
    """Declare what *options* ask for, if that is something else than what is declared; say what it means.

    Raises:
        UsageError: it cannot be declared, or another process leads this home and works by what is declared now.
    """
    if options.any:
        _change(system, asked(options, system.declared))
    problem = knock(system.declared)
    if problem is not None:
        say(f"engine {system.declared.engine}: {problem}; images wait for it, nothing is lost, no attempt is used up")


def _change(system: System, wanted: Declared) -> None:
    before = system.declared
    if wanted == before:
        return
    if not system.home.lead():
        raise UsageError(
            f"another engine leads {system.home.root} and its images are observed by {before.words()}: "
            f"stop it, then declare {wanted.words()}"
        )
    try:
        declare(system.truth, wanted)
        system.adopt()
    except BaseException:
        system.home.resign()
        raise
    older = observed_otherwise(system)
    if older:
        say(
            f"new images are observed by {wanted.words()}; {older} were observed by another engine and stay as they are: "
            "`parjanya regrade --stage observe` brings them up to date, with --dry-run it says what that costs"
        )


def observed_otherwise(system: System) -> int:
    """Images whose stage *observe* was completed under another version than the one declared now."""
    declared = system.workflow[observe.NAME].version
    counts = system.truth.versions().items()
    return sum(n for (_, stage, version), n in counts if stage == observe.NAME and version != declared)


def asked(options: EngineOptions, now: Declared) -> Declared:
    """What is to be declared where *now* is.

    Raises:
        UsageError: the options do not go together, or something that the engine needs is missing.
    """
    kind = _kind(options.engine) or now.engine
    given = {
        "--model": options.model,
        "--base-url": options.base_url,
        "--pixel-budget": options.pixel_budget_px,
        "--in-flight": options.in_flight,
    }
    takes = {"classical": (), "openai": tuple(given), "transformers": ("--model", "--pixel-budget")}[kind]
    stray = [name for name, value in given.items() if value is not None and name not in takes]
    if stray:
        raise UsageError(f"{stray[0]} means nothing to the engine {kind}; {_hint(kind)}")
    try:
        match kind:
            case "openai":
                return _openai(options, now if isinstance(now, OpenAI) else None)
            case "transformers":
                return _transformers(options, now if isinstance(now, Transformers) else None)
            case _:
                return Classical()
    except (DeclarationError, ArtifactError) as error:
        raise UsageError(str(error)) from error


def _kind(name: str | None) -> str | None:
    if name is not None and name not in KINDS:
        raise UsageError(f"there is no engine {name!r}; engines: {', '.join(KINDS)}")
    return name


def _hint(kind: str) -> str:
    return f"for example {EXAMPLES[kind]}" if kind in EXAMPLES else f"a model needs an engine: {EXAMPLES['openai']}"


def _openai(options: EngineOptions, now: OpenAI | None) -> OpenAI:
    needed = {"--base-url": options.base_url, "--model": options.model}
    missing = [name for name, value in needed.items() if value is None] if now is None else []
    if missing:
        raise UsageError(f"the engine openai needs {' and '.join(missing)}: {EXAMPLES['openai']}")
    asked_for: dict[str, Any] = {
        "base_url": options.base_url,
        "model": options.model,
        "pixel_budget": options.pixel_budget_px,
        "in_flight": options.in_flight,
    }
    given = {name: value for name, value in asked_for.items() if value is not None}
    return OpenAI(**given) if now is None else replace(now, **given)


def _transformers(options: EngineOptions, now: Transformers | None) -> Transformers:
    if options.model is None and now is None:
        raise UsageError(f"the engine transformers needs --model DIR: {EXAMPLES['transformers']}")
    if options.model is None:
        assert now is not None
        chosen = now
    else:
        folder = Path(options.model).absolute()
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder: --model is where config.json and the weights are")
        if not (folder / MANIFEST).is_file():
            raise UsageError(f"{folder} has no manifest: `parjanya model bake {folder}` makes one, once")
        chosen = Transformers.of(folder, read_manifest(folder / MANIFEST))
    if options.pixel_budget_px is None:
        return chosen
    floor = min(chosen.pixel_budget_floor, options.pixel_budget_px)
    return replace(chosen, pixel_budget=options.pixel_budget_px, pixel_budget_floor=floor)
