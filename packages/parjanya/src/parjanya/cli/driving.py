"""Carrying campaigns out from a command: itself when no engine leads this home, else by watching the engine do it.

Caller: ``campaign``. Progress goes to the error stream.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from parjanya.cli.progress import progress
from parjanya.profiles.running import open_campaigns
from parjanya.profiles.system import System
from tbie.campaign import Campaign, CampaignError, CampaignState, Stepped, find
from tbie.core.errors import TruthUnavailableError

_Step = Callable[[str], bool]
"""One step for the campaign of that id; False if it is for somebody else to go on."""


def carry_out(system: System, campaigns: Sequence[Campaign], *, wait: bool, limit_rate: bool) -> list[Campaign]:
    """Go on with *campaigns* as far as is ours to do; returns them as they are then.

    Raises:
        TruthUnavailableError: Truth cannot be read or written. The same command goes on later.
        CampaignError: this program declares another version of the stage than the one that began the campaign.
    """
    if campaigns:
        system.truth_bell.ring()  # an engine need not wait until it looks by itself
    with system.listen("truth", "campaign") as listener:

        def pause() -> None:
            listener.wait(system.settings.poll_interval_s)

        def follow(_: str) -> bool:
            pause()
            return _engine_leads(system)

        finished = False
        while not finished:
            if not _engine_leads(system):
                finished = _drive(system, campaigns, pause, limit_rate)
            elif wait:
                finished = _each(system, campaigns, follow)
            else:
                break
    return [find(system.truth, campaign.id)[0] for campaign in campaigns]


def _engine_leads(system: System) -> bool:
    """Whether some process is the engine of this home now. Campaigns may have two drivers, so nothing is held."""
    if not system.home.lead():
        return True
    system.home.resign()
    return False


def _drive(system: System, campaigns: Sequence[Campaign], pause: Callable[[], None], limit_rate: bool) -> bool:
    """Carry them out here; False if an engine has come and does it now."""
    driver = open_campaigns(system, limit_rate, limit_open=False)

    def step(name: str) -> bool:
        stepped = driver.step(name)
        _refuse(stepped, system)
        if stepped.lost and _engine_leads(system):
            return False
        if not stepped.more and stepped.campaign is not None and stepped.campaign.state is CampaignState.RUNNING:
            pause()
        return True

    return _each(system, campaigns, step)


def _refuse(stepped: Stepped, system: System) -> None:
    if stepped.blind is not None:
        raise TruthUnavailableError(stepped.blind)
    campaign = stepped.campaign
    if campaign is not None and campaign.waits == "version":
        stage = system.workflow.get(campaign.stage)
        raise CampaignError(
            f"campaign {campaign.id} was begun for version {campaign.program or campaign.version} of {campaign.stage}; this "
            f"program has {stage.version if stage is not None else 'no such stage'}. Go on with the program that began it, or "
            "cancel it"
        )


def _each(system: System, campaigns: Sequence[Campaign], step: _Step) -> bool:
    """Step until each of *campaigns* runs no more; False as soon as a step says so."""
    for campaign in campaigns:
        with progress(campaign.total, sys.stderr, system.clock) as shown:
            while True:
                now, _ = find(system.truth, campaign.id)
                shown.update(done=min(now.counts.looked, campaign.total or now.counts.looked))
                if now.state is not CampaignState.RUNNING:
                    break
                if not step(campaign.id):
                    return False
    return True
