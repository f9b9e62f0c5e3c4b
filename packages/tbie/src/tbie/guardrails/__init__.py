"""Guardrails as code: what incidents taught, checked at start-up, on demand and in CI.

``base`` says what a guardrail is and what it looks at, ``checks`` holds them all.
"""

from tbie.guardrails.base import Clocks, Examined, Guardrail, Leaders, Result, Surroundings, Tried, examine
from tbie.guardrails.checks import GUARDRAILS

__all__ = ["GUARDRAILS", "Clocks", "Examined", "Guardrail", "Leaders", "Result", "Surroundings", "Tried", "examine"]
