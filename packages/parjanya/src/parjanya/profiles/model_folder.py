"""A quick look at the model folder that a home declares, without loading anything: for commands that start, and for ``doctor``.

Whoever works with the model looks at every byte of it; this finds within a second what is missing or was exchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from parjanya.vision.artifact.manifest import NAME, read
from parjanya.vision.artifact.problems import ArtifactError, shown
from parjanya.vision.declared import Declared, Transformers

Differences = Mapping[str, tuple[str | None, str | None]]


def differences(declared: Declared) -> Differences:
    """How the folder, and this machine, differ from what was baked; nothing if the *declared* engine has no folder."""
    if not isinstance(declared, Transformers):
        return {}
    from parjanya.vision.artifact.attest import Level, attest  # noqa: PLC0415 - numpy, for those who declare a folder alone
    from parjanya.vision.local.engine import scoring  # noqa: PLC0415 - the same

    folder = Path(declared.folder)
    try:
        manifest = read(folder / NAME)
    except ArtifactError as error:
        return {"manifest": (declared.manifest, str(error))}
    if manifest.id != declared.manifest:
        return {"manifest": (declared.manifest, manifest.id)}
    drift = attest(folder, manifest, Level.QUICK, scoring=scoring(declared.settings()))
    return drift.differences if drift else {}


def in_words(declared: Transformers, found: Differences) -> str:
    """The first of the differences that were *found*, and how many more there are."""
    component, (was, now) = next(iter(found.items()))
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    first = f"{component}: declared {was or 'absent'}, found {now or 'absent'}"
    return f"{shown(declared.folder)} is not what was declared: {first}{more} (`parjanya model verify` says all)"
