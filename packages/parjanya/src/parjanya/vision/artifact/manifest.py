"""The manifest: a JSON document of format ``parjanya-model/1`` that names itself by its own SHA-256.

Callers: ``bake`` writes one, ``attest`` compares with one, engines stamp its id on what they answer. A manifest comes from
outside, so it is bounded, and its parts are looked up, never trusted to be there.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parjanya.vision.artifact.problems import ArtifactError, EditedManifestError, NoManifestError, shown
from tbie.core.fingerprint import canonical_json

NAME = "parjanya-manifest.json"
"""File name inside of a model folder. It is the one file that a manifest does not list."""
FORMAT = "parjanya-model/1"
MOST_BYTES = 16 << 20

_FAMILY = "parjanya-model/"
_PARTS = (
    *("model", "files", "tensors", "tokenizer", "chat_template", "processor", "generation"),
    *("remote_code", "packages", "image", "scoring", "golden"),
)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was baked."""

    document: Mapping[str, Any]
    """Without the id."""

    @property
    def id(self) -> str:
        """64 hex digits: SHA-256 of the canonical JSON of the document."""
        return identify(self.document)

    @property
    def files(self) -> Mapping[str, Mapping[str, Any]]:
        """By name inside of the folder: ``sha256`` and ``bytes``."""
        files: Mapping[str, Mapping[str, Any]] = self.document["files"]
        return files

    @property
    def scoring(self) -> Mapping[str, Any]:
        """What the engine was to ask, and how, when this was baked; empty if that was not bound."""
        scoring: Mapping[str, Any] = self.document["scoring"] or {}
        return scoring

    @property
    def has_golden(self) -> bool:
        """Whether it holds golden answers."""
        return bool(self.document["golden"])

    def part(self, name: str) -> Mapping[str, Any]:
        """One component of the document, by name."""
        part: Mapping[str, Any] = self.document[name] or {}
        return part

    def to_text(self) -> str:
        """As it is written: JSON that people can read, too."""
        return json.dumps({"id": self.id, **self.document}, indent=1, sort_keys=False, ensure_ascii=True) + "\n"


def identify(document: Mapping[str, Any]) -> str:
    """The id of the manifest with this *document* (which holds no id)."""
    return hashlib.sha256(canonical_json(dict(document)).encode()).hexdigest()


def parse(text: str | bytes, source: str) -> Manifest:
    """The manifest in *text*, which was found at *source* (for messages).

    Raises:
        ArtifactError: it is none, one of a newer format, or one that was changed after it was made.
    """
    where = shown(source)
    if len(text) > MOST_BYTES:
        raise ArtifactError(f"{where}: {len(text)} bytes are no manifest (at most {MOST_BYTES})")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{where} is no manifest: {shown(str(error))}. Bake the model again.") from error
    if not isinstance(document, dict) or not isinstance(document.get("format"), str):
        raise ArtifactError(f"{where} is no manifest: it names no format. Bake the model again.")
    if document["format"] != FORMAT:
        raise _other_format(where, document["format"])
    said = document.pop("id", None)
    _check(where, document)
    try:
        found = identify(document)
    except ValueError as error:
        raise ArtifactError(f"{where} is no manifest: {shown(str(error))}. Bake the model again.") from error
    if said != found:
        raise EditedManifestError(
            f"{where} was changed after it was made: it says id {shown(str(said), 64)}, its content has {found}. "
            "A manifest is never edited: bake the model again."
        )
    return Manifest(document)


def read(path: Path) -> Manifest:
    """The manifest in the file *path*.

    Raises:
        ArtifactError: there is none, or ``parse`` refuses it.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise NoManifestError(f"{shown(str(path))} is missing: `parjanya model bake` makes it") from error
    except OSError as error:
        raise ArtifactError(f"{shown(str(path))} cannot be read: {(error.strerror or str(error)).lower()}") from error
    return parse(text, str(path))


def _other_format(where: str, said: str) -> ArtifactError:
    if said.startswith(_FAMILY):
        return ArtifactError(
            f"{where} has the format {shown(said, 40)}, this program knows {FORMAT}: "
            "use the version of the program that made it, or bake the model again with this one"
        )
    return ArtifactError(f"{where} is no manifest of a model: its format is {shown(said, 40)}, not {FORMAT}")


def _check(where: str, document: dict[str, Any]) -> None:
    """That every part is there and of its kind, so that whoever reads it need not ask again."""
    missing = [part for part in _PARTS if part not in document]
    if missing:
        raise ArtifactError(f"{where} is no complete manifest: it lacks {', '.join(missing)}. Bake the model again.")
    wrong = [part for part in _PARTS if not isinstance(document[part], dict | None)]
    files = document["files"]
    if not isinstance(files, dict) or not files:
        wrong.append("files")
    elif not all(_is_file(entry) for entry in files.values()):
        wrong.append("files (each has sha256 and bytes)")
    if wrong:
        raise ArtifactError(f"{where} is no manifest: these parts are not what they should be: {', '.join(wrong)}")


def _is_file(entry: object) -> bool:
    match entry:
        case {"sha256": str(digest), "bytes": int(size)}:
            return _SHA256.fullmatch(digest) is not None and not isinstance(size, bool) and size >= 0
        case _:
            return False
