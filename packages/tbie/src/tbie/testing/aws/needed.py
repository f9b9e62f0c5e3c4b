"""For tests that need the local server: skipped where it is not installed, failed where it must be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tbie.testing.aws.server import interpreter

REQUIRED = "PARJANYA_REQUIRE_AWS"
"""Set to 1 where the server must be there, in CI."""


def needed_interpreter() -> Path:
    """The Python of the server's environment."""
    found = interpreter()
    if found is None:
        words = "the local AWS server is not installed: ./run aws-server"
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(words)
        pytest.skip(words)
    return found
