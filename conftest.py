"""What all tests share: how many examples a property gets, and that none is timed. The kernel's tests have their own profile."""

from __future__ import annotations

from hypothesis import settings

# A deadline would assert seconds. Each run draws other examples: fifty of them keep the whole suite within its time.
settings.register_profile("repository", deadline=None, max_examples=50)
settings.load_profile("repository")
