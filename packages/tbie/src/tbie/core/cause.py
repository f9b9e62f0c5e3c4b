"""Why something changed: who did it, and for what reason. Every history entry carries one."""

from __future__ import annotations

from typing import NamedTuple


class Cause(NamedTuple):
    """``who``: a component or a person (``worker:w3``, ``operator:asha``); ``why``: words or a stable code."""

    who: str
    why: str
