"""Which of several like images is the best, and in which words the others differ.

Caller: ``parjanya.vision.grouping``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from parjanya.vision.candidate import Candidate

Key = tuple[object, ...]


class _Measure(NamedTuple):
    """One property that can speak for an image: *step* is the difference that counts as one."""

    name: str
    read: Callable[[Candidate], float | None]
    step: float
    higher_is_better: bool
    phrase: str


_MEASURES = (
    _Measure("sharpness", lambda c: c.sharpness, 0.03, higher_is_better=True, phrase="{:.2f} sharper"),
    _Measure("clipped", lambda c: c.clipped, 0.02, higher_is_better=False, phrase="{:.0%} less of it clipped"),
    _Measure("noise", lambda c: c.noise, 1.0, higher_is_better=False, phrase="{:.1f} levels less noise"),
    _Measure("pixels", lambda c: c.pixels, 1.0, higher_is_better=True, phrase="{:,.0f} more pixels"),
    _Measure("bytes", lambda c: c.size_bytes, 1.0, higher_is_better=True, phrase="{:,.0f} more bytes"),
)
_BY_NAME = {measure.name: measure for measure in _MEASURES}
_BLURRED = 0.33  # below it hardly any photograph lies that was in focus (docs/quality.md)
_SHOTS = ("sharpness", "clipped", "pixels", "noise", "bytes")
_COPIES = ("pixels", "sharpness", "clipped", "noise", "bytes")


def _last(candidate: Candidate) -> Key:
    """What decides when nothing else does: the shallower, then the shorter path, then the alphabet. Total and stable.

    Copies are named after their originals: ``IMG_1 copy.jpg`` is longer than ``IMG_1.jpg``.
    """
    return candidate.path.count("/"), len(candidate.path), candidate.path, candidate.item


def _key(candidate: Candidate, names: tuple[str, ...]) -> Key:
    parts: list[tuple[bool, float]] = []
    for name in names:
        measure = _BY_NAME[name]
        value = measure.read(candidate)
        steps = 0.0 if value is None else round(value / measure.step)
        parts.append((value is None, -steps if measure.higher_is_better else steps))
    return (*parts, *_last(candidate))


def shot_key(candidate: Candidate) -> Key:
    """Order of frames of one moment, best first: sharpness, then clipping, resolution, noise."""
    return _key(candidate, _SHOTS)


def copy_key(candidate: Candidate) -> Key:
    """Order of versions of one picture, best first: the one a camera made, then resolution, then as for frames.

    A shrunk copy looks as sharp as its original at viewing size, so resolution has to speak before small differences in
    sharpness; but a version in which nothing is sharp is never the best of those in which something is.
    """
    blurred = candidate.sharpness is None or candidate.sharpness < _BLURRED
    return (blurred, candidate.camera is None, *_key(candidate, _COPIES))


def exact_key(candidate: Candidate) -> Key:
    """Order of byte-identical files: only their names differ."""
    return _last(candidate)


def differences(this: Candidate, best: Candidate) -> list[dict[str, object]]:
    """How *best* is better, or *this* is, one entry per measure that differs by at least one step."""
    found: list[dict[str, object]] = []
    for measure in _MEASURES:
        mine, other = measure.read(this), measure.read(best)
        if mine is None or other is None or abs(mine - other) < measure.step:
            continue
        best_is_better = (other > mine) == measure.higher_is_better
        phrase = measure.phrase.format(abs(other - mine))
        text = f"{best.name}: {phrase} than this one" if best_is_better else f"this one: {phrase} than {best.name}"
        found.append({"measure": measure.name, "this": mine, "best": other, "text": text})
    return found
