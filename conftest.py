"""What all tests share: no example of a property is timed. The kernel's tests have a profile of their own."""

from __future__ import annotations

import gc

from hypothesis import settings

settings.register_profile("repository", deadline=None)  # a deadline would assert seconds, and fails on a busy machine
settings.load_profile("repository")


def pytest_collection_finish() -> None:
    """Thousands of collected tests stay until the end: the collector of garbage need not look at them again and again.

    A twentieth of the processor time of a whole run, measured.
    """
    gc.collect()
    gc.freeze()
