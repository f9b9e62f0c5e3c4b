"""Stage ``observe``: what engines see in the large preview. An engine observes; the policy decides.

Needs ``preview`` (and through it the camera's name in the facts of ``technical``). Owns the facts that
``parjanya.vision.classical.observe`` describes and, where the home declares a model, one more key ``model``:
``{"observation": …, "grades": {grade: {"expected", "entropy"}}, "execution": identity and provenance}``. The classical engine
looks in either case: it is the second witness, which no text in a picture can talk to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, overload

from parjanya.vision import trained
from parjanya.vision.engine import Engine, Observed, Picture, Seen, Unanswered
from tbie.core.clock import Clock
from tbie.core.errors import ObjectMissingError
from tbie.core.fingerprint import fingerprint
from tbie.core.outcome import Completed, Facts, Outcome, Retry, TerminalFailure
from tbie.execution import Begin, Flow, Handler, Work
from tbie.objects import ObjectStore

if TYPE_CHECKING:
    from concurrent.futures import Future

NAME = "observe"

WAIT_MOST_S = 3_600.0
"""The longest that a server may put off an image: what it says is advice from outside."""
_WITNESSES = 2
"""Threads in which the classical engine looks while the model does: each sees about fifteen previews a second."""


def version(model: Mapping[str, object] | None) -> str:
    """The version of the stage, with the identity of the *model* that looks too (None: the classical engine alone)."""
    alone = {"stage": NAME, "engine": trained.version()}
    return fingerprint(alone if model is None else {**alone, "model": dict(model)})


VERSION = version(None)


def make_handler(objects: ObjectStore) -> Handler:
    """A handler of the classical engine alone, reading previews from *objects* unless the stage before left the bytes."""

    def handle(work: Work) -> Outcome:
        facts = _classical(work, objects)
        return facts if isinstance(facts, TerminalFailure) else Completed(facts)

    return handle


def make_flow(objects: ObjectStore, engine: Engine, clock: Clock) -> Flow:
    """A flow in which *engine* looks at all previews, and the classical engine at the same time at those that are begun."""

    def run(works: Sequence[Work], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        asked: list[int] = []
        for position, work in enumerate(works):
            missing = _missing(work, objects)
            if missing is None:
                asked.append(position)
            else:
                yield position, missing
        with _Witness(objects) as witness:

            def begun(positions: Sequence[int]) -> None:
                mine = [asked[position] for position in positions]
                begin(mine)
                witness.look([works[position] for position in mine])

            pictures = _Previews([works[position] for position in asked], objects)
            seen = engine.observe(pictures, begun)
            try:
                for place, what in seen:
                    work = works[asked[place]]
                    yield asked[place], _outcome(what, work, engine, witness, clock)
            finally:
                close = getattr(seen, "close", None)  # an iterator that is no generator has nothing to stop
                if close is not None:
                    close()

    return run


class _Previews(Sequence[Picture]):
    """The large previews of works, each read when it is asked for: a claim is too many to hold at once."""

    def __init__(self, works: Sequence[Work], objects: ObjectStore) -> None:
        self._works, self._objects = works, objects

    def __len__(self) -> int:
        return len(self._works)

    @overload
    def __getitem__(self, index: int) -> Picture: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Picture]: ...
    def __getitem__(self, index: int | slice) -> Picture | Sequence[Picture]:
        if isinstance(index, slice):
            return _Previews(self._works[index], self._objects)
        from parjanya.vision.sight import preview_address

        work = self._works[index]
        try:
            jpeg = self._objects.get(preview_address(work))
        except ObjectMissingError:
            jpeg = b""  # it was there a moment ago; an engine says of no bytes that it cannot read them
        return Picture(work.key.item, jpeg, work.attempt)


class _Witness:
    """The classical engine, looking in threads of its own while the model or its server does."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        from concurrent.futures import ThreadPoolExecutor

        self._threads = ThreadPoolExecutor(_WITNESSES, thread_name_prefix="witness")
        self._looking: dict[tuple[str, str], Future[Facts | TerminalFailure]] = {}

    def __enter__(self) -> _Witness:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def look(self, works: Sequence[Work]) -> None:
        """Begin to look at *works*. One that is begun again has been looked at."""
        for work in works:
            if work.key not in self._looking:
                self._looking[work.key] = self._threads.submit(self._see, work)

    def saw(self, work: Work) -> Facts | TerminalFailure:
        """What it saw in *work*, once."""
        future = self._looking.pop(work.key, None)
        return self._see(work) if future is None else future.result()

    def forget(self, work: Work) -> None:
        """What it saw in *work* is not wanted."""
        future = self._looking.pop(work.key, None)
        if future is not None:
            future.cancel()

    def _see(self, work: Work) -> Facts | TerminalFailure:
        return _classical(
            replace(work, scratch={}), self._objects
        )  # the pixels must not be kept for all works of a claim


def _classical(work: Work, objects: ObjectStore) -> Facts | TerminalFailure:
    from parjanya.vision import classical
    from parjanya.vision.sight import SightError, sight_of

    try:
        sight = sight_of(work, objects)
    except ObjectMissingError as error:
        return TerminalFailure("preview_missing", retriable=True, evidence={"message": str(error)})
    except SightError as error:
        return TerminalFailure("preview_unreadable", retriable=True, evidence={"message": str(error)})
    return classical.observe(sight, camera_make(work.facts))


def _missing(work: Work, objects: ObjectStore) -> TerminalFailure | None:
    """Why there is no preview to show to anybody; None if there is one."""
    from parjanya.vision.sight import SightError, preview_address

    try:
        address = preview_address(work)
    except SightError as error:
        return TerminalFailure("preview_unreadable", retriable=True, evidence={"message": str(error)})
    if objects.has(address):
        return None
    message = f"the preview {address.key} is not stored; a replay from the stage preview makes it again"
    return TerminalFailure("preview_missing", retriable=True, evidence={"message": message})


def _outcome(seen: Seen, work: Work, engine: Engine, witness: _Witness, clock: Clock) -> Outcome:
    match seen:
        case Observed():
            facts = witness.saw(work)
            if isinstance(facts, TerminalFailure):
                return facts
            return Completed({**facts, "model": model_facts(seen, engine.identity())})
        case Unanswered():
            witness.forget(work)
            return unanswered(seen, clock.now_ms())


def model_facts(seen: Observed, identity: Mapping[str, object]) -> dict[str, object]:
    """The key ``model`` of the facts: what was seen, how surely, and what ran."""
    grades = {name: {"expected": grade.expected, "entropy": grade.entropy} for name, grade in seen.grades.items()}
    return {
        "observation": dict(seen.observation),
        "grades": grades,
        "execution": {**identity, **seen.provenance},
    }


def unanswered(seen: Unanswered, now_ms: int) -> Retry | TerminalFailure:
    """What becomes of an image that no valid observation was given for."""
    if seen.terminal:
        return TerminalFailure(seen.reason, retriable=True, evidence=seen.evidence)
    wait_s = None if seen.not_before_s is None else min(max(seen.not_before_s, 0.0), WAIT_MOST_S)
    not_before_ms = None if wait_s is None else now_ms + int(wait_s * 1000)
    return Retry(seen.reason, not_before_ms, seen.evidence, counted=seen.counted)


def camera_make(facts: Mapping[str, Mapping[str, object]]) -> str | None:
    """The camera's make in the technical facts, None if it is unknown or blank."""
    exif = facts.get("technical", {}).get("exif")
    make = exif.get("make") if isinstance(exif, Mapping) else None
    return make.strip() or None if isinstance(make, str) else None
