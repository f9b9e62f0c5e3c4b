"""A model folder as it is now: the part of a manifest that it answers for, and everything that is wrong with it.

Callers: ``bake`` keeps what comes out, ``attest`` compares it. One function for both, so that what was declared and what is
found can differ only in the folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parjanya.vision.artifact import closure, components, weights
from parjanya.vision.artifact.components import (
    CONFIG,
    GENERATION,
    PREPROCESSOR,
    PROCESSOR,
    TEMPLATE,
    TEMPLATE_JSON,
    TOKENIZER,
    TOKENIZER_CONFIG,
)
from parjanya.vision.artifact.digest import Digest, Progress, content, digest_all, unreadable
from parjanya.vision.artifact.folder import Listing, Stamp, list_folder
from parjanya.vision.artifact.problems import Problem, file, shown

MOST_TEXT_BYTES = 4 << 20
"""Of a JSON file or a template."""
LARGER = {TOKENIZER: 64 << 20, weights.INDEX: 32 << 20}
"""The same of two that grow with the vocabulary and the model. The largest known tokenizer has 33 MB."""
MOST_CODE_BYTES = 1 << 20

REQUIRED = {
    CONFIG: "nothing says what the weights are",
    TOKENIZER: "no text becomes tokens",
    TOKENIZER_CONFIG: "the tokenizer has no settings",
    GENERATION: "a loader would take other rules for where an answer ends",
}
"""Files without which a folder is no model, and why. Processor, template and weights have several possible places."""

_READ = (
    *(CONFIG, GENERATION, PREPROCESSOR, PROCESSOR, TOKENIZER, TOKENIZER_CONFIG, TEMPLATE_JSON),
    *("video_preprocessor_config.json", weights.INDEX),
)


@dataclass(slots=True)
class Examined:
    """What was found."""

    document: dict[str, Any]
    """The components of a manifest that a folder answers for. A file that was not read has no ``sha256``."""
    problems: list[Problem] = field(default_factory=list)
    stamps: Mapping[str, Stamp] = field(default_factory=dict)
    """What the file system said of each file before it was read."""


def examine(root: Path, weights_too: bool, progress: Progress | None = None) -> Examined:
    """Look at everything in the folder *root*; with *weights_too* read the weights and not only their headers."""
    listing = list_folder(root)
    problems = list(listing.problems)
    refused = {problem.subject for problem in problems}
    problems += [
        Problem(file(name), f"is missing: {why}")
        for name, why in REQUIRED.items()
        if name not in listing.files and file(name) not in refused
    ]
    files, trouble = _hash(root, listing, weights_too, progress)
    problems += trouble
    texts = _Texts(root, listing)
    documents = {name: parsed for name in _READ if (parsed := texts.json(name)) is not None}
    found = {
        "model": components.model(documents),
        "tokenizer": components.tokenizer(documents),
        "chat_template": components.chat_template(documents, texts.text(TEMPLATE)),
        "processor": components.processor(documents),
        "generation": components.generation(documents),
    }
    problems += [problem for _, some in found.values() for problem in some]
    tensors, trouble = weights.read_weights(root, listing.files)
    problems += trouble
    problems += weights.agree(tensors, documents.get(weights.INDEX), documents.get(CONFIG, {}))
    needed = closure.needs(documents, texts.code)
    problems += closure.refuse(needed, listing.files.__contains__)
    document = {name: described for name, (described, _) in found.items()}
    document |= {"files": files, "tensors": weights.describe(tensors), "remote_code": closure.describe(needed)}
    return Examined(document, _once(problems + texts.problems), listing.files)


def _hash(
    root: Path, listing: Listing, weights_too: bool, progress: Progress | None
) -> tuple[dict[str, Any], list[Problem]]:
    """The component ``files``."""
    read = {name: seen for name, seen in listing.files.items() if weights_too or not name.endswith(weights.SUFFIX)}
    digests, problems = digest_all(root, read, progress)
    files: dict[str, Any] = {}
    for name, seen in listing.files.items():
        match digests.get(name):
            case Digest(sha256, size):
                files[name] = {"sha256": sha256, "bytes": size}
            case None:
                files[name] = {"bytes": seen.size}
    return files, problems


class _Texts:
    """The files that are read as text; notes what cannot be."""

    def __init__(self, root: Path, listing: Listing) -> None:
        self._root, self._files = root, listing.files
        self.problems: list[Problem] = []

    def json(self, name: str) -> Mapping[str, Any] | None:
        """The JSON object in the file *name*; None if there is no such file, or it holds no object."""
        text = self.text(name)
        if text is None:
            return None
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError) as error:
            self.problems.append(Problem(file(name), f"is no JSON: {shown(str(error))}"))
            return None
        if not isinstance(parsed, dict):
            self.problems.append(Problem(file(name), "is JSON, but no object"))
            return None
        return parsed

    def text(self, name: str, most: int | None = None) -> str | None:
        """The text of the file *name*, None if there is no such file or it is no text."""
        if name not in self._files:
            return None
        try:
            return content(self._root, name, self._files[name], most or LARGER.get(name, MOST_TEXT_BYTES)).decode()
        except UnicodeDecodeError:
            self.problems.append(Problem(file(name), "is no text in UTF-8"))
        except OSError as error:
            self.problems.append(unreadable(name, error))
        return None

    def code(self, name: str) -> str | None:
        """The text of a Python file."""
        return self.text(name, MOST_CODE_BYTES)


def _once(problems: list[Problem]) -> list[Problem]:
    """Without repetitions: a file that cannot be read is met twice."""
    return list(dict.fromkeys(problems))
