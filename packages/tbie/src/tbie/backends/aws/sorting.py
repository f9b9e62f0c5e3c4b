"""What becomes of messages: of those just received, and of those somebody settles. Pure: ``intent`` carries it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tbie.backends.aws.copies import Copy, Death, ForeignError, Name, Row, from_body, name_of, row_of, superseded
from tbie.backends.aws.posting import Received
from tbie.intent import Bury, Defer, Delete, Disposal, Hold, Message, Release


class Receipt(NamedTuple):
    """Names one receive: the message of SQS, its handle, and who took it."""

    owner: str
    mid: str
    handle: str


class Held(NamedTuple):
    """A message in somebody's hands."""

    copy: Copy
    mid: str
    handle: str
    receives: int
    """All that count, this one included."""
    taken_ms: int
    until_ms: int
    """When the lease ends."""

    @property
    def name(self) -> Name:
        """Of its row."""
        return name_of(self.copy.envelope.stage, self.copy.envelope.key)

    def message(self, owner: str) -> Message:
        """What the worker sees."""
        return Message(self.copy.envelope, Receipt(owner, self.mid, self.handle), self.receives, self.copy.sent_ms)

    def again(self, now_ms: int, behind: int, due_ms: int) -> Copy:
        """The copy that takes its place."""
        due_ms = due_ms if due_ms > now_ms else 0
        return self.copy._replace(at_ms=now_ms, nth=self.copy.nth + 1, behind=behind, due_ms=due_ms)

    def row(self, death: Death | None = None) -> Row:
        """What the register says while it lies there."""
        row = row_of(self.copy, self.mid)
        return Row(row.token, row.mid, row.sent_ms, row.at_ms, row.nth, row.behind, row.due_ms, row.address, death)


@dataclass(slots=True)
class Sorted:
    """Everything to be done about some messages of one stage, by kind."""

    hand: list[Held] = field(default_factory=list)
    """To be worked on."""
    again: list[tuple[Held, Copy]] = field(default_factory=list)
    """To be sent anew; then the old copy goes."""
    dead: list[tuple[Held, Death]] = field(default_factory=list)
    forget: list[Held] = field(default_factory=list)
    """Done, or superseded: to be deleted."""
    foreign: list[tuple[Received, str]] = field(default_factory=list)


def parsed(
    received: Iterable[Received], stage: str, taken_ms: int, until_ms: int
) -> tuple[list[Held], list[tuple[Received, str]]]:
    """The intents among messages just received, and what is none with the reason. One delivered twice is one."""
    held: dict[str, Held] = {}
    foreign: dict[str, tuple[Received, str]] = {}
    for each in received:
        try:
            copy = from_body(each.body, stage)
        except ForeignError as error:
            foreign[each.mid] = (each, str(error))
            continue
        held[each.mid] = Held(copy, each.mid, each.handle, copy.behind + each.receives, taken_ms, until_ms)
    return list(held.values()), list(foreign.values())


def sort_received(held: Sequence[Held], rows: Mapping[Name, Row], max_receives: int, now_ms: int) -> Sorted:
    """What to do with messages just received. Nothing is charged a receive that is not handed out."""
    found = Sorted()
    for each in held:
        if superseded(each.copy, each.mid, rows.get(each.name)):
            found.forget.append(each)
        elif each.copy.due_ms > now_ms:
            found.again.append((each, each.again(now_ms, each.receives - 1, each.copy.due_ms)))
        elif each.receives > max_receives:
            received = each.receives - 1
            death = Death("receives_exhausted", {"receives": received}, now_ms, received)
            found.dead.append((each, death))
        else:
            found.hand.append(each)
    found.hand = in_turns(found.hand)
    return found


def in_turns(held: Sequence[Held]) -> list[Held]:
    """Each tenant's first, then each tenant's second, …: within what one claim brought, which costs nothing."""
    before: dict[str, int] = {}
    ranked = []
    for each in sorted(held, key=lambda h: (h.copy.sent_ms, h.copy.turn)):
        tenant = each.copy.envelope.key.tenant
        before[tenant] = before.get(tenant, -1) + 1
        ranked.append((before[tenant], each))
    return [each for _, each in sorted(ranked, key=lambda pair: pair[0])]


def sort_settled(settled: Iterable[tuple[Disposal, Held]], now_ms: int) -> Sorted:
    """What to do with messages that their holders settle.

    Once its lease has ended a message may be in other hands: then it is not sent anew, it comes back by itself. To delete it is
    right all the same: Truth has its result, or its token is superseded, whoever holds it.
    """
    found = Sorted()
    for disposal, held in settled:
        over = held.until_ms <= now_ms
        match disposal:
            case Delete():
                found.forget.append(held)
            case Bury(reason=reason, evidence=evidence) if not over:
                found.dead.append((held, Death(reason, dict(evidence), now_ms, held.receives)))
            case Defer(until_ms=until) if not over:
                found.again.append((held, held.again(now_ms, held.receives, until)))
            case Release() if not over:
                found.again.append((held, held.again(now_ms, held.receives - 1, 0)))
            case Hold(until_ms=until) if not over:
                found.again.append((held, held.again(now_ms, held.receives - 1, until)))
            case _:
                continue
    return found
