"""What all tests share: no example of a property is timed, and modules that need torch share a process.

The kernel's tests have a profile of Hypothesis of their own.
"""

from __future__ import annotations

import gc
from typing import Any

from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

settings.register_profile("repository", deadline=None)  # a deadline would assert seconds, and fails on a busy machine
settings.load_profile("repository")


def pytest_collection_finish() -> None:
    """Thousands of collected tests stay until the end: the collector of garbage need not look at them again and again.

    A twentieth of the processor time of a whole run, measured.
    """
    gc.collect()
    gc.freeze()


TOGETHER = "packages/parjanya/tests/unit/local/"
"""Modules that import torch: a process that has done so, and has made the model, is the right one for the others too."""


class ByFolder(LoadScopeScheduling):  # type: ignore[misc] # it comes without types
    """As ``--dist loadscope``, which keeps the tests of a module together, and those of one folder too."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER if nodeid.startswith(TOGETHER) else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    """Called by xdist, in the process that hands out the tests."""
    return ByFolder(config, log) if config.getvalue("dist") == "loadscope" else None
