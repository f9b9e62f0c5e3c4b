"""The driver of campaigns as a process of its own: it dies, is started again, and goes on where the document says."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tbie.campaign.desk import running, start
from tbie.campaign.driver import Driver
from tbie.campaign.record import Campaign, CampaignState, Selects
from tbie.core.errors import TbieError
from tbie.sim.actors.base import Actor
from tbie.sim.declaring import is_stale, refresh
from tbie.sim.workload import SETTINGS
from tbie.testing.faults import CrashError
from tbie.truth import Item

if TYPE_CHECKING:
    from tbie.sim.actors.people import Adder
    from tbie.sim.world import World

STAGES = ("look", "measure", "judge")


class Campaigner(Actor):
    """Starts one campaign over everything in one world of three, and drives it to its end."""

    weight = 2

    def __init__(self, world: World, adder: Adder) -> None:
        super().__init__(world, "campaigner")
        self.process = world.process("campaigner", "campaign")
        self._adder = adder
        self._driver: Driver | None = None
        self.wanted = world.plan.seed % 3 == 0
        self.under_way = False
        self._stale = ""

    def ready(self) -> bool:
        return (self.wanted and len(self._adder.keys) > 1 and not self.world.healing) or self.under_way

    def act(self) -> None:
        world = self.world
        if self.process.dead or self.process.version != world.version:
            self.process, self._driver = world.process("campaigner", "campaign"), None
        try:
            if self.wanted:
                self._start()
            self._drive()
        except CrashError:
            self._driver = None
        except TbieError as error:
            world.note(self.name, "cannot go on", error)

    def regrade(self, stage: str) -> None:
        """From its next turn on: run again what is done by a version that holds no more."""
        self._stale, self.wanted, self.under_way = stage, True, True

    def _start(self) -> None:
        world, process = self.world, self.process
        stage = self._stale or world.chance.pick(STAGES)
        self.under_way = True  # from here on, as far as anybody knows
        start(
            process.truth,
            process.workflow,
            process.clock,
            kind="regrade" if self._stale else "replay",
            selector="stale" if self._stale else "all",
            stage=stage,
            reason="the rules have changed",
            who="operator:asha",
            rate_per_s=SETTINGS.campaign_rate_per_s,
        )
        self.wanted = False
        world.note(self.name, "starts", f"a {'regrade' if self._stale else 'replay'} of {stage}")

    def _drive(self) -> None:
        world, process = self.world, self.process
        if self._driver is None:
            args = (process.workflow, process.truth, process.clock, world.settings)
            know = partial(refresh, process)
            self._driver = Driver(*args, self._select, lambda _item: "any", name=self.name, refresh=know)
        stepped = self._driver.step()
        world.note(self.name, "step", f"reset {stepped.reset}, {stepped.blind or ''}")
        campaign = stepped.campaign
        if campaign is not None and campaign.state is CampaignState.DONE:
            world.sometimes["a campaign was finished"] += 1
        waits = campaign is not None and campaign.waits == "version"
        self.under_way = self.wanted or (bool(running(process.truth)) and not waits)
        if waits:
            world.sometimes["a campaign of another version was left alone"] += 1

    def _select(self, campaign: Campaign) -> Selects:
        workflow = self.process.workflow

        def select(_then: Item, now: Item) -> bool:
            return campaign.selector == "all" or is_stale(now, campaign.stage, workflow)

        return select
