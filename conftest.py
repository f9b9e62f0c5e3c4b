"""What all tests share: no example of a property is timed. The kernel's tests have a profile of their own."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("repository", deadline=None)  # a deadline would assert seconds, and fails on a busy machine
settings.load_profile("repository")
