"""Stage ``observe``: what an engine sees in the large preview. An engine observes; the policy decides.

Needs ``preview`` (and through it the camera's name in the facts of ``technical``). Owns the facts that
``parjanya.vision.classical.observe`` describes.
"""

from __future__ import annotations

from collections.abc import Mapping

from parjanya.vision import classical
from parjanya.vision.sight import SightError, sight_of
from tbie.core.errors import ObjectMissingError
from tbie.core.fingerprint import fingerprint
from tbie.core.outcome import Completed, Outcome, TerminalFailure
from tbie.execution import Handler, Work
from tbie.objects import ObjectStore

NAME = "observe"
VERSION = fingerprint({"stage": NAME, "engine": classical.version()})


def make_handler(objects: ObjectStore) -> Handler:
    """A handler of the classical engine, reading previews from *objects* unless the stage before left the bytes."""

    def handle(work: Work) -> Outcome:
        try:
            sight = sight_of(work, objects)
        except ObjectMissingError as error:
            return TerminalFailure("preview_missing", retriable=True, evidence={"message": str(error)})
        except SightError as error:
            return TerminalFailure("preview_unreadable", retriable=True, evidence={"message": str(error)})
        return Completed(classical.observe(sight, camera_make(work.facts)))

    return handle


def camera_make(facts: Mapping[str, Mapping[str, object]]) -> str | None:
    """The camera's make in the technical facts, None if it is unknown or blank."""
    exif = facts.get("technical", {}).get("exif")
    make = exif.get("make") if isinstance(exif, Mapping) else None
    return make.strip() or None if isinstance(make, str) else None
