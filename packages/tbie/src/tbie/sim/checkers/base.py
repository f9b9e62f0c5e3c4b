"""What a checker is: one invariant, and how often it had something to look at. One that never had is a defect itself."""

from __future__ import annotations

from typing import NoReturn

from tbie.sim.violation import ViolationError


class Checker:
    """One invariant."""

    number = 0
    name = ""

    def __init__(self) -> None:
        self.checked = 0

    def broken(self, holds: bool) -> bool:
        """Count one look; whether it does not hold. The words for it are made only then: there are millions of looks."""
        self.checked += 1
        return not holds

    def fail(self, words: str) -> NoReturn:
        """It does not hold.

        Raises:
            ViolationError: always.
        """
        raise ViolationError(f"{self.number:02} {self.name}", words)
