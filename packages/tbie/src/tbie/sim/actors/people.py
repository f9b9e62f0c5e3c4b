"""Those who bring work and those who ask for it again: adders and an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tbie.core.cause import Cause
from tbie.core.errors import TbieError
from tbie.core.keys import Address, ItemKey
from tbie.replay import replay
from tbie.sim.actors.base import Actor
from tbie.sim.workload import BUCKET, NOWHERE, STAGES
from tbie.testing.faults import CrashError
from tbie.truth import NewItem, Update

if TYPE_CHECKING:
    from tbie.sim.world import World


class Adder(Actor):
    """Adds items until there are enough; tenants appear as they come."""

    weight = 3

    def __init__(self, world: World) -> None:
        super().__init__(world, "adder")
        self.process = world.process("adder", "adder")
        self.left = world.plan.items
        self.keys: list[ItemKey] = []
        self.flaws: list[str] = []
        """What is wrong with the next items: poison, or a wrong address. Faults put it here."""

    def ready(self) -> bool:
        return self.left > 0 and not self.process.dead

    def act(self) -> None:
        """One item, or a burst of one tenant."""
        world = self.world
        tenant = f"t{world.chance.below(world.plan.tenants) + 1}"
        burst = min(self.left, world.chance.pick((1, 1, 2, 4)))
        first = world.plan.items - self.left + 1
        items = [self._item(tenant, number) for number in range(first, first + burst)]
        try:
            self.process.truth.add(items, Cause("operator:adder", "added"))
        except TbieError as error:
            world.note(self.name, "cannot add", error)
            return
        except CrashError:  # it was not told whether its items were stored: it asks again
            self.process = world.process("adder", "adder")
            return
        self.left -= burst
        self.keys += [item.key for item in items if item.key not in self.keys]
        world.note(self.name, "adds", ", ".join(f"{tenant}/{i.key.item} {dict(i.attributes)}" for i in items))

    def _item(self, tenant: str, number: int) -> NewItem:
        flaw = self.flaws.pop() if self.flaws else ""
        attributes: dict[str, object] = {"text": True} if self.world.chance.percent(15) else {}
        if flaw.startswith("poison"):
            attributes["poison"] = flaw.partition(":")[2]
        bucket = NOWHERE if flaw == "misrouted" else BUCKET
        return NewItem(ItemKey(tenant, f"i{number}"), Address(bucket, f"i{number}"), attributes)


class Operator(Actor):
    """Replays a stage of an item now and then, or says that its source has changed."""

    def __init__(self, world: World, adder: Adder) -> None:
        super().__init__(world, "operator")
        self.process = world.process("operator", "operator")
        self._adder = adder
        self.left = 3

    def ready(self) -> bool:
        return self.left > 0 and bool(self._adder.keys) and not self.world.healing

    def act(self) -> None:
        world, chance = self.world, self.world.chance
        key, stage = chance.pick(self._adder.keys), chance.pick(STAGES)
        self.left -= 1
        cause = Cause("operator:asha", "look again")
        try:
            if chance.percent(25):
                update = Update(key, Address(BUCKET, f"{key.item}.{self.left}"), {"edited": self.left}, cause)
                self.process.truth.commit([update])
                world.note(self.name, "changes the source", "/".join(key))
            else:
                count = replay(self.process.truth, [key], stage, cause)
                world.note(self.name, f"replays {stage}", f"{'/'.join(key)}: {count}")
        except TbieError as error:
            world.note(self.name, "cannot replay", error)
