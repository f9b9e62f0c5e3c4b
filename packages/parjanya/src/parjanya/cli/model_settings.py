"""How the commands of ``model`` load and ask a model: as a worker that was started with the same settings would.

Caller: ``parjanya.cli.model``.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parjanya.cli.common import UsageError
from parjanya.vision.artifact.attest import Load
from parjanya.vision.local.engine import open_model
from parjanya.vision.local.settings import LocalSettings
from tbie.core.clock import SystemClock

_NEEDED = ("torch", "transformers", "llguidance")
_DECLARED = {
    "pixel_budget": "pixels",
    "pixel_budget_floor": "pixels_floor",
    "dtype": "dtype",
    "most_tokens": "most_tokens",
}
"""Names in a manifest, and what they are called in the settings of the engine."""


def chosen(folder: Path, pixels: int | None, dtype: str | None, device: str | None) -> LocalSettings:
    """The settings of a worker, with what was asked for on the command line.

    Raises:
        UsageError: they cannot be.
    """
    given: dict[str, Any] = {"dtype": dtype, "device": device, "pixels": pixels}
    if pixels is not None:
        given["pixels_floor"] = min(pixels, LocalSettings(folder).pixels_floor)
    return _settings(folder, {name: value for name, value in given.items() if value is not None})


def declared(folder: Path, scoring: Mapping[str, Any], device: str | None) -> LocalSettings:
    """The settings that a manifest with this *scoring* was baked for.

    Raises:
        UsageError: they cannot be.
    """
    given = {ours: scoring[theirs] for theirs, ours in _DECLARED.items() if theirs in scoring}
    match scoring.get("sampling"):
        case {"later_temperature": float(temperature)}:
            given["temperature"] = temperature
    return _settings(folder, {**given, **({"device": device} if device is not None else {})})


def loader(settings: LocalSettings) -> Load:
    """What loads the model.

    Raises:
        UsageError: the libraries for it are not installed.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"golden answers need a model that runs, and {', '.join(missing)} are not installed here: "
            "install the extra parjanya[transformers], or do without golden answers"
        )
    return lambda: open_model(settings, SystemClock())


def _settings(folder: Path, given: Mapping[str, Any]) -> LocalSettings:
    try:
        return LocalSettings(folder, **given)
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from error
