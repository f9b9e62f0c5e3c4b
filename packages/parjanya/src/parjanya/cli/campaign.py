"""Commands over many images at once: replay, regrade, and looking after the campaigns that carry them out.

A campaign is written down first and carried out after that: by the engine that leads this home, else by the command itself.
Killed at any moment, it is resumed by the next engine, by ``campaign resume``, or by the same command.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from parjanya.cli.act import person
from parjanya.cli.common import Common, Exit, UsageError, check_tenant, opened, printable, say, show, show_json
from parjanya.cli.driving import carry_out
from parjanya.export.campaign_page import page
from parjanya.export.files import write_whole
from parjanya.imaging.limits import Limits
from parjanya.profiles.embedded import System
from parjanya.views.campaigns import GRADES, REGRADE, REPLAY, Boundary, in_a_line, outcome, plan, stale_stages, totals
from parjanya.views.trial import Scratch, Trial, attempt, cost
from parjanya.views.where import parse
from tbie.campaign import Campaign, CampaignState, cancel, find, resume, running, start, started

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
    asked = _Asked(REPLAY, where, tenant, printable(reason), rate, dry_run, wait, sample)
    with opened(common) as system:
        _check_stage(system, from_)
        done = asked.run(system, [from_])
    (boundary,) = done["boundaries"] or [{}]
    extra = {key: boundary[key] for key in ("tenants", "executions", "cost_s", "trial") if key in boundary}
    head = {key: done[key] for key in ("matched", "replayed", "dry_run")}
    told = {**head, "from": from_, "campaign": (done["campaigns"] or [None])[0], "state": done["state"], **extra}
    return _tell(common, told, done)


def regrade(
    *,
    stage: str | None = None,
    where: str | None = None,
    dry_run: bool = False,
    sample: int = 0,
    tenant: str | None = None,
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
    words = printable(reason) if reason is not None else "computed under an older version"
    asked = _Asked(REGRADE, where or "", tenant, words, rate, dry_run, wait, sample)
    with opened(common) as system:
        if stage is not None:
            _check_stage(system, stage)
        stages = [stage] if stage is not None else stale_stages(system.truth, system.workflow)
        done = asked.run(system, stages)
    return _tell(common, done, done)


class _Asked:
    """What was asked for, by either command."""

    def __init__(
        self,
        kind: str,
        where: str,
        tenant: str | None,
        reason: str,
        rate: float | None,
        dry_run: bool,
        wait: bool,
        sample: int,
    ) -> None:
        if rate is not None and not 0 < rate < float("inf"):
            raise UsageError(f"--rate must be more than 0, not {rate:g}")
        if sample < 0:
            raise UsageError(f"--sample must be at least 0, not {sample}")
        self.kind, self.where, self.reason = kind, where, reason
        self.tenant = None if tenant is None else check_tenant(tenant)
        self.rate, self.dry_run, self.wait, self.sample = rate, dry_run, wait, sample

    def run(self, system: System, stages: Sequence[str]) -> dict[str, Any]:
        """Plan it; unless dry, begin it (or go on with the same one) and carry it out as far as is ours to do."""
        begun = [] if self.dry_run else self._unfinished(system, stages)
        found: list[dict[str, Any]] = []
        if not begun:
            boundaries = self._plan(system, stages)
            found = [self._told(system, boundary) for boundary in boundaries]
            if not self.dry_run:
                begun = self._begin(system, [b.stage for b in boundaries if b.matched])
        else:
            say(f"going on with campaign {', '.join(c.id for c in begun)}")
        after = carry_out(system, begun, wait=self.wait, limit_rate=self.rate is not None)
        complete = bool(after) and all(c.state is CampaignState.DONE for c in after)
        planned = sum(boundary["matched"] for boundary in found)
        return {
            "matched": sum(c.counts.matched for c in after) if complete or not found else planned,
            "replayed": sum(c.counts.reset for c in after),
            "dry_run": self.dry_run,
            "campaigns": [c.id for c in after],
            "state": _state(after),
            "boundaries": found,
        }

    def _unfinished(self, system: System, stages: Sequence[str]) -> list[Campaign]:
        mine = (self.kind, self.where, self.tenant, self.reason)
        found = [c for c, _ in running(system.truth) if (c.kind, c.selector, c.tenant, c.reason) == mine]
        return [c for c in found if c.stage in stages or self.kind == REGRADE]

    def _plan(self, system: System, stages: Sequence[str]) -> list[Boundary]:
        where = parse(self.where) if self.where else None
        regrade = self.kind == REGRADE
        args = (system.truth, system.workflow, system.objects, stages, where)
        return plan(*args, regrade=regrade, tenant=self.tenant, sample=self.sample)

    def _told(self, system: System, boundary: Boundary) -> dict[str, Any]:
        trial = _try(system, boundary) if self.sample and boundary.sample else None
        told = boundary.to_json() | {"cost_s": cost(boundary.executions, trial)}
        return told if trial is None else told | {"trial": trial.to_json()}

    def _begin(self, system: System, stages: Sequence[str]) -> list[Campaign]:
        seq = system.truth.last_seq()
        rate = self.rate if self.rate is not None else system.settings.campaign_rate_per_s
        return [
            start(
                system.truth,
                system.workflow,
                system.clock,
                kind=self.kind,
                selector=self.where,
                stage=stage,
                reason=self.reason,
                who=person(),
                rate_per_s=rate,
                tenant=self.tenant,
                from_seq=seq,
            )
            for stage in stages
        ]


def _try(system: System, boundary: Boundary) -> Trial:
    scratch = Scratch(system.objects)
    handlers = system.handlers(Limits(), scratch)
    return attempt(boundary.sample, boundary.stage, system.workflow, handlers, scratch, system.clock)


def _check_stage(system: System, stage: str) -> None:
    if system.workflow.get(stage) is None:
        names = ", ".join(stage.name for stage in system.workflow.stages)
        raise UsageError(f"there is no stage {stage!r}; stages: {names}")


def _state(found: Sequence[Campaign]) -> str | None:
    """The state that speaks for all of *found*; None if there is no campaign."""
    order = [CampaignState.PAUSED, CampaignState.RUNNING, CampaignState.CANCELLED, CampaignState.DONE]
    return next((state.value for state in order if any(c.state is state for c in found)), None)


def _tell(common: Common, told: dict[str, Any], done: dict[str, Any]) -> int:
    if common.json:
        show_json(told)
    else:
        for boundary in done["boundaries"]:
            show("\n".join(_boundary_lines(boundary)))
        match done["state"]:
            case None:
                what = "nothing was changed (dry run)" if done["dry_run"] else "nothing to do"
            case CampaignState.RUNNING.value:
                what = f"campaign {', '.join(done['campaigns'])} is carried out by the engine of this home"
            case state:
                what = f"{done['replayed']} reset; campaign {', '.join(done['campaigns'])} is {state}"
        show(f"{done['matched']} match; {what}")
    return Exit.NOT_WELL if done["state"] in (CampaignState.PAUSED.value, CampaignState.CANCELLED.value) else Exit.DONE


def _boundary_lines(boundary: dict[str, Any]) -> list[str]:
    now = totals(boundary["tenants"])
    lines = [f"from {boundary['stage']}: {boundary['matched']} images ({_words(now)})"]
    for tenant, grades in boundary["tenants"].items():
        lines.append(f"  tenant {tenant}: {sum(grades.values())} ({_words(grades)})")
    for stage, runs in boundary["executions"].items():
        seconds = boundary["cost_s"][stage]
        lines.append(
            f"  {stage} {runs} times: "
            + ("unknown time" if seconds is None else f"about {seconds:.1f} s of one worker")
        )
    trial = boundary.get("trial")
    if trial is not None:
        exact = "" if trial["exact"] else "; what compares images was taken as it is, so the outcome may differ"
        lines.append(f"  a sample of {trial['images']} was decided again{exact}:")
        for old, news in trial["flips"].items():
            lines.append("    " + ", ".join(f"{old} → {new}: {count}" for new, count in news.items()))
        for example in trial["examples"]:
            codes = ", ".join(reason["code"] for reason in example["after"]["reasons"]) or "no reason"
            lines.append(f"    {example['path']}: {example['before']['grade']} → {example['after']['grade']} ({codes})")
    return lines


def _words(grades: Any) -> str:
    return ", ".join(f"{name} {grades[name]}" for name in GRADES if grades.get(name)) or "none"


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
        report = outcome(system.truth, campaign, system.workflow, system.objects).to_json()
    told = {**campaign.body(), "report": report}
    if html is not None:
        when = {"created": _at(campaign.created_ms)}
        if campaign.finished_ms is not None:
            when["finished"] = _at(campaign.finished_ms)
        write_whole(html, page(told, GRADES, when).encode("utf-8"))
    if common.json:
        show_json(told)
    else:
        _show_words(campaign, report)
    return Exit.DONE


def _show_words(campaign: Campaign, report: dict[str, Any]) -> None:
    show(in_a_line(campaign))
    show(f"  began {_at(campaign.created_ms)} by {campaign.who}; images: {campaign.selector or 'all'}")
    show(f"  before: {_words(totals(report['before']))}")
    show(f"  after:  {_words(totals(report['after']))}")
    for old, news in report["flips"].items():
        show("    " + ", ".join(f"{old} → {new}: {count}" for new, count in news.items()))
    for example in report["examples"]:
        codes = ", ".join(reason["code"] for reason in example["after"]["reasons"]) or "no reason"
        show(f"    {example['path']}: {example['before']['grade']} → {example['after']['grade']} ({codes})")


def _at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


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
