"""Starting, listing, stopping and resuming campaigns: each is one document, written by compare-and-set.

Callers: the application's commands. Whoever drives a campaign notices at its next page.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from tbie.campaign.record import KIND, Campaign, CampaignError, CampaignState, from_body
from tbie.core.clock import Clock
from tbie.truth import Document, TruthStore
from tbie.workflow import Workflow

KEPT = 100
"""Finished campaigns that are remembered; the oldest is forgotten first. Their marks stay in the histories."""


def started(truth: TruthStore) -> list[Campaign]:
    """Every campaign, oldest first."""
    return sorted((campaign for campaign, _ in _readable(truth)), key=lambda c: c.number)


def running(truth: TruthStore) -> list[tuple[Campaign, Document]]:
    """Every running campaign with its document, oldest first."""
    return sorted(
        (pair for pair in _readable(truth) if pair[0].state is CampaignState.RUNNING), key=lambda pair: pair[0].number
    )


def _readable(truth: TruthStore) -> list[tuple[Campaign, Document]]:
    """Every campaign that this program can read. One of a newer program must not end the engine of an older one; it stays
    as it is, and falls silent, which the diagnosis reports."""
    found = []
    for document in truth.documents(KIND):
        with contextlib.suppress(KeyError, TypeError, ValueError):
            found.append((from_body(document.body), document))
    return found


def find(truth: TruthStore, name: str) -> tuple[Campaign, Document]:
    """One campaign with its document.

    Raises:
        CampaignError: there is none of that id.
    """
    for document in truth.documents(KIND):
        if document.name == name:
            try:
                return from_body(document.body), document
            except (KeyError, TypeError, ValueError) as error:
                raise CampaignError(f"campaign {name} was written by another version of this program") from error
    raise CampaignError(f"there is no campaign {name!r}; `campaign list` shows them")


def start(
    truth: TruthStore,
    workflow: Workflow,
    clock: Clock,
    *,
    kind: str,
    selector: str,
    stage: str,
    reason: str,
    who: str,
    rate_per_s: float,
    tenant: str | None = None,
    from_seq: int | None = None,
) -> Campaign:
    """Begin a campaign: from the moment this returns it will be carried out, whoever is killed.

    Campaigns that belong together share *from_seq*, so that each selects from what there was before any of them.
    """
    roots = [s.name for s in workflow.stages if not s.needs]
    total = sum(count for (_, name, _), count in truth.tally(tenant).items() if name == roots[0])
    while True:
        known = started(truth)
        _forget(truth, known)
        now = clock.now_ms()
        taken = (document.name[1:] for document in truth.documents(KIND))  # those that cannot be read here, too
        number = 1 + max((int(name) for name in taken if name.isdecimal()), default=0)
        campaign = Campaign(
            f"c{number}",
            kind,
            selector,
            stage,
            workflow.version(stage, tenant),
            reason,
            who,
            now,
            truth.mark() if from_seq is None else from_seq,
            rate_per_s,
            tenant,
            total,
            updated_ms=now,
            program=workflow[stage].version,
        )
        if truth.write_document(KIND, campaign.id, campaign.body(), None) is not None:
            return campaign  # else somebody else has just taken that number


def cancel(truth: TruthStore, clock: Clock, name: str) -> Campaign:
    """Stop a campaign at its next page. What it has reset stays reset; ``resume`` goes on where it was.

    Raises:
        CampaignError: there is none of that id, or it is done.
    """

    def change(campaign: Campaign) -> Campaign:
        if campaign.state is CampaignState.DONE:
            raise CampaignError(f"campaign {name} is done already: {campaign.counts.reset} items were reset")
        return replace(campaign, state=CampaignState.CANCELLED, finished_ms=clock.now_ms(), updated_ms=clock.now_ms())

    return _change(truth, name, change)


def resume(truth: TruthStore, clock: Clock, name: str) -> Campaign:
    """Let a paused or cancelled campaign go on where it was.

    Raises:
        CampaignError: there is none of that id, or it is done.
    """

    def change(campaign: Campaign) -> Campaign:
        if campaign.state is CampaignState.DONE:
            raise CampaignError(f"campaign {name} is done; begin a new one to look at everything again")
        return replace(campaign, state=CampaignState.RUNNING, finished_ms=None, problem=None, updated_ms=clock.now_ms())

    return _change(truth, name, change)


def _change(truth: TruthStore, name: str, change: Callable[[Campaign], Campaign]) -> Campaign:
    while True:
        campaign, document = find(truth, name)
        changed = change(campaign)
        if truth.write_document(KIND, name, changed.body(), document.revision) is not None:
            return changed  # else its driver has just finished a page


def _forget(truth: TruthStore, known: list[Campaign]) -> None:
    """Drop the oldest finished campaigns beyond ``KEPT``."""
    finished = [c.id for c in known if c.state in (CampaignState.DONE, CampaignState.CANCELLED)]
    old = set(finished[: max(0, len(finished) - KEPT)])
    for document in truth.documents(KIND) if old else []:
        if document.name in old:
            truth.drop_document(document)
