"""Guardrails as code: what incidents taught, checked at start-up, on demand and in CI.

``base`` says what a guardrail is and what it looks at, ``checks`` holds them all, ``cloud`` those of an instance on AWS.
"""

from tbie.guardrails.base import Clocks, Examined, Guardrail, Leaders, Result, Surroundings, Tried, examine
from tbie.guardrails.checks import GUARDRAILS
from tbie.guardrails.cloud import CLOUD_GUARDRAILS, Looked

__all__ = [
    "CLOUD_GUARDRAILS",
    "GUARDRAILS",
    "Clocks",
    "Examined",
    "Guardrail",
    "Leaders",
    "Looked",
    "Result",
    "Surroundings",
    "Tried",
    "examine",
]
