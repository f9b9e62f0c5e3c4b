"""How a simulation stops: something that must hold did not."""

from __future__ import annotations


class ViolationError(BaseException):
    """A promise was broken. Not an ``Exception``: the kernel catches those of handlers, and must not catch this one."""

    def __init__(self, checker: str, words: str) -> None:
        super().__init__(f"{checker}: {words}")
        self.checker, self.words = checker, words
