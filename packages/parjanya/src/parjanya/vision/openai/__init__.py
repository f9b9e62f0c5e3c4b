"""The engine ``openai``: any server that speaks chat completions, takes pictures and keeps to a JSON schema.

``make`` gives one. httpx is needed then and not before: the program installs without it.
"""

from parjanya.vision.openai.engine import EngineMissingError, OpenaiEngine, make
from parjanya.vision.openai.settings import OpenaiSettings, SettingsError, base_url, key_from

__all__ = ["EngineMissingError", "OpenaiEngine", "OpenaiSettings", "SettingsError", "base_url", "key_from", "make"]
