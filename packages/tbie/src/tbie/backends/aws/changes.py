"""Which records of the change stream concern the reconciler, as the filter that a mapping of the stream carries. Pure.

Callers: the infrastructure, whoever deploys into a local server, `doctor`, which compares what is deployed with this.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tbie.backends.aws.entries import OPEN

BATCH = 50
WINDOW_S = 5


def pattern(stages: Sequence[str]) -> dict[str, Any]:
    """A stage of *stages* opened, or its row changed while it is open."""
    image = {"kind": {"S": [OPEN]}, "stage": {"S": sorted(stages)}}
    return {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": image}}


def pattern_text(stages: Sequence[str]) -> str:
    """The same as a mapping takes it."""
    return json.dumps(pattern(stages), sort_keys=True)


def unlike(patterns: Sequence[str], stages: Sequence[str]) -> list[str]:
    """How the filters of a deployed mapping differ from what *stages* need, one sentence each.

    What no filter lets through is never told to the reconciler: the sweep finds it, later (incidents 2 and 9a).
    """
    if not patterns:
        return ["the stream is not filtered: every change of the index calls the function"]
    through: set[str] = set()
    for text in patterns:
        try:
            through |= _stages(json.loads(text))
        except ValueError:
            return [f"a filter of the stream is no JSON: {text!r:.80}"]
    found = [f"stage {name} passes no filter: its work waits for the sweep" for name in sorted({*stages} - through)]
    return found + [f"a filter lets {name!r:.40} through, which is no stage" for name in sorted(through - {*stages})]


def _stages(filter_: object) -> set[str]:
    """The stages that one filter lets through."""
    image = _in(_in(filter_, "dynamodb"), "NewImage")
    names = _in(_in(image, "stage"), "S")
    kinds, events = _in(_in(image, "kind"), "S"), _in(filter_, "eventName")
    opens = OPEN in kinds if isinstance(kinds, list) else kinds is None
    told = {"INSERT", "MODIFY"} <= {*events} if isinstance(events, list) else events is None
    return {str(name) for name in names} if isinstance(names, list) and opens and told else set()


def _in(body: object, name: str) -> object:
    return body.get(name) if isinstance(body, Mapping) else None
