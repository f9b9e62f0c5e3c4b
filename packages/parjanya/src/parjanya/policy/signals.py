"""The named signals that rules may read, and where in the stored facts each one is.

Callers: ``policy.rules`` checks names against it, ``policy.decide`` reads values. A signal that is missing from the
facts is unknown (None): never zero, never false.
"""

from __future__ import annotations

from collections.abc import Mapping

Value = float | str | bool | None

#: Signal name: (stage, path of keys in its facts).
SIGNALS: dict[str, tuple[str, ...]] = {
    "width": ("technical", "width"),
    "height": ("technical", "height"),
    "sharpness": ("quality", "sharpness"),
    "subject_sharpness": ("quality", "subject_sharpness"),
    "exposure.median": ("quality", "exposure", "median"),
    "exposure.p05": ("quality", "exposure", "p05"),
    "exposure.p95": ("quality", "exposure", "p95"),
    "clipped_highlights": ("quality", "clipped_highlights"),
    "clipped_shadows": ("quality", "clipped_shadows"),
    "medium": ("observe", "medium"),
    "medium.confidence": ("observe", "confidence"),
    "group.kind": ("group", "kind"),
    "group.size": ("group", "size"),
    "group.best": ("group", "best"),
    "group.best_name": ("group", "best_name"),
}

#: Signals whose facts say None for "there is none", which is an answer: an image that is alone has no kind of group.
NONE_IS_AN_ANSWER = {"group.kind": "none", "group.best_name": "none"}


def signals_of(facts: Mapping[str, Mapping[str, object]]) -> dict[str, Value]:
    """Every signal's value in *facts* (by stage name), None where it is unknown."""
    return {name: _read(facts, name) for name in SIGNALS}


def _read(facts: Mapping[str, Mapping[str, object]], name: str) -> Value:
    node: object = facts
    for key in SIGNALS[name]:
        if not isinstance(node, Mapping) or key not in node:
            return None
        node = node[key]
    if node is None:
        return NONE_IS_AN_ANSWER.get(name)
    # A number that is not one (NaN) compares false with everything: it would pass every rule in silence.
    if isinstance(node, float) and node != node:  # noqa: PLR0124
        return None
    return node if isinstance(node, str | bool | int | float) else None
