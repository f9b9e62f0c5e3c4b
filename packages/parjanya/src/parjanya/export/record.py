"""One image as every exporter sees it.

Role: the single value that the contact sheet, the sidecar writer, CSV and JSON read. The catalog builds it from Truth;
the exporters never look anywhere else, so a new exporter cannot invent its own idea of a verdict.
Unknown is None, never 0: an image without a rating is not an image rated zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Picture = Path | Callable[[], bytes]
"""Where the bytes of a rendition come from: a file, or a function that reads them when they are wanted."""

VERDICTS = ("keep", "review", "reject")


@dataclass(frozen=True, slots=True)
class Failure:
    """A terminal failure: which *stage* gave up, its stable *code*, and whether a replay makes sense (*retriable*)."""

    stage: str
    code: str
    message: str
    retriable: bool

    def to_json(self) -> dict[str, object]:
        """Plain values, in the order in which people read them."""
        return {"stage": self.stage, "code": self.code, "message": self.message, "retriable": self.retriable}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the policy decided so: a stable *code*, one sentence, and the values it was decided on."""

    code: str
    text: str
    evidence: Mapping[str, object] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Plain values."""
        return {"code": self.code, "text": self.text, "evidence": dict(self.evidence)}


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """Everything that is known about one image, at one moment.

    ``path`` is for people to read; ``source`` is the file itself, whose name need not be valid UTF-8.
    ``width`` and ``height`` are pixels as displayed, ``exposure_s`` seconds, ``focal_length_mm`` millimetres,
    ``taken`` local time as the camera wrote it (``YYYY-MM-DDTHH:MM:SS``). ``group`` holds the facts of the group stage,
    ``scene`` the scene that it is in, with or without a group: ``name``, ``size``, ``rank``, ``in_scene``.

    ``engine`` is what saw the image: ``classical``, or the engine of a model, whose name (or manifest) is ``model``, what it
    said ``observed`` (grades as expected values in ``observed["grades"]`` where they are known) and how it ran ``execution``.
    ``medium`` is the model's where one looked; then ``medium_confidence`` is None, because a model says how sure it is in words
    (``observed["medium_sure"]``), and what the classical engine saw beside it is ``witness``.

    ``verdict`` is a person's where one decided (``decided_by`` is ``human``, ``override`` says who, when and why), else the
    policy's; ``policy_verdict`` is the policy's in either case, and ``conflict`` says that the two differ.
    """

    id: str
    tenant: str
    path: str
    source: Path
    status: str
    sha256: str | None = None
    failure: Failure | None = None
    verdict: str | None = None
    decided_by: str | None = None
    policy_verdict: str | None = None
    conflict: bool = False
    override: Mapping[str, object] | None = None
    reasons: tuple[Reason, ...] = ()
    rating: int | None = None
    label: str | None = None
    medium: str | None = None
    medium_confidence: float | None = None
    engine: str | None = None
    model: str | None = None
    observed: Mapping[str, object] = field(default_factory=dict)
    execution: Mapping[str, object] = field(default_factory=dict)
    witness: Mapping[str, object] | None = None
    scores: Mapping[str, float | None] = field(default_factory=dict)
    group: Mapping[str, object] | None = None
    scene: Mapping[str, object] | None = None
    policy: str | None = None
    policy_tag: str | None = None
    policy_version: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    width: int | None = None
    height: int | None = None
    taken: str | None = None
    camera: str | None = None
    lens: str | None = None
    iso: int | None = None
    f_number: float | None = None
    exposure_s: float | None = None
    focal_length_mm: float | None = None
    thumb: Picture | None = None
    large: Picture | None = None

    @property
    def group_id(self) -> str | None:
        """The name of the group this image belongs to, None when it stands alone."""
        value = (self.group or {}).get("group")
        return None if value is None else str(value)

    def to_json(self) -> dict[str, object]:
        """The object that ``parjanya images`` prints: contracted keys first and in order, then the rest."""
        return {
            "id": self.id,
            "tenant": self.tenant,
            "path": readable(self.path),
            "sha256": self.sha256,
            "status": self.status,
            "verdict": self.verdict,
            "reasons": [reason.to_json() for reason in self.reasons],
            "medium": self.medium,
            "scores": dict(self.scores),
            "group": None if self.group is None else dict(self.group),
            "policy_version": self.policy_version,
            "versions": dict(self.versions),
            "failure": None if self.failure is None else self.failure.to_json(),
            "rating": self.rating,
            "label": self.label,
            "medium_confidence": self.medium_confidence,
            "width": self.width,
            "height": self.height,
            "taken": self.taken,
            "camera": self.camera,
            "lens": self.lens,
            "iso": self.iso,
            "f_number": self.f_number,
            "exposure_s": self.exposure_s,
            "focal_length_mm": self.focal_length_mm,
            "engine": self.engine,
            "model": self.model,
            "observed": dict(self.observed),
            "execution": dict(self.execution),
            "witness": None if self.witness is None else dict(self.witness),
            "decided_by": self.decided_by,
            "policy_verdict": self.policy_verdict,
            "conflict": self.conflict,
            "override": None if self.override is None else dict(self.override),
            "scene": None if self.scene is None else dict(self.scene),
            "policy": self.policy,
            "policy_tag": self.policy_tag,
        }


def readable(text: str) -> str:
    r"""*text* without lone surrogates: a byte that is not UTF-8 in a file name is shown as ``\xNN``.

    Half a surrogate pair cannot be written to any of our formats, and one bad name must not cost the whole export.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return _spell_out(text)
    return text


def _spell_out(text: str) -> str:
    return "".join(
        f"\\x{ord(c) - 0xDC00:02x}" if 0xDC80 <= ord(c) <= 0xDCFF else "\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c
        for c in text
    )
