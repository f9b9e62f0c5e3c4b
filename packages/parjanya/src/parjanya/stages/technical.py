"""Stage ``technical``: what the file is, byte for byte and as a picture. First of all stages.

Owns: format, mime, raw_kind, suffix_mismatch, bytes, sha256, width, height, phash, bit_depth, frames, has_alpha,
colour, exif, warnings. Leaves the decoded picture in ``scratch`` for ``preview``, which gets the same one without it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from parjanya.catalog.paths import key_to_path
from parjanya.catalog.sources import LOCAL_FILES, Sources
from parjanya.imaging import recipe
from parjanya.imaging.exif import read_exif
from parjanya.imaging.limits import DEFAULT_LIMITS, Limits
from parjanya.imaging.refusal import ImageRefused
from parjanya.imaging.sniff import Kind, suffix_fits
from parjanya.imaging.source import Source
from tbie.core.fingerprint import fingerprint
from tbie.core.outcome import Completed, Facts, Outcome
from tbie.execution import Handler, Work

if TYPE_CHECKING:
    from parjanya.imaging.decoded import Decoded

NAME = "technical"
CODE_VERSION = 1
VERSION = fingerprint({"stage": NAME, "code": CODE_VERSION, "hash": recipe.HASH, "view": recipe.VIEW})


def make_handler(limits: Limits = DEFAULT_LIMITS, sources: Sources = LOCAL_FILES) -> Handler:
    """A handler that holds each image to *limits* and finds its bytes by *sources*."""

    from parjanya.catalog.picture import leave, see

    def handle(work: Work) -> Outcome:
        try:
            source, kind, decoded = see(work, limits, sources)
        except ImageRefused as refused:
            return refused.outcome()
        leave(work, decoded, source.sha256)
        return Completed(_facts(work, source, kind, decoded))

    return handle


def _facts(work: Work, source: Source, kind: Kind, decoded: Decoded) -> Facts:
    from parjanya.imaging import hashes

    exif, exif_warnings = read_exif(decoded.metadata)
    fits = suffix_fits(kind, _named(work).suffix)
    warnings = {*decoded.warnings, *exif_warnings, *(() if fits else ("suffix_mismatch",))}
    return {
        "format": kind.format,
        "mime": kind.mime,
        "raw_kind": kind.raw_kind,
        "suffix_mismatch": not fits,
        "bytes": len(source.data),
        "sha256": source.sha256,
        "width": decoded.width,
        "height": decoded.height,
        "phash": hashes.phash(decoded.view),
        "bit_depth": decoded.bit_depth,
        "frames": decoded.frames,
        "has_alpha": decoded.has_alpha,
        "colour": {"mode": decoded.mode, "icc": decoded.icc},
        "exif": exif,
        "warnings": sorted(warnings),
    }


def _named(work: Work) -> Path:
    """What people call the file: an upload keeps its name as an attribute, and a file's name is its address."""
    return key_to_path(str(work.attributes.get("path", work.address.key)))
