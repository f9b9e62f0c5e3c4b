"""Stage ``preview``: the pictures that people and judges look at, stored as objects.

Needs ``technical``. Owns: large, thumb, recipe, source. Leaves the encoded bytes in ``scratch`` (``preview.large``,
``preview.thumb``) for the stages that look at them.
"""

from __future__ import annotations

from parjanya.catalog.sources import LOCAL_FILES, Sources
from parjanya.imaging import previews
from parjanya.imaging.limits import DEFAULT_LIMITS, Limits
from parjanya.imaging.refusal import ImageRefused
from tbie.core.errors import ObjectStoreFullError
from tbie.core.fingerprint import fingerprint
from tbie.core.outcome import Completed, Outcome, Retry
from tbie.execution import Handler, Work
from tbie.objects import ObjectStore

NAME = "preview"
CODE_VERSION = 1
VERSION = fingerprint({"stage": NAME, "code": CODE_VERSION, "recipe": previews.RECIPE, "library": previews.LIBRARY})

LARGE_KEY = "preview.large"
"""``scratch`` key of the bytes of the 2048-pixel JPEG."""
THUMB_KEY = "preview.thumb"
"""``scratch`` key of the bytes of the 320-pixel JPEG."""


def make_handler(objects: ObjectStore, limits: Limits = DEFAULT_LIMITS, sources: Sources = LOCAL_FILES) -> Handler:
    """A handler that stores previews in *objects*, holds each image to *limits* and finds its bytes by *sources*."""

    from parjanya.catalog.picture import picture_of

    def handle(work: Work) -> Outcome:
        try:
            decoded = picture_of(work, limits, str(work.facts["technical"]["sha256"]), sources)
        except ImageRefused as refused:
            return refused.outcome()
        large, thumb = previews.large(decoded.view), previews.thumb(decoded.view)
        try:
            facts = {
                "large": _store(objects, large),
                "thumb": _store(objects, thumb),
                "recipe": previews.RECIPE,
                "source": decoded.origin,
            }
        except ObjectStoreFullError as error:
            return Retry("object_store_full", evidence={"message": str(error)})
        work.scratch[LARGE_KEY], work.scratch[THUMB_KEY] = large.data, thumb.data
        return Completed(facts)

    return handle


def _store(objects: ObjectStore, encoded: previews.Encoded) -> dict[str, object]:
    address = objects.put(encoded.data, ".jpg")
    return {
        "bucket": address.bucket,
        "key": address.key,
        "width": encoded.width,
        "height": encoded.height,
        "bytes": len(encoded.data),
    }
