"""Which of several like images is the best, and in which words the others differ.

Callers: ``parjanya.vision.grouping``, ``parjanya.vision.scenes``. There is no score: images are compared measure by measure, in
an order that is written down here, and a measure only speaks where the difference is one that people see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from parjanya.vision.candidate import Candidate

Key = tuple[object, ...]


class Measure(NamedTuple):
    """One measured property that can speak for an image: *step* is the difference that counts as one."""

    name: str
    read: Callable[[Candidate], float | None]
    step: float
    higher_is_better: bool
    phrase: str

    def steps(self, candidate: Candidate) -> int | None:
        """How many steps good it is: more is better. None if it is not known."""
        value = self.read(candidate)
        if value is None:
            return None
        steps = round(value / self.step)
        return steps if self.higher_is_better else -steps


class Seen(NamedTuple):
    """One thing that a model saw: its values, with the penalty of each, and how to say them."""

    name: str
    read: Callable[[Candidate], str | None]
    values: Mapping[str, tuple[int, str]]

    def penalty(self, candidate: Candidate) -> int:
        """What is not known speaks against no image."""
        return self.values.get(self.read(candidate) or "", (0, ""))[0]


MEASURES = (
    Measure("sharpness", lambda c: c.sharpness, 0.03, higher_is_better=True, phrase="{:.2f} sharper"),
    Measure("clipped", lambda c: c.clipped, 0.02, higher_is_better=False, phrase="{:.0%} less of it clipped"),
    Measure("noise", lambda c: c.noise, 1.0, higher_is_better=False, phrase="{:.1f} levels less noise"),
    Measure("pixels", lambda c: c.pixels, 1.0, higher_is_better=True, phrase="{:,.0f} more pixels"),
    Measure("bytes", lambda c: c.size_bytes, 1.0, higher_is_better=True, phrase="{:,.0f} more bytes"),
)
_SEEN = (
    Seen(
        "eyes",
        lambda c: c.eyes,
        {"open": (0, "eyes open"), "some_closed": (1, "some eyes closed"), "all_closed": (2, "eyes closed")},
    ),
    Seen(
        "focus",
        lambda c: c.focus,
        {"yes": (0, "focus on the subject"), "missed": (1, "focus not on the subject")},
    ),
    Seen(
        "expression",
        lambda c: c.expression,
        {"good": (0, "good expression"), "neutral": (0, "neutral expression"), "poor": (1, "poor expression")},
    ),
    Seen(
        "exposure",
        lambda c: c.exposure,
        {
            "right": (0, "rightly exposed"),
            "slightly_under": (0, "slightly underexposed"),
            "slightly_over": (0, "slightly overexposed"),
            "under": (1, "underexposed"),
            "over": (1, "overexposed"),
        },
    ),
)
_MEASURED = {measure.name: measure for measure in MEASURES}
_LOOKED_AT = {seen.name: seen for seen in _SEEN}
_BLURRED = 0.33  # below it hardly any photograph lies that was in focus (docs/quality.md)
_SHOTS = ("eyes", "focus", "sharpness", "expression", "clipped", "exposure", "pixels", "noise", "bytes")
_COPIES = ("pixels", "sharpness", "clipped", "noise", "bytes")


def _last(candidate: Candidate) -> Key:
    """What decides when nothing else does: the shallower, then the shorter path, then the alphabet. Total and stable.

    Copies are named after their originals: ``IMG_1 copy.jpg`` is longer than ``IMG_1.jpg``.
    """
    return candidate.path.count("/"), len(candidate.path), candidate.path, candidate.item


def _key(candidate: Candidate, names: tuple[str, ...]) -> Key:
    parts: list[tuple[bool, int]] = []
    for name in names:
        if name in _LOOKED_AT:
            parts.append((False, _LOOKED_AT[name].penalty(candidate)))
            continue
        steps = _MEASURED[name].steps(candidate)
        parts.append((steps is None, -(steps or 0)))
    return (*parts, *_last(candidate))


def shot_key(candidate: Candidate) -> Key:
    """Order of frames of one moment, best first: open eyes, focus on the subject, sharpness, expression, clipping,
    exposure, resolution, noise. What only a model sees is passed over where there is none.
    """
    return _key(candidate, _SHOTS)


def copy_key(candidate: Candidate) -> Key:
    """Order of versions of one picture, best first: the one a camera made, then resolution, then as for frames.

    A shrunk copy looks as sharp as its original at viewing size, so resolution has to speak before small differences in
    sharpness; but a version in which nothing is sharp is never the best of those in which something is. What a model
    saw does not count: it is one picture, and two answers about it differ by chance.
    """
    blurred = candidate.sharpness is None or candidate.sharpness < _BLURRED
    return (blurred, candidate.camera is None, *_key(candidate, _COPIES))


def exact_key(candidate: Candidate) -> Key:
    """Order of byte-identical files: only their names differ."""
    return _last(candidate)


def differences(this: Candidate, best: Candidate) -> list[dict[str, object]]:
    """How *best* is better, or *this* is: one entry for each thing that differs and is known of both, what was seen before
    what was measured.
    """
    return [*_seen(this, best), *_measured(this, best)]


def _seen(this: Candidate, best: Candidate) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for seen in _SEEN:
        mine, other = seen.read(this), seen.read(best)
        if mine is None or other is None or mine == other or not {mine, other} <= set(seen.values):
            continue
        text = f"{best.name}: {seen.values[other][1]}; this one: {seen.values[mine][1]}"
        found.append({"measure": seen.name, "this": mine, "best": other, "text": text})
    return found


def _measured(this: Candidate, best: Candidate) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for measure in MEASURES:
        mine, other = measure.read(this), measure.read(best)
        if mine is None or other is None or abs(mine - other) < measure.step:
            continue
        best_is_better = (other > mine) == measure.higher_is_better
        phrase = measure.phrase.format(abs(other - mine))
        text = f"{best.name}: {phrase} than this one" if best_is_better else f"this one: {phrase} than {best.name}"
        found.append({"measure": measure.name, "this": mine, "best": other, "text": text})
    return found
