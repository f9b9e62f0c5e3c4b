"""One try to read something: a value or an error, never an exception. Callers: the probes beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tbie.core.clock import Clock
from tbie.core.errors import TbieError
from tbie.core.reading import Known, Reading, Unknown

T = TypeVar("T")


def attempt(source: str, clock: Clock, read: Callable[[], T]) -> Reading[T]:
    """What *read* gives, or why it gives nothing."""
    try:
        value = read()
    except TbieError as error:
        return Unknown(str(error) or type(error).__name__, source, clock.now_ms())
    except Exception as error:  # noqa: BLE001 - a diagnosis of a broken system must not break on what it finds
        return Unknown(f"{type(error).__name__}: {error}", source, clock.now_ms())
    return Known(value, source, clock.now_ms())
