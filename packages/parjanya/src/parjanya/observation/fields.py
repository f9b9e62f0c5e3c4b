"""The fields of an observation, as data: name, kind, allowed values. Everything else about observations is derived from this.

Callers: ``schema`` makes the JSON schema that engines decode under, ``validate`` checks what came back, the policies' registry
of signals makes a typed signal of every field that rules may read.

The order is from fact to judgement, because a model writes from left to right: what it has said it sees should inform how it
grades. There is no overall score and no field for accepting or rejecting: a model observes, rules decide. Grades are one
digit, so that one token carries the model's own probabilities for all five levels (bad, poor, fair, good, excellent). Texts
come last, are bounded by a pattern (not by a length, which some constraint engines get wrong), and no rule may read them.
"""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA_NAME = "observation/1"
"""Raise the number when a field changes its name, kind, values or meaning."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Exactly one of *values*."""

    name: str
    values: tuple[str, ...]
    words: str
    """As in "… is not known", and what the prompt asks for."""


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Grade:
    """1 bad, 2 poor, 3 fair, 4 good, 5 excellent."""

    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Several:
    """One to *most* different ones of *values*."""

    name: str
    values: tuple[str, ...]
    most: int
    words: str


@dataclass(frozen=True, slots=True)
class Text:
    """One to *most* characters out of ``TEXT_CHARACTERS``: for people, never for rules."""

    name: str
    most: int
    words: str


Field = Choice | Flag | Grade | Several | Text

TEXT_CHARACTERS = r"[A-Za-z0-9 ,.'()-]"
"""What a text may consist of: nothing that means anything in JSON, HTML, XML or a terminal."""

MEDIA = (
    "photo",
    "edited_photo",
    "screenshot",
    "scan_or_document",
    "slide",
    "poster",
    "banner",
    "infographic",
    "chart_or_diagram",
    "social_card",
    "illustration",
    "render",
    "mockup",
    "logo",
    "collage",
    "other",
)

FIELDS: tuple[Field, ...] = (
    # what it is
    Choice("medium", MEDIA, "what kind of picture the model sees"),
    Choice("medium_sure", ("certain", "likely", "unsure"), "how sure the model is of the kind"),
    Choice("interface_elements", ("none", "minor", "dominant"), "whether it shows a program's interface"),
    Choice("overlay_text", ("none", "watermark_or_date", "caption", "dominant"), "text laid over the picture"),
    Choice("scene_text", ("none", "incidental", "dominant"), "text that is part of the scene"),
    Choice("border", ("none", "thin_frame", "letterbox", "device_frame", "white_canvas"), "what frames it"),
    Flag("logo", "whether it shows a logo laid over it"),
    Choice("flat_graphic_area", ("none", "some", "most"), "how much of it is flat graphics"),
    # what is in it
    Choice(
        "genre",
        (
            "portrait",
            "group",
            "event",
            "street",
            "landscape",
            "architecture",
            "wildlife",
            "macro",
            "sport",
            "food",
            "product",
            "night",
            "aerial",
            "documentary",
            "abstract",
            "other",
        ),
        "its genre",
    ),
    Choice("people", ("0", "1", "2", "3-5", "6-20", "many"), "how many people are in it"),
    Choice("faces", ("none", "some", "all"), "whose faces are visible"),
    Choice("eyes", ("na", "unsure", "open", "some_closed", "all_closed"), "whether eyes are closed"),
    Choice("expression", ("na", "poor", "neutral", "good"), "how people look"),
    # how it was taken
    Choice("focus_on_subject", ("na", "unsure", "yes", "missed"), "whether the focus is on the subject"),
    Choice(
        "blur", ("none", "motion_unintended", "motion_intended", "defocus", "dirty_lens"), "what kind of blur it has"
    ),
    Choice("exposure", ("under", "slightly_under", "right", "slightly_over", "over"), "how it is exposed"),
    Choice("clipped", ("none", "highlights", "shadows", "both"), "which tones are lost"),
    Choice(
        "white_balance",
        ("right", "warm_cast", "cool_cast", "green_or_magenta_cast", "creative", "monochrome"),
        "its white balance",
    ),
    Several(
        "artifacts",
        (
            "none",
            "compression",
            "banding",
            "halos",
            "moire",
            "flare",
            "chromatic_aberration",
            "upscaled",
            "generated_look",
        ),
        2,
        "what processing left in it",
    ),
    Choice("horizon", ("na", "level", "tilted", "intended"), "whether the horizon is level"),
    Choice("distraction", ("none", "minor", "major"), "what distracts from the subject"),
    Choice(
        "sensitive",
        ("none", "nudity", "violence", "minor_in_sensitive_context", "identity_document", "medical"),
        "whether it needs care",
    ),
    # grades
    Grade("sharp", "how sharp the model finds it"),
    Grade("clean", "how free of noise the model finds it"),
    Grade("composition", "its composition"),
    Grade("light", "its light"),
    Grade("colour", "its colour"),
    Grade("separation", "how the subject stands out"),
    Grade("moment", "the moment it caught"),
    # for people
    Text("subject", 40, "its main subject"),
    Text("note", 120, "a note for people"),
)

BY_NAME = {field.name: field for field in FIELDS}
GRADES = tuple(field.name for field in FIELDS if isinstance(field, Grade))
