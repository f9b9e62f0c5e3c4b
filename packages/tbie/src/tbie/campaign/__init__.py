"""Campaigns: replays and regrades of many items that survive their driver, wait for room, and can be stopped.

``record`` is the value and its arithmetic, ``past`` reads what an item was before, ``desk`` starts and stops campaigns,
``driver`` goes on with them a page at a time.
"""

from tbie.campaign.desk import cancel, find, resume, running, start, started
from tbie.campaign.driver import Driver, Stepped
from tbie.campaign.past import Before, before
from tbie.campaign.record import KIND, Campaign, CampaignError, CampaignState, SelectorError

__all__ = [
    "KIND",
    "Before",
    "Campaign",
    "CampaignError",
    "CampaignState",
    "Driver",
    "SelectorError",
    "Stepped",
    "before",
    "cancel",
    "find",
    "resume",
    "running",
    "start",
    "started",
]
