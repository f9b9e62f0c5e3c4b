"""Which classical engine this is: its code, and the numbers that were trained. Reads them and computes nothing with them.

Callers: ``classical`` and ``model``, which do; the stage ``observe``, for its version.
"""

from __future__ import annotations

import json
import pkgutil
from functools import lru_cache
from typing import Any

from parjanya.imaging.recipe import LOOK_PX
from tbie.core.fingerprint import fingerprint

ENGINE = "classical"
CODE_VERSION = 1


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The trained numbers that come with the package. Nobody changes it."""
    data = pkgutil.get_data("parjanya.vision", "medium_model.json")
    assert data is not None, "the package is not complete: medium_model.json is missing"
    return dict(json.loads(data))


def version(model: str | None = None) -> str:
    """Changes when anything changes that can change an answer; with numbers of the version *model* instead of the shipped."""
    used = fingerprint(document()) if model is None else model
    return fingerprint({"engine": ENGINE, "code": CODE_VERSION, "look_px": LOOK_PX, "model": used})
