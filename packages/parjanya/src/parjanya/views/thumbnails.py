"""The thumbnails of images that are shown as examples.

Caller: ``campaign show --html``. One that is not stored any more is left out: the report is about verdicts.
"""

from __future__ import annotations

from parjanya.views.campaigns import Outcome
from tbie.core.errors import ObjectMissingError


def thumbnails_of(outcome: Outcome) -> dict[tuple[str, str], bytes]:
    """JPEGs by tenant and image id, of the examples of *outcome*."""
    found: dict[tuple[str, str], bytes] = {}
    for example in outcome.all_examples():
        image = example.now
        if image.thumb is not None:
            try:
                found[image.tenant, image.id] = image.thumb() if callable(image.thumb) else image.thumb.read_bytes()
            except (ObjectMissingError, FileNotFoundError):
                continue
    return found
