"""How long an answer can be, from the fields: so that a bound is never a guess, and never cuts off what is right.

Callers: ``model``, as the bound of an answer when none is declared.
"""

from __future__ import annotations

from parjanya.observation.fields import FIELDS, Choice, Field, Flag, Grade, Several, Text


def longest(field: Field) -> int:
    """Bytes of the longest value of *field*, as compact JSON."""
    match field:
        case Choice(values=values):
            return 2 + max(map(len, values))
        case Flag():
            return len("false")
        case Grade():
            return 1
        case Several(values=values, most=most):
            return 1 + most * (3 + max(map(len, values)))
        case Text(most=most):
            return 2 + most


def most_tokens() -> int:
    """No answer under the schema is longer: a token is a byte at least, and the values are bounded."""
    return 1 + sum(len(field.name) + 4 + longest(field) for field in FIELDS) + 1
