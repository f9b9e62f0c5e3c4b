"""Whether a machine is all that its record says (before it is published), and the image that was asked for (at each start)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from machine import FILES, MANIFEST, UNIT, Places, RefusedError, program
from record import NO_MODEL, Image, parse

HERE = Path(__file__).resolve().parent


def missing(at: Places, golden: bool = False) -> list[str]:
    """Everything that keeps this machine from being an image: one line each, empty if nothing does."""
    problems = [
        f"{what} is missing: {path}"
        for what, path in (
            ("the program", at.program),
            ("the hash of the lock", at.lock),
            ("the unit", at.unit),
            *((f"the file {name}", at.image / name) for name in FILES),
        )
        if not path.is_file()
    ]
    if at.unit.is_file() and at.unit.read_bytes() != (HERE / UNIT).read_bytes():
        problems.append(f"the unit {at.unit} is not the one of this recipe")
    try:
        (image,) = parse(at.record.read_text(), str(at.record))
    except (OSError, ValueError) as error:
        return [*problems, f"what this machine is, nobody wrote down: {error}"]
    if at.lock.is_file() and at.lock.read_text() != image.lock:
        problems.append("programs were installed from another lock after the image was baked: bake again")
    if (at.told).exists():
        problems.append(f"{at.told} belongs to one instance and not into an image: delete it")
    if image.manifest is not None and at.program.is_file():
        problems += _model_problems(at, image, golden)
    return problems


def _model_problems(at: Places, image: Image, golden: bool) -> Iterator[str]:
    """What is wrong with the model: asked of the program that will have to work with it."""
    if not (at.model / MANIFEST).is_file():
        yield f"the manifest of the model is missing: {at.model / MANIFEST}"
        return
    try:
        program(at, ["model", "verify", str(at.model), *(["--golden"] if golden else [])])
    except RefusedError as refused:
        yield from refused.problems
        return
    document = json.loads((at.model / MANIFEST).read_text())
    if document["id"] != image.manifest:
        yield f"the model has manifest {document['id'][:12]}, the record says {str(image.manifest)[:12]}: bake again"
    baked_for = (document.get("image") or {}).get("tag")
    if baked_for != image.tag:
        yield f"the model was baked for image {baked_for}, this is {image.tag}: bake again"


def expected(at: Places, told: Mapping[str, str]) -> None:
    """Refuse to be another image than the launch template expects; then write down where the system lives.

    Raises:
        RefusedError: this is another image, or the instance was told too little.
    """
    try:
        (image,) = parse(at.record.read_text(), str(at.record))
    except (OSError, ValueError) as error:
        raise RefusedError([f"this machine does not know what it is: {error}"]) from error
    pairs = {
        "PARJANYA_POOL": image.pool,
        "PARJANYA_EXPECTED_IMAGE": image.tag,
        "PARJANYA_EXPECTED_MANIFEST": image.manifest or NO_MODEL,
    }
    wrong = [
        f"{name}: expected {told.get(name)}, this image is {have}"
        for name, have in pairs.items()
        if told.get(name) != have
    ]
    lacking = [name for name in ("PARJANYA_REGION", "PARJANYA_PREFIX", "PARJANYA_BUCKET") if not told.get(name)]
    wrong += [f"{name} was not told" for name in lacking]
    if wrong:
        raise RefusedError(["stale_image_tag (incident 6a): the launch template started another image", *wrong])
    at.home.mkdir(parents=True, exist_ok=True)
    where = {name: told[f"PARJANYA_{name.upper()}"] for name in ("region", "prefix", "bucket")}
    draft = at.home / "profile.json.draft"
    draft.write_text(json.dumps({"profile": "aws", **where}, indent=2) + "\n")
    draft.replace(at.home / "profile.json")
