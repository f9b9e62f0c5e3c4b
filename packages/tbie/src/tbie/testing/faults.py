"""Faults on purpose: stores that crash, or say that they are away, before or after a chosen call took effect.

Callers: the end-to-end conformance suite, property tests. A ``CrashError`` is what a killed process looks like from
inside a test: it passes through every ``except`` of the kernel, and whoever raised it is not used again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, cast

from tbie.intent import IntentQueue
from tbie.truth import TruthStore


class CrashError(BaseException):
    """The process ends here. Not an ``Exception``: nothing may catch it and go on."""


Call = Callable[[str, Callable[..., Any], tuple[Any, ...], Mapping[str, Any]], Any]
"""Given ``truth.commit`` (say), the method and its arguments: what the call answers."""


def intercept_truth(store: TruthStore, call: Call) -> TruthStore:
    """*store*, with every method called through *call*."""
    return cast("TruthStore", _Wrapped(store, "truth", call))


def intercept_intent(store: IntentQueue, call: Call) -> IntentQueue:
    """*store*, with every method called through *call*."""
    return cast("IntentQueue", _Wrapped(store, "intent", call))


class Flaky:
    """Wraps stores so that chosen calls fail.

    Args:
        plan: by ``truth.<method>`` or ``intent.<method>``, the numbers of the calls (from 1) that fail, and whether
            ``before`` or ``after`` they took effect.
        error: what is raised.
    """

    def __init__(self, plan: Mapping[str, Mapping[int, str]], error: type[BaseException] = CrashError) -> None:
        self._plan, self._error = plan, error
        self.calls: Counter[str] = Counter()

    def truth(self, store: TruthStore) -> TruthStore:
        """*store*, with the faults of the plan."""
        return intercept_truth(store, self._call)

    def intent(self, store: IntentQueue) -> IntentQueue:
        """*store*, with the faults of the plan."""
        return intercept_intent(store, self._call)

    def _call(self, name: str, method: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        self.calls[name] += 1
        point = self._plan.get(name, {}).get(self.calls[name])
        if point == "before":
            raise self._error(f"before call {self.calls[name]} of {name}")
        answer = method(*args, **kwargs)
        if point == "after":
            raise self._error(f"after call {self.calls[name]} of {name}")
        return answer


class _Wrapped:
    """Forwards every method through one function."""

    def __init__(self, store: object, prefix: str, call: Call) -> None:
        self._store, self._prefix, self._call = store, prefix, call

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._store, name)
        if not callable(attribute):
            return attribute
        return lambda *args, **kwargs: self._call(f"{self._prefix}.{name}", attribute, args, kwargs)
