"""The declared engine of a home, kept in Truth as a document and changed by compare-and-set.

Callers: ``system`` reads it when a home is opened, the command line changes it. What nobody declared is ``classical``.
"""

from __future__ import annotations

from parjanya.vision.declared import Classical, DeclarationError, Declared, from_json, to_json
from tbie.core.errors import TbieError
from tbie.truth import Document, TruthStore

KIND, NAME = "engine", "images"


class EngineUnknownError(TbieError):
    """What Truth holds as the declared engine is nothing that this program knows; nothing can be observed by it."""


class DeclaredMeanwhileError(TbieError):
    """Somebody else declared an engine at the same time."""


def declared_in(truth: TruthStore) -> Declared:
    """What is declared now.

    Raises:
        EngineUnknownError: it cannot be read, as after a newer program declared it.
    """
    document = _document(truth)
    if document is None:
        return Classical()
    try:
        return from_json(document.body)
    except DeclarationError as error:
        raise EngineUnknownError(
            f"the engine that this home declares cannot be used: {error}. Use the program that declared it"
        ) from error


def declare(truth: TruthStore, declared: Declared) -> None:
    """From now on, *declared* looks at new images. What was observed before stays.

    Raises:
        DeclaredMeanwhileError: somebody else declared one since this began.
    """
    document = _document(truth)
    if document is None and isinstance(declared, Classical):
        return
    revision = document.revision if document is not None else None
    if truth.write_document(KIND, NAME, to_json(declared), revision) is None:
        raise DeclaredMeanwhileError("somebody else declared an engine for this home just now; look, and try again")


def _document(truth: TruthStore) -> Document | None:
    return next((found for found in truth.documents(KIND) if found.name == NAME), None)
