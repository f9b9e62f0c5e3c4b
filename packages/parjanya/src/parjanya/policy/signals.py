"""The registry of signals: every name a rule may use, where its value comes from, and how people call it.

A signal is None when it is not known. A rule never takes that for zero, for false, or for fine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Facts = Mapping[str, Mapping[str, Any]]
"""Facts by stage name."""
Value = float | str | bool | None


@dataclass(frozen=True, slots=True)
class Signal:
    """One named value."""

    name: str
    words: str
    """As in "… is not known"."""
    read: Callable[[Facts], Value]


def _path(*names: str) -> Callable[[Facts], Value]:
    def read(facts: Facts) -> Value:
        found: Any = facts
        for name in names:
            if not isinstance(found, Mapping) or found.get(name) is None:
                return None
            found = found[name]
        return found if isinstance(found, int | float | str | bool) else None

    return read


def _long_side(facts: Facts) -> Value:
    technical = facts.get("technical", {})
    width, height = technical.get("width"), technical.get("height")
    return None if width is None or height is None else float(max(width, height))


def _camera_known(facts: Facts) -> Value:
    exif = facts.get("technical", {}).get("exif")
    return None if exif is None else bool(exif.get("make") or exif.get("model"))


def _group_kind(facts: Facts) -> Value:
    group = facts.get("group")
    if group is None or "kind" not in group:
        return None
    kind = group["kind"]
    return "alone" if kind is None else str(kind)


def _behind_best(facts: Facts) -> Value:
    """How much sharper the best of its group is; 0 for the best itself and for an image that stands alone."""
    group = facts.get("group")
    if group is None or "differences" not in group:
        return None
    for difference in group["differences"] or ():
        if "sharpness" in str(difference.get("measure")):
            this, best = difference.get("this"), difference.get("best")
            return None if this is None or best is None else float(best) - float(this)
    return 0.0


SIGNALS: Mapping[str, Signal] = {
    signal.name: signal
    for signal in (
        Signal("medium", "what kind of picture it is", _path("observe", "medium")),
        Signal("medium_confidence", "how sure that is", _path("observe", "confidence")),
        Signal("camera_known", "whether a camera made it", _camera_known),
        Signal("subject_sharpness", "the sharpness of its sharpest part", _path("quality", "subject_sharpness")),
        Signal("sharpness", "its sharpness", _path("quality", "sharpness")),
        Signal(
            "sharpness_evenness",
            "how alike its sharpness is in all directions",
            _path("quality", "sharpness_evenness"),
        ),
        Signal("median_brightness", "its median brightness", _path("quality", "exposure", "median")),
        Signal("bright_end", "its brightest tones", _path("quality", "exposure", "p95")),
        Signal("clipped_highlights", "its clipped highlights", _path("quality", "clipped_highlights")),
        Signal("clipped_shadows", "its clipped shadows", _path("quality", "clipped_shadows")),
        Signal("noise", "its noise", _path("quality", "noise")),
        Signal("long_side_px", "its size", _long_side),
        Signal("group_kind", "whether it has near twins", _group_kind),
        Signal("best_of_group", "whether it is the best of its group", _path("group", "best")),
        Signal("best_name", "the name of the best of its group", _path("group", "best_name")),
        Signal("scene_size", "how many images its scene has", _path("group", "scene_size")),
        Signal("scene_rank", "its rank within its scene", _path("group", "scene_rank")),
        Signal(
            "sharpness_in_scene", "its sharpness within its scene", _path("group", "in_scene", "sharpness", "place")
        ),
        Signal("sharpness_behind_best", "how it compares with the best of its group", _behind_best),
    )
}


def read_signals(facts: Facts) -> dict[str, Value]:
    """Every signal of one image."""
    return {name: signal.read(facts) for name, signal in SIGNALS.items()}
