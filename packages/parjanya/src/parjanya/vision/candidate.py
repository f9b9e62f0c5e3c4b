"""What grouping and ranking need to know about one image, read from its stored facts.

Callers: ``parjanya.vision.grouping`` and whoever loads the images of a tenant for the stage ``group``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

Facts = Mapping[str, object]

_NOTHING_KNOWN = ("na", "unsure")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One image of a tenant. Every field but ``item``, ``path`` and ``sha256`` may be unknown (None), never zero
    instead.

    ``taken_ms`` counts on the camera's own clock (local time, no zone): only differences on one camera mean anything.
    ``eyes``, ``focus``, ``exposure`` and ``expression`` are what a model saw (``parjanya.observation.fields``), None
    without one, and where it says that there is nothing to see or that it is not sure.
    ``stored_group`` holds the group facts committed before, None if there are none.
    """

    item: str
    path: str
    sha256: str
    phash: str | None = None
    camera: tuple[str, str, str] | None = None
    taken_ms: int | None = None
    size_bytes: int | None = None
    pixels: int | None = None
    sharpness: float | None = None
    clipped: float | None = None
    noise: float | None = None
    eyes: str | None = None
    focus: str | None = None
    exposure: str | None = None
    expression: str | None = None
    stored_group: Facts | None = None

    @property
    def name(self) -> str:
        """The file name, for sentences."""
        return self.path.replace("\\", "/").rsplit("/", 1)[-1]

    @classmethod
    def of(cls, item: str, attributes: Facts, facts: Mapping[str, Facts], stored_group: Facts | None) -> Candidate:
        """Read a candidate from an item's *attributes* and the *facts* of its stages ``technical``, ``quality`` and
        ``observe``.

        Raises:
            ValueError: the facts hold no SHA-256, so this image has not been read yet and cannot be compared.
        """
        technical, quality = facts.get("technical", {}), facts.get("quality", {})
        sha256 = technical.get("sha256")
        if not isinstance(sha256, str):
            raise ValueError(f"{item} has no SHA-256 in its technical facts")  # noqa: TRY004 -- the value is missing, not of a wrong type
        exif = technical.get("exif")
        exif = exif if isinstance(exif, Mapping) else {}
        phash = technical.get("phash")
        width, height = _number(technical.get("width")), _number(technical.get("height"))
        lost = [_number(quality.get("clipped_highlights")), _number(quality.get("clipped_shadows"))]
        size = _number(technical.get("bytes"))
        seen = _observation(facts.get("observe", {}))
        return cls(
            item=item,
            path=str(attributes.get("path", item)),
            sha256=sha256,
            phash=phash if isinstance(phash, str) else None,
            camera=_camera(exif),
            taken_ms=_taken_ms(exif.get("taken")),
            size_bytes=None if size is None else int(size),
            pixels=None if width is None or height is None else int(width * height),
            sharpness=_number(quality.get("subject_sharpness")),
            clipped=None if lost[0] is None or lost[1] is None else lost[0] + lost[1],
            noise=_number(quality.get("noise")),
            eyes=_choice(seen.get("eyes")),
            focus=_choice(seen.get("focus_on_subject")),
            exposure=_choice(seen.get("exposure")),
            expression=_choice(seen.get("expression")),
            stored_group=stored_group,
        )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _observation(observe: Facts) -> Facts:
    """What the model saw, nothing without a model."""
    model = observe.get("model")
    seen = model.get("observation") if isinstance(model, Mapping) else None
    return seen if isinstance(seen, Mapping) else {}


def _choice(value: object) -> str | None:
    return value if isinstance(value, str) and value not in _NOTHING_KNOWN else None


def _camera(exif: Facts) -> tuple[str, str, str] | None:
    """(make, model, serial); None unless the model is known: two unknown cameras are not the same camera."""
    model = exif.get("model")
    if not isinstance(model, str) or not model.strip():
        return None
    return str(exif.get("make") or ""), model, str(exif.get("serial") or "")


def _taken_ms(taken: object) -> int | None:
    local = taken.get("local") if isinstance(taken, Mapping) else None
    if not isinstance(local, str):
        return None
    try:
        moment = datetime.fromisoformat(local)
    except ValueError:
        return None
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)
