"""A diagnosed divergence: which boundary, which stable code, on what evidence, and what to do next."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from tbie.core.outcome import Facts


class Boundary(StrEnum):
    """Where a divergence is."""

    TRUTH = "truth"
    BELIEF = "belief"
    INTENT = "intent"
    EXECUTION = "execution"
    CONTROL_PLANE = "control-plane"


class Finding(NamedTuple):
    """One thing that is not well."""

    code: str
    boundary: Boundary
    evidence: Facts
    next_step: str
