"""What another policy would decide about the images of this home, said before it decides: ``regrade --dry-run``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parjanya.activation import activations
from parjanya.cli.common import check_tenant, show
from parjanya.cli.naming import active, named
from parjanya.policy import Policy, cost, diff, in_words
from parjanya.profiles.system import System
from parjanya.stages import curate
from parjanya.views.overrides import Overrides
from parjanya.views.records import record
from parjanya.views.trial_policy import try_policy
from parjanya.views.where import parse
from parjanya.vision.declared import Classical
from tbie.truth import Item


def try_named(system: System, name: str, tenant: str | None, where: str) -> dict[str, Any]:
    """What the policy *name* would change if it were activated for *tenant* (None: for everybody without one of their own)."""
    tenant = None if tenant is None else check_tenant(tenant)
    new, old = named(system, name, tenant).policy, active(system, tenant).policy
    own = {of for of, activation in activations(system.truth)[0].items() if activation.now.version is not None}
    tenants = [tenant] if tenant is not None else [t for t in system.truth.tenants() if t not in own]
    difference = diff(old, new)
    costs = cost(difference, model_looks=not isinstance(system.declared, Classical))
    told = _tried(system, lambda _: new, tenants, where)
    return {
        "dry_run": True,
        "policy": {**difference.to_json(), "cost": costs},
        "words": in_words(difference),
        "trial": told,
    }


def try_active(system: System, tenant: str | None, where: str) -> dict[str, Any]:
    """What judging again by the policies that are active now would change."""

    def policy_for(tenant: str) -> Policy:
        return system.policies.of(system.truth, system.workflow.version(curate.NAME, tenant))

    tenants = [tenant] if tenant is not None else system.truth.tenants()
    return _tried(system, policy_for, tenants, where)


def _tried(system: System, policy_for: Callable[[str], Policy], tenants: list[str], where: str) -> dict[str, Any]:
    began_s = system.clock.monotonic_s()
    chosen = _chosen(system, where) if where else None
    trial = try_policy(system.truth, policy_for, tenants=tenants, chosen=chosen)
    told = trial.to_json(system.truth, policy_for)
    return {**told, "run_s": round(system.clock.monotonic_s() - began_s, 3)}


def _chosen(system: System, where: str) -> Callable[[Item], bool]:
    selects, people = parse(where), Overrides(system.truth)
    return lambda item: selects(record(item, system.workflow, system.objects, people.of(item.key)))


def show_trial(told: dict[str, Any]) -> None:
    """The result in words."""
    show(
        f"{told['changed']} of {told['images']} verdicts would change (exact, from stored facts, in {told['run_s']:.1f} s)"
    )
    for line in _table(told["flips"]):
        show(f"  {line}")
    for code, flips in told["by_rule"].items():
        show(f"  by {code}: {'; '.join(_table(flips))}")
    for example in told["examples"]:
        before, after = example["before"], example["after"]
        codes = ", ".join(reason["code"] for reason in after["reasons"])
        show(f"    {example['path']}: {before['grade']} → {after['grade']} ({codes})")
    if told["overridden"]["images"]:
        show(f"  {told['overridden']['images']} images were decided by people and keep their verdict")
    if told["unjudged"]:
        show(f"  {told['unjudged']} images have no verdict yet")


def _table(flips: dict[str, dict[str, int]]) -> list[str]:
    changed = [f"{old} → {new}: {count}" for old, row in flips.items() for new, count in row.items() if new != old]
    return [", ".join(changed)] if changed else []
