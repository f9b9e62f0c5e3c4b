"""Objects in memory and in a directory keep the same contract."""

from __future__ import annotations

from pathlib import Path

from tbie.backends.memory.objects import MemoryObjects
from tbie.backends.sqlite.objects import LocalObjects
from tbie.objects import ObjectStore
from tbie.testing.conformance.objects import ObjectsConformance


class TestMemoryObjects(ObjectsConformance):
    def make_objects(self, folder: Path) -> ObjectStore:
        return MemoryObjects()


class TestLocalObjects(ObjectsConformance):
    def make_objects(self, folder: Path) -> ObjectStore:
        return LocalObjects(folder)
