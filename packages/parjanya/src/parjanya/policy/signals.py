"""The registry of signals: every name a rule may use, its type, where its value comes from, and how people call it.

A signal is None when it is not known, and also when what is stored is not of its type: a rule never takes that for zero, for
false, or for fine.

A stage that stores a new figure gets a line here; ``model.*`` follows from the table of observation fields by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite
from typing import Any

from parjanya.observation.fields import FIELDS, Choice, Flag, Grade, Several

Facts = Mapping[str, Mapping[str, Any]]
"""Facts by stage name."""
Value = float | str | bool | tuple[str, ...] | None
Read = Callable[[Facts], Any]


class Kind(StrEnum):
    """The type of a signal."""

    NUMBER = "number"
    CHOICE = "choice"
    """A text out of a closed set."""
    FLAG = "flag"
    LIST = "list"
    """Some texts out of a closed set."""
    TEXT = "text"
    """Any text: the name of a file, say."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One named value."""

    name: str
    kind: Kind
    words: str
    """As in "… is not known"."""
    read: Read
    stage: str
    """The stage whose facts it is read from."""
    values: tuple[str, ...] = ()
    """What a choice or a list may hold."""
    low: float = -inf
    high: float = inf
    """Between which a number lies, both included."""


def _path(*names: str) -> Read:
    stage, *rest = names

    def read(facts: Facts) -> Any:
        found: Any = facts.get(stage)
        for name in rest:
            if not isinstance(found, Mapping):
                return None
            found = found.get(name)
        return found

    return read


def _number(name: str, words: str, *path: str, low: float = -inf, high: float = inf) -> Signal:
    return Signal(name, Kind.NUMBER, words, _path(*path), path[0], low=low, high=high)


def _long_side(facts: Facts) -> Any:
    technical = facts.get("technical", {})
    width, height = technical.get("width"), technical.get("height")
    if isinstance(width, int | float) and isinstance(height, int | float):
        return max(width, height)
    return None


def _camera_known(facts: Facts) -> Any:
    exif = facts.get("technical", {}).get("exif")
    return bool(exif.get("make") or exif.get("model")) if isinstance(exif, Mapping) else None


def _group_kind(facts: Facts) -> Any:
    group = facts.get("group")
    if group is None or "kind" not in group:
        return None
    kind = group["kind"]
    return "alone" if kind is None else kind


def _behind_best(facts: Facts) -> Any:
    """How much sharper the best of its group is; 0 for the best itself and for an image that stands alone."""
    group = facts.get("group")
    if group is None or "differences" not in group:
        return None
    for difference in group["differences"] or ():
        if "sharpness" in str(difference.get("measure")):
            this, best = difference.get("this"), difference.get("best")
            both = isinstance(this, int | float) and isinstance(best, int | float)
            return best - this if both else None
    return 0.0


MEDIA: tuple[str, ...] = (
    "photo",
    "banner",
    "chart",
    "diagram",
    "illustration",
    "infographic",
    "logo",
    "mockup",
    "poster",
)
MEDIA += ("screenshot", "slide", "social_card", "unsure")
"""What the classical engine may call an image."""

_SEEN = (
    Signal("medium", Kind.CHOICE, "what kind of picture it is", _path("observe", "medium"), "observe", MEDIA),
    _number("medium_confidence", "how sure that is", "observe", "confidence", low=0, high=1),
    _number("photo_probability", "how likely it is a photograph", "observe", "is_photo_probability", low=0, high=1),
    _number("flat_area", "how much of it is flat colour", "observe", "evidence", "zero_laplacian", low=0, high=1),
    Signal("camera_known", Kind.FLAG, "whether a camera made it", _camera_known, "technical"),
)
_MEASURED = (
    _number("subject_sharpness", "the sharpness of its sharpest part", "quality", "subject_sharpness", low=0, high=1),
    _number("sharpness", "its sharpness", "quality", "sharpness", low=0, high=1),
    _number("median_brightness", "its median brightness", "quality", "exposure", "median", low=0, high=1),
    _number("bright_end", "its brightest tones", "quality", "exposure", "p95", low=0, high=1),
    _number("clipped_highlights", "its clipped highlights", "quality", "clipped_highlights", low=0, high=1),
    _number("clipped_shadows", "its clipped shadows", "quality", "clipped_shadows", low=0, high=1),
    _number("noise", "its noise", "quality", "noise", low=0),
    Signal("long_side_px", Kind.NUMBER, "its size", _long_side, "technical", low=1),
)
_COMPARED = (
    Signal(
        "group_kind",
        Kind.CHOICE,
        "whether it has near twins",
        _group_kind,
        "group",
        ("alone", "exact", "near_duplicate", "burst"),
    ),
    Signal("best_of_group", Kind.FLAG, "whether it is the best of its group", _path("group", "best"), "group"),
    Signal("best_name", Kind.TEXT, "the name of the best of its group", _path("group", "best_name"), "group"),
    Signal("sharpness_behind_best", Kind.NUMBER, "how it compares with the best of its group", _behind_best, "group"),
    _number("scene_size", "how many images its scene has", "group", "scene_size", low=1),
    _number("scene_rank", "its rank within its scene", "group", "scene_rank", low=1),
    _number(
        "sharpness_in_scene", "its sharpness within its scene", "group", "in_scene", "sharpness", "place", low=0, high=1
    ),
)


def _of_the_model() -> list[Signal]:
    """One signal for each field of an observation that rules may read; texts are for people."""
    found: list[Signal] = []
    observed = ("observe", "model", "observation")
    for field in FIELDS:
        name = f"model.{field.name}"
        match field:
            case Choice(values=values):
                found.append(Signal(name, Kind.CHOICE, field.words, _path(*observed, field.name), "observe", values))
            case Flag():
                found.append(Signal(name, Kind.FLAG, field.words, _path(*observed, field.name), "observe"))
            case Several(values=values):
                found.append(Signal(name, Kind.LIST, field.words, _path(*observed, field.name), "observe", values))
            case Grade():
                entropy = _path("observe", "model", "grades", field.name, "entropy")
                words = f"how sure the model is of {field.words}"
                found.append(Signal(name, Kind.NUMBER, field.words, _grade(field.name), "observe", low=1, high=5))
                found.append(Signal(f"{name}_entropy", Kind.NUMBER, words, entropy, "observe", low=0, high=1))
    return found


def _grade(name: str) -> Read:
    """The expected value where the model's probabilities are known, else the digit it wrote."""
    expected = _path("observe", "model", "grades", name, "expected")
    digit = _path("observe", "model", "observation", name)

    def read(facts: Facts) -> Any:
        found = expected(facts)
        return digit(facts) if found is None else found

    return read


SIGNALS: Mapping[str, Signal] = {s.name: s for s in (*_SEEN, *_MEASURED, *_COMPARED, *_of_the_model())}

MODEL = "model."
"""How names of signals begin that only a vision-language model gives."""


def typed(signal: Signal, found: Any) -> Value:
    """*found* if it is of the signal's type, else None."""
    match signal.kind:
        case Kind.NUMBER:
            good = isinstance(found, int | float) and not isinstance(found, bool) and isfinite(found)
            return found if good else None
        case Kind.CHOICE:
            return found if isinstance(found, str) and found in signal.values else None
        case Kind.FLAG:
            return found if isinstance(found, bool) else None
        case Kind.LIST:
            good = isinstance(found, list | tuple) and all(value in signal.values for value in found)
            return tuple(found) if good else None
        case Kind.TEXT:
            return found if isinstance(found, str) else None


def read_signals(facts: Facts, names: Collection[str] | None = None) -> dict[str, Value]:
    """The signals of one image: those of *names*, or all of them."""
    wanted = SIGNALS.values() if names is None else [SIGNALS[name] for name in names]
    return {signal.name: typed(signal, signal.read(facts)) for signal in wanted}
