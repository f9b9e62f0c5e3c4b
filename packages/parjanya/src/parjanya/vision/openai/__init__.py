"""The engine ``openai``: any server that speaks chat completions, takes pictures and keeps to a JSON schema.

``make`` gives one. httpx is needed then and not before: the program installs without it.
"""

from typing import TYPE_CHECKING

from parjanya.vision.openai.settings import OpenaiSettings, SettingsError, base_url, key_from

if TYPE_CHECKING:
    from parjanya.vision.openai.engine import EngineMissingError, OpenaiEngine, make

__all__ = ["EngineMissingError", "OpenaiEngine", "OpenaiSettings", "SettingsError", "base_url", "key_from", "make"]


def __getattr__(name: str) -> object:
    """The engine when it is asked for: every process reads settings, few look."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from parjanya.vision.openai import engine  # noqa: PLC0415

    return getattr(engine, name)
