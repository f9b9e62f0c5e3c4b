"""What ``replay`` and ``regrade`` have in common: plan, begin, carry out, and say what came of it.

Caller: ``campaign``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parjanya.cli.act import person
from parjanya.cli.common import Common, Exit, UsageError, check_tenant, say, show, show_json
from parjanya.cli.driving import carry_out
from parjanya.imaging.limits import Limits
from parjanya.profiles.system import System
from parjanya.views.campaigns import GRADES, REGRADE, Boundary, plan, totals
from parjanya.views.overrides import Overrides
from parjanya.views.trial import Scratch, Trial, attempt, cost
from parjanya.views.where import parse
from tbie.campaign import Campaign, CampaignState, running, start


class Asked:
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
        self.kind, self.where, self.reason = kind, where, " ".join(reason.split())  # lists show it in a line
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
        seq = system.truth.mark()
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
    return attempt(
        boundary.sample, boundary.stage, system.workflow, handlers, scratch, system.clock, Overrides(system.truth)
    )


def check_stage(system: System, stage: str) -> None:
    """Refuse a stage that there is not.

    Raises:
        UsageError: with the names of those that there are.
    """
    if system.workflow.get(stage) is None:
        names = ", ".join(stage.name for stage in system.workflow.stages)
        raise UsageError(f"there is no stage {stage!r}; stages: {names}")


def _state(found: Sequence[Campaign]) -> str | None:
    """The state that speaks for all of *found*; None if there is no campaign."""
    order = [CampaignState.PAUSED, CampaignState.RUNNING, CampaignState.CANCELLED, CampaignState.DONE]
    return next((state.value for state in order if any(c.state is state for c in found)), None)


def tell(common: Common, told: dict[str, Any], done: dict[str, Any]) -> int:
    """Print *told* as JSON, or *done* in words; returns the exit code."""
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
    lines = [f"from {boundary['stage']}: {boundary['matched']} images ({words(now)})"]
    if boundary["overridden"]:
        lines.append(f"  {by_people(boundary['overridden'])}")
    for tenant, grades in boundary["tenants"].items():
        lines.append(f"  tenant {tenant}: {sum(grades.values())} ({words(grades)})")
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
        if trial["overridden"]:
            lines.append(f"    {by_people(trial['overridden'])}")
        for old, news in trial["flips"].items():
            lines.append("    " + ", ".join(f"{old} → {new}: {count}" for new, count in news.items()))
        for example in trial["examples"]:
            codes = ", ".join(reason["code"] for reason in example["after"]["reasons"]) or "no reason"
            lines.append(f"    {example['path']}: {example['before']['grade']} → {example['after']['grade']} ({codes})")
    return lines


def by_people(overridden: Any) -> str:
    """What a policy cannot change, in words."""
    kept = ", ".join(f"{verdict} {count}" for verdict, count in overridden.items())
    return f"overridden, kept: {sum(overridden.values())} that people decided ({kept})"


def words(grades: Any) -> str:
    """Counts by grade, in the order in which people read them."""
    return ", ".join(f"{name} {grades[name]}" for name in GRADES if grades.get(name)) or "none"
