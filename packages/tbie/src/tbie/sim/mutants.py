"""x"""
from __future__ import annotations
from contextlib import contextmanager
from collections.abc import Iterator
MUTANTS: dict[str, str] = {}
@contextmanager
def planted(name: str | None) -> Iterator[None]:
    yield
