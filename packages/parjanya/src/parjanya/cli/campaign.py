"""Commands over many images at once: replay, regrade, and looking after the campaigns that carry them out.

A campaign is written down first and carried out after that: by the engine that leads this home, else by the command itself.
Killed at any moment, it is resumed by the next engine, by ``campaign resume``, or by the same command.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from parjanya.cli.bulk import Asked, by_people, check_stage, tell, words
from parjanya.cli.common import Common, Exit, UsageError, opened, printable, say, show, show_json
from parjanya.cli.driving import carry_out
from parjanya.cli.times import moment
from parjanya.cli.trying import show_trial, try_active, try_named
from parjanya.export.campaign_page import page
from parjanya.export.files import write_whole
from parjanya.stages import curate
from parjanya.views.campaigns import GRADES, REGRADE, REPLAY, in_a_line, outcome, stale_stages, totals
from parjanya.views.policy_changes import changes
from parjanya.views.thumbnails import thumbnails_of
from parjanya.views.where import parse
from tbie.campaign import Campaign, CampaignState, cancel, find, resume, started

campaigns = App(name="campaign", help="Bulk replays: what runs, what was done, what came of it.")

_Rate = Annotated[float | None, Parameter(name="--rate")]


def replay(
    *,
    where: str,
    from_: Annotated[str, Parameter(name="--from")],
    reason: str,
    dry_run: bool = False,
    tenant: str | None = None,
    wait: bool = False,
    rate: _Rate = None,
    sample: int = 0,
    common: Common | None = None,
) -> int:
    """Reset images to a stage: its facts and everything after it are cleared and computed again.

    Parameters
    ----------
    where
        Which images, e.g. 'verdict == "reject"' or 'status == "failed"'.
    from_
        The first stage to run again.
    reason
        Why; it is kept in the history of each image.
    dry_run
        Only say how many, and what it would cost.
    tenant
        Only this tenant's.
    wait
        Wait until the engine that leads this home has reset all of them. Without an engine this command does it itself.
    rate
        Images reset in a second, at most.
    sample
        Decide this many of them again at once, changing nothing, and say what would become of them.
    """
    common = common or Common()
    parse(where)
    asked = Asked(REPLAY, where, tenant, printable(reason), rate, dry_run, wait, sample)
    with opened(common) as system:
        check_stage(system, from_)
        done = asked.run(system, [from_])
    (boundary,) = done["boundaries"] or [{}]
    extra = {key: boundary[key] for key in ("tenants", "executions", "cost_s", "trial") if key in boundary}
    head = {key: done[key] for key in ("matched", "replayed", "dry_run")}
    told = {**head, "from": from_, "campaign": (done["campaigns"] or [None])[0], "state": done["state"], **extra}
    return tell(common, told, done)


def regrade(
    *,
    stage: str | None = None,
    where: str | None = None,
    dry_run: bool = False,
    sample: int = 0,
    tenant: str | None = None,
    policy: str | None = None,
    reason: str | None = None,
    wait: bool = False,
    rate: _Rate = None,
    common: Common | None = None,
) -> int:
    """Judge images again whose results were computed under an older version than the one declared now.

    Parameters
    ----------
    stage
        Only results of this stage (default: of every stage, earliest first).
    where
        Only images for which this holds.
    dry_run
        Only say how many, and what it would cost.
    sample
        Decide this many of them again at once, changing nothing, and say what would become of them.
    tenant
        Only this tenant's.
    policy
        With --dry-run: a policy that is not active (a file, name or version), to see what it would change.
    reason
        Why; it is kept in the history of each image.
    wait
        Wait until the engine that leads this home has reset all of them. Without an engine this command does it itself.
    rate
        Images reset in a second, at most.
    """
    common = common or Common()
    if where is not None:
        parse(where)
    if policy is not None:
        return _try(policy, tenant, where or "", dry_run, common)
    why = printable(reason) if reason is not None else "computed under an older version"
    asked = Asked(REGRADE, where or "", tenant, why, rate, dry_run, wait, sample)
    with opened(common) as system:
        if stage is not None:
            check_stage(system, stage)
        stages = [stage] if stage is not None else stale_stages(system.truth, system.workflow, tenant)
        done = asked.run(system, stages)
        if dry_run and curate.NAME in stages:
            done["trial"] = try_active(system, asked.tenant, where or "")
    code = tell(common, done, done)
    if "trial" in done and not common.json:
        show_trial(done["trial"])
    return code


def _try(policy: str, tenant: str | None, where: str, dry_run: bool, common: Common) -> int:
    if not dry_run:
        raise UsageError("--policy is for --dry-run; `parjanya policy activate` makes a policy decide, then regrade")
    with opened(common) as system:
        told = try_named(system, policy, tenant, where)
    words = told.pop("words")
    if common.json:
        show_json(told)
    else:
        for line in [*words, *(f"  {said}" for said in told["policy"]["cost"])]:
            show(line)
        show_trial(told["trial"])
    return Exit.DONE


@campaigns.command(name="list")
def list_(*, common: Common | None = None) -> int:
    """Every campaign, oldest first."""
    common = common or Common()
    with opened(common) as system:
        found = started(system.truth)
    if common.json:
        show_json([c.body() for c in found])
    else:
        for campaign in found:
            show(in_a_line(campaign))
        if not found:
            say("there is no campaign; `replay` and `regrade` begin one")
    return Exit.DONE


@campaigns.command(name="show")
def show_(name: str, /, *, html: Path | None = None, common: Common | None = None) -> int:
    """One campaign: how far it is, and the verdicts before and after.

    Parameters
    ----------
    name
        Its id.
    html
        Also write the report there, as a page that needs nothing else.
    """
    common = common or Common()
    with opened(common) as system:
        campaign, _ = find(system.truth, name)
        found = outcome(system.truth, campaign, system.workflow, system.objects)
        report = found.to_json()
        report["policy_changes"] = changes(system.truth, report["policies"])
        thumbnails = thumbnails_of(found) if html is not None else {}
    told = {**campaign.body(), "report": report}
    if html is not None:
        when = {"created": moment(campaign.created_ms)}
        if campaign.finished_ms is not None:
            when["finished"] = moment(campaign.finished_ms)
        write_whole(html, page(told, GRADES, when, thumbnails).encode("utf-8"))
    if common.json:
        show_json(told)
    else:
        _show_words(campaign, report)
    return Exit.DONE


def _show_words(campaign: Campaign, report: dict[str, Any]) -> None:
    show(in_a_line(campaign))
    show(f"  began {moment(campaign.created_ms)} by {campaign.who}; images: {campaign.selector or 'all'}")
    show(f"  before: {words(totals(report['before']))}")
    show(f"  after:  {words(totals(report['after']))}")
    if report["overridden"]:
        show(f"    {by_people(report['overridden'])}")
    for old, news in report["flips"].items():
        show("    " + ", ".join(f"{old} → {new}: {count}" for new, count in news.items()))
    for side, named in report["policies"].items():
        for one in named:
            show(f"  {side}: {one['images']} by {one['policy']} {one['tag']} ({one['version']})")
    for code, flips in report["by_rule"].items():
        changed = [f"{old} → {new}: {count}" for old, news in flips.items() for new, count in news.items()]
        show(f"    by {code}: {', '.join(changed)}")
    for example in report["examples"]:
        codes = ", ".join(reason["code"] for reason in example["after"]["reasons"]) or "no reason"
        show(f"    {example['path']}: {example['before']['grade']} → {example['after']['grade']} ({codes})")


@campaigns.command(name="cancel")
def cancel_(name: str, /, *, common: Common | None = None) -> int:
    """Stop a campaign at its next page. What it has reset stays reset and is computed again.

    Parameters
    ----------
    name
        Its id.
    """
    common = common or Common()
    with opened(common) as system:
        campaign = cancel(system.truth, system.clock, name)
    return _said(common, campaign)


@campaigns.command(name="resume")
def resume_(name: str, /, *, wait: bool = False, common: Common | None = None) -> int:
    """Go on with a campaign that was cancelled, is paused, or lost its driver.

    Parameters
    ----------
    name
        Its id.
    wait
        Wait until the engine that leads this home has reset everything. Without an engine this command does it itself.
    """
    common = common or Common()
    with opened(common) as system:
        campaign = resume(system.truth, system.clock, name)
        (campaign,) = carry_out(system, [campaign], wait=wait, limit_rate=False)
    return _said(common, campaign)


def _said(common: Common, campaign: Campaign) -> int:
    if common.json:
        show_json(campaign.body())
    else:
        show(in_a_line(campaign))
    return Exit.NOT_WELL if campaign.state is CampaignState.PAUSED else Exit.DONE
