"""The libraries that compute an answer, and their versions on this machine; which image it runs.

Callers: ``bake`` and ``attest``. Nothing is imported to find out: a version is read from the record of its installation.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from importlib import metadata

LIBRARIES = (
    *("torch", "transformers", "tokenizers", "safetensors", "llguidance", "jinja2"),
    *("pillow", "numpy"),
)

IMAGE_DIGEST = "PARJANYA_IMAGE_DIGEST"
"""Environment variable in which a machine says which image it runs; a program inside of an image cannot know."""

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def versions() -> dict[str, str | None]:
    """By name; None where a library is not installed. Of Python the first two numbers: a patch release computes the same."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"python": python, **{name: _version(name) for name in LIBRARIES}}


def image_digest(environment: Mapping[str, str] | None = None) -> str | None:
    """The digest of the image that this machine says it runs, None if it does not say."""
    return (os.environ if environment is None else environment).get(IMAGE_DIGEST, "").strip() or None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
