"""The registry of signals: every name a rule may use, its type, where its value comes from, and how people call it.

A signal is None when it is not known, and also when what is stored is not of its type: a rule never takes that for zero, for
false, or for fine.

A stage that stores a new figure gets a line here; ``model.*`` follows from the table of observation fields by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite
from operator import itemgetter
from typing import Any

from parjanya.observation.fields import FIELDS, Choice, Flag, Grade, Several

Facts = Mapping[str, Mapping[str, Any]]
"""Facts by stage name."""
Value = float | str | bool | tuple[str, ...] | None


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


Path = tuple[str, ...]
"""Where a value is stored: the stage, and the names that lead to it within the facts of the stage."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One named value."""

    name: str
    kind: Kind
    words: str
    """As in "… is not known"."""
    paths: tuple[Path, ...]
    """Where what it is made of is stored, all in the facts of one stage."""
    values: tuple[str, ...] = ()
    """What a choice or a list may hold."""
    low: float = -inf
    high: float = inf
    """Between which a number lies, both included."""
    derive: Callable[..., Any] | None = None
    """Makes the value of what is at the paths (None where nothing is); without it there is one path, to the value itself."""

    @property
    def stage(self) -> str:
        """The stage whose facts it is read from."""
        return self.paths[0][0]

    def of(self, found: Sequence[Any]) -> Value:
        """The value, from what is at the paths; None unless it is of the signal's type."""
        value = found[0] if self.derive is None else self.derive(*found)
        return None if value is None else _CHECKED[self.name](value)


def at(facts: Facts, path: Path) -> Any:
    """What is stored there, None if nothing is."""
    found: Any = facts
    for name in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def _one(name: str, kind: Kind, words: str, *path: str, values: tuple[str, ...] = ()) -> Signal:
    return Signal(name, kind, words, (path,), values)


def _number(name: str, words: str, *path: str, low: float = -inf, high: float = inf) -> Signal:
    return Signal(name, Kind.NUMBER, words, (path,), low=low, high=high)


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool) and isfinite(found)


def _long_side(width: Any, height: Any) -> Any:
    return max(width, height) if _is_number(width) and _is_number(height) else None


def _camera_known(make: Any, model: Any, width: Any) -> Any:
    """Metadata are read of everything that is decoded: no camera in those of a picture with a width is none at all."""
    return None if width is None else bool(make or model)


def _group_kind(kind: Any, best: Any) -> Any:
    """An image that stands alone is the best of its kind, and has been compared."""
    return "alone" if kind is None and best is not None else kind


def _behind_best(differences: Any) -> Any:
    """How much sharper the best of its group is; 0 for the best itself and for an image that stands alone."""
    if not isinstance(differences, Sequence):
        return None
    for difference in differences:
        if "sharpness" in str(difference.get("measure")):
            this, best = difference.get("this"), difference.get("best")
            return best - this if _is_number(this) and _is_number(best) else None
    return 0.0


def _expected(expected: Any, digit: Any) -> Any:
    """The expected value of a grade where the model's probabilities are known, else the digit it wrote."""
    return digit if expected is None else expected


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
    _one("medium", Kind.CHOICE, "what kind of picture it is", "observe", "medium", values=MEDIA),
    _number("medium_confidence", "how sure that is", "observe", "confidence", low=0, high=1),
    _number("photo_probability", "how likely it is a photograph", "observe", "is_photo_probability", low=0, high=1),
    _number("flat_area", "how much of it is flat colour", "observe", "evidence", "zero_laplacian", low=0, high=1),
    Signal(
        "camera_known",
        Kind.FLAG,
        "whether a camera made it",
        (("technical", "exif", "make"), ("technical", "exif", "model"), ("technical", "width")),
        derive=_camera_known,
    ),
)
_MEASURED = (
    _number("subject_sharpness", "the sharpness of its sharpest part", "quality", "subject_sharpness", low=0, high=1),
    _number("sharpness", "its sharpness", "quality", "sharpness", low=0, high=1),
    _number(
        "sharpness_evenness",
        "how even its sharpness is in all directions",
        "quality",
        "sharpness_evenness",
        low=0,
        high=1,
    ),
    _number("median_brightness", "its median brightness", "quality", "exposure", "median", low=0, high=1),
    _number("bright_end", "its brightest tones", "quality", "exposure", "p95", low=0, high=1),
    _number("clipped_highlights", "its clipped highlights", "quality", "clipped_highlights", low=0, high=1),
    _number("clipped_shadows", "its clipped shadows", "quality", "clipped_shadows", low=0, high=1),
    _number("noise", "its noise", "quality", "noise", low=0),
    Signal(
        "long_side_px",
        Kind.NUMBER,
        "its size",
        (("technical", "width"), ("technical", "height")),
        low=1,
        derive=_long_side,
    ),
)
_COMPARED = (
    Signal(
        "group_kind",
        Kind.CHOICE,
        "whether it has near twins",
        (("group", "kind"), ("group", "best")),
        ("alone", "exact", "near_duplicate", "burst"),
        derive=_group_kind,
    ),
    _one("best_of_group", Kind.FLAG, "whether it is the best of its group", "group", "best"),
    _one("best_name", Kind.TEXT, "the name of the best of its group", "group", "best_name"),
    Signal(
        "sharpness_behind_best",
        Kind.NUMBER,
        "how it compares with the best of its group",
        (("group", "differences"),),
        derive=_behind_best,
    ),
    _number("scene_size", "how many images its scene has", "group", "scene_size", low=1),
    _number("scene_rank", "its rank within its scene", "group", "scene_rank", low=1),
    _number(
        "sharpness_in_scene", "its sharpness within its scene", "group", "in_scene", "sharpness", "place", low=0, high=1
    ),
)


def _of_the_model() -> list[Signal]:
    """One signal for each field of an observation that rules may read; texts are for people."""
    found: list[Signal] = []
    for field in FIELDS:
        name, path = f"model.{field.name}", ("observe", "model", "observation", field.name)
        match field:
            case Choice(values=values):
                found.append(_one(name, Kind.CHOICE, field.words, *path, values=values))
            case Flag():
                found.append(_one(name, Kind.FLAG, field.words, *path))
            case Several(values=values):
                found.append(_one(name, Kind.LIST, field.words, *path, values=values))
            case Grade():
                grade = ("observe", "model", "grades", field.name)
                paths = ((*grade, "expected"), path)
                found.append(Signal(name, Kind.NUMBER, field.words, paths, low=1, high=5, derive=_expected))
                words = f"how sure the model is of {field.words}"
                found.append(_number(f"{name}_entropy", words, *grade, "entropy", low=0, high=1))
    return found


SIGNALS: Mapping[str, Signal] = {s.name: s for s in (*_SEEN, *_MEASURED, *_COMPARED, *_of_the_model())}

MODEL = "model."
"""How names of signals begin that only a vision-language model gives."""


def _checked(signal: Signal) -> Callable[[Any], Value]:
    """What gives back a value of the signal's type, and None for any other."""
    allowed = frozenset(signal.values)

    def number(found: Any) -> Value:
        kind = type(found)
        return found if (kind is float and found - found == 0.0) or kind is int else None  # not of infinity or NaN

    def choice(found: Any) -> Value:
        return found if type(found) is str and found in allowed else None

    def flag(found: Any) -> Value:
        return found if found is True or found is False else None

    def several(found: Any) -> Value:
        return tuple(found) if isinstance(found, list | tuple) and all(v in allowed for v in found) else None

    def text(found: Any) -> Value:
        return found if type(found) is str else None

    kinds = {Kind.NUMBER: number, Kind.CHOICE: choice, Kind.FLAG: flag, Kind.LIST: several, Kind.TEXT: text}
    return kinds[signal.kind]


_CHECKED = {signal.name: _checked(signal) for signal in SIGNALS.values()}


def read_signals(facts: Facts, names: Collection[str] | None = None) -> dict[str, Value]:
    """The signals of one image: those of *names*, or all of them."""
    wanted = SIGNALS.values() if names is None else [SIGNALS[name] for name in names]
    return {signal.name: signal.of([at(facts, path) for path in signal.paths]) for signal in wanted}


class Reader:
    """Reads some signals from what is at their paths: facts need not be built to decide about a million images."""

    def __init__(self, names: Collection[str]) -> None:
        chosen = [SIGNALS[name] for name in names]
        self.paths: tuple[Path, ...] = tuple(sorted({path for signal in chosen for path in signal.paths}))
        where = {path: index for index, path in enumerate(self.paths)}
        self._plain = [(s.name, _CHECKED[s.name], where[s.paths[0]]) for s in chosen if s.derive is None]
        self._derived = [
            (s.name, s.derive, _CHECKED[s.name], itemgetter(*(where[path] for path in s.paths)), len(s.paths) > 1)
            for s in chosen
            if s.derive is not None
        ]

    def read(self, row: Sequence[Any]) -> dict[str, Value]:
        """The signals, from the values at ``paths``. Signals that are not known are left out."""
        found: dict[str, Value] = {}
        for name, checked, index in self._plain:
            value = row[index]
            if value is not None:
                found[name] = checked(value)
        for name, derive, checked, at_paths, several in self._derived:
            value = derive(*at_paths(row)) if several else derive(at_paths(row))
            if value is not None:
                found[name] = checked(value)
        return found
