"""Carries out what ``sorting`` decided about messages of one stage, in the order in which an interruption loses nothing."""

from __future__ import annotations

from collections.abc import Container, Sequence

from tbie.backends.aws.copies import MAX_BODY_BYTES, Copy, Death, Name, row_of, to_body
from tbie.backends.aws.place import Place
from tbie.backends.aws.posting import Entry, Post, Received, Refused, entry_of
from tbie.backends.aws.register import Died, Forget, Moved, Note, Register
from tbie.backends.aws.sorting import Held, Sorted
from tbie.core.errors import IntentUnavailableError
from tbie.core.refusal import Refusal, Refusing, excerpt

FOREIGN, FOREIGN_GROUP = "not_an_intent", "foreign"
_STALE = frozenset({"ReceiptHandleIsInvalid", "InvalidParameterValue", "InvalidIdFormat"})
_EXCERPT = 200_000
"""Characters that are left of a body which does not fit beside its reason."""


class Settler:
    """Queues and register of one place."""

    def __init__(self, place: Place, post: Post, register: Register, refusing: Refusing) -> None:
        self._place, self._post, self._register, self._refusing = place, post, register, refusing

    def carry_out(self, stage: str, found: Sorted, now_ms: int) -> None:
        """Do it all.

        New copies first, then what the register is to know, then the old copies go: an interruption leaves a copy too many. The
        register may be away (its rows then name copies that are gone, which a look at the queue finds out), the queues may not.

        Raises:
            IntentUnavailableError: some of it could not be done. To ask for the same again is right.
        """
        notes: list[Note] = []
        gone: list[str] = [held.handle for held in found.forget]
        trouble = self._send_again(stage, found.again, notes, gone, now_ms)
        trouble += self._bury(stage, found.dead, notes, gone)
        trouble += self._move_foreign(stage, found.foreign, gone)
        notes += [Forget(held.name, held.copy.envelope.token, held.mid) for held in found.forget]
        try:
            if notes:
                self._register.note(notes)
        except IntentUnavailableError:
            pass  # the message itself is what counts
        answers = self._post.delete(self._place.queue(stage), gone)
        trouble += [f"{a.code}: {a.words}" for a in answers if a is not None and a.code not in _STALE]
        if trouble:
            raise IntentUnavailableError(f"{len(trouble)} messages of {stage} were not settled: {trouble[0]}")

    def _send_again(
        self, stage: str, again: Sequence[tuple[Held, Copy]], notes: list[Note], gone: list[str], now_ms: int
    ) -> list[str]:
        answers = self._post.send(self._place.queue(stage), [entry_of(copy, now_ms) for _, copy in again])
        trouble = []
        for (held, copy), answer in zip(again, answers, strict=True):
            if isinstance(answer, Refused):
                trouble.append(f"{answer.code}: {answer.words}")
                continue
            notes.append(Moved(held.name, held.mid, row_of(copy, answer)))
            gone.append(held.handle)
        return trouble

    def _bury(self, stage: str, dead: Sequence[tuple[Held, Death]], notes: list[Note], gone: list[str]) -> list[str]:
        entries = [Entry(to_body(h.copy), entry_of(h.copy, 0).group, 0, death.reason) for h, death in dead]
        answers = self._post.send(self._place.dead_queue(stage), entries)
        trouble, letters = [], []
        for (held, death), answer in zip(dead, answers, strict=True):
            if isinstance(answer, Refused):
                trouble.append(f"{answer.code}: {answer.words}")
                continue
            letters.append((held.name, to_body(held.copy), death))
            notes.append(Died(held.name, held.row(death)))
            gone.append(held.handle)
        if letters:
            self._register.bury(stage, letters)
        return trouble

    def _move_foreign(self, stage: str, foreign: Sequence[tuple[Received, str]], gone: list[str]) -> list[str]:
        """What is no intent is told, and goes to the dead letters as it is, with the reason beside it."""
        if not foreign:
            return []
        self._refusing(f"queue {stage}", [Refusal(FOREIGN, m.mid, f"{why}: {excerpt(m.body)}") for m, why in foreign])
        entries = [Entry(_whole(each.body), FOREIGN_GROUP, 0, f"{FOREIGN}: {why}") for each, why in foreign]
        answers = self._post.send(self._place.dead_queue(stage), entries)
        for (each, _), answer in zip(foreign, answers, strict=True):
            if not isinstance(answer, Refused):
                gone.append(each.handle)
        return []

    def give_reasons(self, stage: str, foreign: Sequence[tuple[Received, str]]) -> None:
        """What SQS itself moved to the dead letters and is no intent: lies there with its reason from now on."""
        gone: list[str] = []
        self._move_foreign(stage, foreign, gone)
        self._post.delete(self._place.dead_queue(stage), gone)

    def register_dead(self, stage: str, moved: Sequence[tuple[Held, Death]], unknown: Container[Name]) -> None:
        """What SQS moved to the dead letters by itself: keep its death, and mark it there as known."""
        queue = self._place.dead_queue(stage)
        entries = [Entry(to_body(h.copy), entry_of(h.copy, 0).group, 0, death.reason) for h, death in moved]
        answers = self._post.send(queue, entries)
        known = [pair for pair, answer in zip(moved, answers, strict=True) if not isinstance(answer, Refused)]
        if known:
            self._register.bury(stage, [(held.name, to_body(held.copy), death) for held, death in known])
            self._register.put({held.name: held.row(death) for held, death in known if held.name in unknown})
            self._register.note([Died(held.name, held.row(death)) for held, death in known if held.name not in unknown])
            self._post.delete(queue, [held.handle for held, _ in known])


def _whole(body: str) -> str:
    """*body*, unless it leaves no room for its reason."""
    return body if len(body.encode("utf-8", "surrogatepass")) <= MAX_BODY_BYTES else body[:_EXCERPT]
