"""What a function works with, opened once for as long as its process lives. Callers: the three shells.

An opening that fails is not remembered: the next call tries again. What is published in Truth about the workflow is looked at now
and then (``LOOK_S``), and a process that finds another one opens anew.
"""

from __future__ import annotations

from collections.abc import Callable

from parjanya.functions.telling import Teller
from parjanya.profiles.function_stores import Stores
from tbie.core.errors import TruthUnavailableError

LOOK_S = 60.0
"""How long what was opened is used before it is asked whether it still fits: an engine is declared a few times a year."""


def teller(stores: Stores, component: str) -> Teller:
    """Tells of *component* under the name of this system."""
    if stores.write is None:
        return Teller(component, stores.system, stores.clock.now_ms)
    return Teller(component, stores.system, stores.clock.now_ms, stores.write)


class Opening:
    """Opens when first asked, and again when what was opened no longer fits."""

    def __init__(self, open_: Callable[[], Stores]) -> None:
        self._open = open_
        self._stores: Stores | None = None
        self._look_at_s = 0.0

    def __call__(self) -> Stores:
        """The stores.

        Raises:
            TbieError: they cannot be opened: settings, permissions, a table that is missing.
        """
        stores = self._stores
        if stores is not None and stores.clock.monotonic_s() >= self._look_at_s:
            self._look_at_s = stores.clock.monotonic_s() + LOOK_S
            if not _fits(stores):
                self._stores = None
                stores.close()
                stores = None
        if stores is None:
            stores = self._stores = self._open()
            self._look_at_s = stores.clock.monotonic_s() + LOOK_S
        return stores


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
