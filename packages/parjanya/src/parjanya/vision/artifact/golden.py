"""Golden answers: what the baked model says about pictures that are drawn by code, and whether it still says so.

Callers: ``bake`` records, ``attest`` compares. The model is handed in (``Model``): the engine that works with it is the one that
is asked, so whatever it does with a picture is part of the comparison. What this catches that hashes cannot: another kernel,
driver, library or setting that changes what the same bytes compute.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from parjanya.vision.artifact.pictures import PICTURES, encoded, identity
from parjanya.vision.artifact.problems import Problem, shown

TOP = 8
"""How many of the likeliest tokens are recorded."""
LOOKED_AT = 16
"""How many a model tells: a token may fall out of the first eight by a hair."""

PIXEL_TOLERANCE = 0.0005
"""Of mean and standard deviation of what goes into the vision part: the preparation is arithmetic, it hardly varies."""
LOGIT_TOLERANCE: Mapping[str, float] = {"float32": 0.005, "float64": 0.005}
"""How far a logit may lie from the declared one, by what the model computes in. The order in which a sum is added up differs
with the number of threads; that moved logits of a float32 model by at most 0.00001."""
COARSE_TOLERANCE = 0.5
"""The same for the 16-bit kinds: between 16 and 32, neighbours in bfloat16 lie 0.125 apart."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What a model makes of one picture, asked the prompt of the engine, greedily (no chance in it), alone in its batch."""

    grid: tuple[int, ...]
    """Patches: (1, rows, columns)."""
    pixel_mean: float
    pixel_std: float
    """Of the values that go into the vision part, over all patches and channels."""
    tokens: int
    """Length of the prompt with the picture in it."""
    top: tuple[tuple[int, float], ...]
    """The ``LOOKED_AT`` likeliest tokens at the first position of the answer, before any constraint: (token id, logit)."""
    answer: Mapping[str, Any]
    """The observation, decoded greedily under the constraint."""


class Model(Protocol):
    """A model that is ready, as the engine loads it."""

    @property
    def ran_on(self) -> str:
        """``cpu`` or the name of the accelerator, for people."""
        ...

    @property
    def dtype(self) -> str:
        """``float32``, ``bfloat16``, …: what it computes in."""
        ...

    def rendered(self) -> str:
        """The prompt as the chat template of this folder renders it, before the place of the picture is expanded."""
        ...

    def glimpse(self, picture: bytes) -> Glimpse:
        """What it makes of *picture*, a JPEG, through the engine's own preparation."""
        ...


def record(model: Model) -> tuple[dict[str, Any], list[Problem]]:
    """The component ``golden`` of a manifest, and why this model cannot be held to it."""
    problems = []
    canaries = []
    for name, draw in PICTURES:
        pixels = draw()
        picture = encoded(pixels)
        canary = {"picture": name, "sha256": identity(pixels), **_told(model.glimpse(picture))}
        again = model.glimpse(picture)
        problems += [
            Problem(subject, f"was {was} and a moment later {now}: answers that vary cannot be compared")
            for subject, was, now in _differ(canary, again, tolerance(model.dtype))
        ]
        canaries.append(canary)
    if all(canary["top"] == canaries[0]["top"] for canary in canaries):
        words = f"{len(canaries)} pictures give the same logits: it does not look at what it is shown"
        problems.append(Problem("golden answers", words))
    return {
        "ran_on": model.ran_on,
        "dtype": model.dtype,
        "logit_tolerance": tolerance(model.dtype),
        "prompt_sha256": _sha256(model.rendered()),
        "canaries": canaries,
    }, problems


def compare(declared: Mapping[str, Any], model: Model) -> Iterator[tuple[str, str | None, str | None]]:
    """(component, declared, found) of each golden answer that *model* does not give."""
    ran_on = f" (declared by {shown(str(declared.get('ran_on')), 60)}, asked {shown(model.ran_on, 60)})"
    if declared.get("dtype") != model.dtype:
        yield "golden dtype", shown(str(declared.get("dtype")), 20), model.dtype
        return
    prompt = _sha256(model.rendered())
    if declared.get("prompt_sha256") != prompt:
        yield "golden prompt", f"sha256 {shown(str(declared.get('prompt_sha256')), 64)}", f"sha256 {prompt}"
    canaries = declared.get("canaries")
    known = {c["picture"]: c for c in canaries if _is_canary(c)} if isinstance(canaries, list) else {}
    for name, draw in PICTURES:
        pixels = draw()
        if name not in known:
            yield f"golden picture {name}", None, "an answer that nothing was declared for"
        elif known[name]["sha256"] != identity(pixels):
            yield (
                f"golden picture {name}",
                known[name]["sha256"],
                f"{identity(pixels)}: this program draws another picture",
            )
        else:
            found = model.glimpse(encoded(pixels))
            for subject, was, now in _differ(known[name], found, tolerance(model.dtype)):
                yield subject, was, now + ran_on


def tolerance(dtype: str) -> float:
    """How far a logit of a model that computes in *dtype* may move."""
    return LOGIT_TOLERANCE.get(dtype, COARSE_TOLERANCE)


def _told(glimpse: Glimpse) -> dict[str, Any]:
    return {
        "grid": list(glimpse.grid),
        "pixel_mean": round(glimpse.pixel_mean, 6),
        "pixel_std": round(glimpse.pixel_std, 6),
        "tokens": glimpse.tokens,
        "top": [[token, round(logit, 4)] for token, logit in glimpse.top[:TOP]],
        "answer": dict(glimpse.answer),
    }


def _differ(canary: Mapping[str, Any], found: Glimpse, within: float) -> Iterator[tuple[str, str, str]]:
    """(component, declared, found) of everything in *found* that is not as in *canary*."""
    about = f"golden picture {canary['picture']}"
    for key, exact in (("grid", list(found.grid)), ("tokens", found.tokens)):
        if canary[key] != exact:
            yield f"{about}: {key}", str(canary[key]), str(exact)
    for key, near in (("pixel_mean", found.pixel_mean), ("pixel_std", found.pixel_std)):
        if not abs(canary[key] - near) <= PIXEL_TOLERANCE:  # so written that a NaN differs
            yield f"{about}: {key}", f"{canary[key]:.6f}", f"{near:.6f}"
    logits = dict(found.top)
    least = canary["top"][-1][1]
    for token, logit in canary["top"]:
        now = logits.get(token)
        if now is None and logit - least <= within:
            continue  # one of several about as likely, and others came first
        if now is None or not abs(now - logit) <= within:
            yield (
                f"{about}: logit of token {token}",
                f"{logit:.4f}",
                "not among the likeliest" if now is None else f"{now:.4f}",
            )
            break  # one says it: where one has moved, all have
    answer = canary["answer"]
    fields = sorted(key for key in answer.keys() | found.answer.keys() if answer.get(key) != found.answer.get(key))
    for key in fields[:3]:
        yield (
            f"{about}: answer {shown(key, 40)}",
            shown(str(answer.get(key)), 60),
            shown(str(found.answer.get(key)), 60),
        )


def _is_canary(canary: object) -> bool:
    """Whether *canary* has the shape that ``_told`` gives one: a manifest may have been written by anybody."""
    match canary:
        case {
            "picture": str(),
            "sha256": str(),
            "grid": list(),
            "pixel_mean": int() | float(),
            "pixel_std": int() | float(),
            "tokens": int(),
            "top": [_, *_] as top,
            "answer": dict(),
        }:
            return all(isinstance(t, list) and len(t) == 2 and isinstance(t[1], int | float) for t in top)
        case _:
            return False


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()
