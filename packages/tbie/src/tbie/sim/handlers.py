"""What a simulated worker does with an item: facts that say from what they were made, or one of the ways to go wrong.

Caller: ``actors.hand``. Whether an item is poison, or not a picture, is in its attributes; the rest is weather.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tbie.core.outcome import Completed, Outcome, Retry, TerminalFailure
from tbie.execution import Begin, Work
from tbie.sim.workload import fetch

if TYPE_CHECKING:
    from tbie.sim.actors.hand import Hand


class Handling:
    """The handler of every stage, in the hands of one worker."""

    def __init__(self, hand: Hand) -> None:
        self._hand = hand

    def __call__(self, work: Work) -> Outcome:
        hand = self._hand
        world = hand.world
        world.checkers.on_run(world, hand, work)
        fetch(work.address)
        if work.attributes.get("poison") == work.stage:
            world.sometimes["a poison item killed its worker"] += 1
            raise world.crash(hand.process, f"poison in {work.stage}")
        if not world.healing:
            self._go_wrong(work)
            self._take_time()
            for stage, mood in world.weather.moods.values():
                if stage == work.stage:
                    return _in(mood)
        outcome = echo(work)
        return outcome if not self._unstorable() else Completed({**outcome.facts, "nan": float("nan")})

    def flow(self, works: Sequence[Work], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        """Two are in hand at a time, and either may be answered first."""
        left, begun = list(range(len(works))), list[int]()
        while left or begun:
            fresh = left[: 2 - len(begun)]
            if fresh:
                begin(fresh)
                del left[: len(fresh)]
                begun += fresh
            position = begun.pop(self._hand.world.chance.below(len(begun)))
            yield position, self(works[position])

    def _take_time(self) -> None:
        world = self._hand.world
        world.clock.advance_ms(world.chance.pick((1, 5, 40, 300)))
        if world.interleaving and len(world.stack) <= 1 and world.chance.percent(world.interleaving):
            world.turn(world.chance.below(2_000))

    def _go_wrong(self, work: Work) -> None:
        hand = self._hand
        world = hand.world
        for entry in world.weather.once:
            what = entry[1]
            if what == "unstorable":
                continue
            world.weather.once.remove(entry)
            world.broken_ms = world.clock.now_ms()
            world.sometimes[f"a handler: {what}"] += 1
            match what:
                case "redeliver":  # its message is visible again while it is at work, and the others go on
                    for stored in world.intent.everything().values():
                        if stored.owner == hand.name:
                            stored.visible_ms = 0
                    world.sometimes["a lease ended early"] += 1
                    for _ in range(4):
                        world.turn(500)
                case "die":
                    raise world.crash(hand.process, f"in {work.stage}")
                case "hang":
                    raise hand.hang()
                case "linger":  # the machine stands still; others go on, and its lease ends
                    world.pause(hand.process)
            return

    def _unstorable(self) -> bool:
        world = self._hand.world
        for entry in world.weather.once:
            if entry[1] == "unstorable":
                world.weather.once.remove(entry)
                world.sometimes["a result could not be stored"] += 1
                return True
        return False


def echo(work: Work) -> Completed:
    """Facts that say from what they were made: item, generation, version, and the facts that were given."""
    given = {name: facts.get(name) for name, facts in sorted(work.facts.items())}
    kind = {"kind": "text"} if work.attributes.get("text") and work.stage == "read" else {}
    return Completed({work.stage: f"{work.key.item}/{work.generation}/{work.version}", "given": given, **kind})


def _in(mood: str) -> Outcome:
    match mood:
        case "retry":
            return Retry("busy")
        case "terminal":
            return TerminalFailure("truncated", False)
        case "retriable":
            return TerminalFailure("disk_full", True)
        case _:
            raise RuntimeError("a bug")
