"""What a function works with, opened once for as long as its process lives. Callers: the three shells.

An opening that fails is told, by the line of a pass that saw nothing, and not remembered: the next call tries again. What is
published in Truth about the workflow is looked at now and then (``LOOK_S``), and a process that finds another one opens anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from parjanya.functions.telling import DURATION, Teller
from parjanya.profiles.function_environment import system_of
from parjanya.profiles.function_stores import Stores
from tbie.core.clock import Clock, SystemClock
from tbie.core.errors import TbieError, TruthUnavailableError

LOOK_S = 60.0
"""How long what was opened is used before it is asked whether it still fits: an engine is declared a few times a year."""


def teller(stores: Stores, component: str) -> Teller:
    """Tells of *component* under the name of this system."""
    if stores.write is None:
        return Teller(component, stores.system, stores.clock.now_ms)
    return Teller(component, stores.system, stores.clock.now_ms, stores.write)


class Opening:
    """Opens what *component* works with when first asked, and again when what was opened no longer fits."""

    def __init__(
        self,
        component: str,
        open_: Callable[[], Stores],
        environment: Mapping[str, str] = os.environ,
        clock: Clock | None = None,
    ) -> None:
        self._component, self._open = component, open_
        self._environment, self._clock = environment, clock or SystemClock()
        self._stores: Stores | None = None
        self._look_at_s = 0.0

    def __call__(self) -> Stores:
        """The stores.

        Raises:
            TbieError: they cannot be opened: settings, permissions, a table that is missing. It was told.
        """
        stores = self._stores
        if stores is not None and stores.clock.monotonic_s() >= self._look_at_s:
            self._look_at_s = stores.clock.monotonic_s() + LOOK_S
            if not _fits(stores):
                self._stores = None
                stores.close()
                stores = None
        if stores is None:
            stores = self._stores = self._begin()
            self._look_at_s = stores.clock.monotonic_s() + LOOK_S
        return stores

    def _begin(self) -> Stores:
        began_s = self._clock.monotonic_s()
        try:
            return self._open()
        except Exception as error:
            # without this line, a log would hold Python's words alone, and no metric would say that a pass was blind
            said = str(error) if isinstance(error, TbieError) else f"{type(error).__name__}: {error}"
            took_s = self._clock.monotonic_s() - began_s
            tell = Teller(self._component, system_of(self._environment), self._clock.now_ms)
            tell.passed("pass", [(DURATION, round(took_s, 6))], [said], opened=False)
            raise


def _fits(stores: Stores) -> bool:
    """Unknown is not "no": where Truth is away the pass goes on with what is open, and says that it is blind."""
    try:
        return stores.fits()
    except TruthUnavailableError:
        return True


def seconds_left(context: object) -> float:
    """For how long this call may still go on; a minute where nobody says."""
    ask = getattr(context, "get_remaining_time_in_millis", None)
    left = ask() if callable(ask) else 60_000
    return left / 1000 if isinstance(left, int | float) else 60.0
