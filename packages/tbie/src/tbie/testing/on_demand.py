"""Tests that are too dear for every change: they run where everything is asked for."""

from __future__ import annotations

import os

import pytest

EVERYTHING = os.environ.get("PARJANYA_EVERYTHING") == "1"
"""Asked for before a release, and after a change of what such a test is about."""


def on_demand(cost: str) -> pytest.MarkDecorator:
    """Skips a test unless everything is asked for; *cost* says why it is not run each time."""
    return pytest.mark.skipif(not EVERYTHING, reason=f"{cost}; PARJANYA_EVERYTHING=1 runs it")
