"""The JSON schema that answers are decoded under, made from the fields.

Callers: engines give ``TEXT`` or ``SCHEMA`` to whatever constrains the decoding and stamp ``SHA256`` on what they observe;
``validate`` allows exactly what it allows.

It uses only what every known constraint engine does right: closed values as enums (numbers too: some engines ignore bounds of
integers), texts bounded by a pattern (a ``maxLength`` lets raw control characters through one engine and is ignored by another),
arrays bounded at both ends, every property required and in the order of the fields. ``uniqueItems`` is left out, because no
common engine enforces it: a value given twice says the same as once, and ``validate`` returns it once.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from parjanya.observation.fields import FIELDS, SCHEMA_NAME, TEXT_CHARACTERS, Choice, Field, Flag, Grade, Several, Text

GRADE_VALUES = (1, 2, 3, 4, 5)

NAME = SCHEMA_NAME.replace("/", "_")
"""As servers want it: letters, digits and underscores."""


def property_of(field: Field) -> dict[str, Any]:
    """The schema of one field's value."""
    match field:
        case Choice(values=values):
            return {"type": "string", "enum": list(values)}
        case Flag():
            return {"type": "boolean"}
        case Grade():
            return {"type": "integer", "enum": list(GRADE_VALUES)}
        case Several(values=values, most=most):
            items = {"type": "string", "enum": list(values)}
            return {"type": "array", "items": items, "minItems": 1, "maxItems": most}
        case Text(most=most):
            return {"type": "string", "pattern": f"^{TEXT_CHARACTERS}{{1,{most}}}$"}


def schema() -> dict[str, Any]:
    """A fresh copy of the whole schema; the order of its properties is the order in which a model must answer."""
    return {
        "type": "object",
        "properties": {field.name: property_of(field) for field in FIELDS},
        "required": [field.name for field in FIELDS],
        "additionalProperties": False,
    }


TEXT = json.dumps(schema(), separators=(",", ":"))
"""One text for one schema. Keys are not sorted: their order is part of it."""

SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()
