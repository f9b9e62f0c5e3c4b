"""Stage ``quality``: technical signals measured on the large preview.

Needs ``preview``. Owns the facts that ``parjanya.imaging.quality.measure`` describes.
"""

from __future__ import annotations

from parjanya.imaging import recipe
from tbie.core.errors import ObjectMissingError
from tbie.core.fingerprint import fingerprint
from tbie.core.outcome import Completed, Outcome, TerminalFailure
from tbie.execution import Handler, Work
from tbie.objects import ObjectStore

NAME = "quality"
VERSION = fingerprint({"stage": NAME, "code": recipe.QUALITY, "look_px": recipe.LOOK_PX})


def make_handler(objects: ObjectStore) -> Handler:
    """A handler that reads previews from *objects* unless the stage before left the bytes in ``scratch``."""

    from parjanya.imaging import quality
    from parjanya.vision.sight import SightError, sight_of

    def handle(work: Work) -> Outcome:
        try:
            sight = sight_of(work, objects)
        except ObjectMissingError as error:
            # Another attempt finds the same hole; a replay from ``preview`` fills it.
            return TerminalFailure("preview_missing", retriable=True, evidence={"message": str(error)})
        except SightError as error:
            return TerminalFailure("preview_unreadable", retriable=True, evidence={"message": str(error)})
        return Completed(quality.measure(sight.rgb, sight.grey))

    return handle
