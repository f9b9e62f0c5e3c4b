"""For tests that need the local server: skipped where it is not installed, failed where it must be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tbie.testing.aws.server import interpreter

REQUIRED = "PARJANYA_REQUIRE_AWS"
"""Set to 1 where the server must be there, in CI."""
EVERYTHING = os.environ.get("PARJANYA_AWS_EVERYTHING") == "1"
"""Whether also those tests run that are too dear for every change: before a release, after a change of what they are about."""


def on_demand(cost: str) -> pytest.MarkDecorator:
    """Skips a test unless everything is asked for; *cost* says why it is not run each time."""
    return pytest.mark.skipif(not EVERYTHING, reason=f"{cost}; PARJANYA_AWS_EVERYTHING=1 runs it")


def needed_interpreter() -> Path:
    """The Python of the server's environment."""
    found = interpreter()
    if found is None:
        words = "the local AWS server is not installed: ./run aws-server"
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(words)
        pytest.skip(words)
    return found
