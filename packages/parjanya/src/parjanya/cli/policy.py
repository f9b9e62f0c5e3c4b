"""Which rules decide: checking, comparing, activating policies and taking that back.

A policy is activated for everybody, or for one tenant. What was judged before stays as it is until ``regrade`` judges it
again: an activation changes no verdict by itself, and a dry run says beforehand which ones would change.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cyclopts import App

from parjanya.activation import DEFAULT_POLICY, Activation, Stored, activations, before, lost, stored
from parjanya.cli.activating import stale_images, switch
from parjanya.cli.bulk import Asked
from parjanya.cli.common import Common, Exit, UsageError, check_tenant, if_there, opened, show, show_json
from parjanya.cli.naming import Named, activation_of, active, from_file, named
from parjanya.cli.override import one_line
from parjanya.cli.times import moment
from parjanya.policy import BUILT_IN, PolicyError, PolicyUnavailableError, Problem, builtin, cost, diff, in_words
from parjanya.policy import named as name_of_policy
from parjanya.profiles.system import System
from parjanya.stages import curate
from parjanya.views.campaigns import REGRADE
from parjanya.vision.declared import Classical

policies = App(name="policy", help="Which rules decide: check, compare, activate, take back.")


@policies.command
def check(file: Path, /, *, common: Common | None = None) -> int:
    """Whether FILE is a policy; if not, every reason why, with lines.

    Parameters
    ----------
    file
        A YAML document (docs/policy.md).
    """
    common = common or Common()
    try:
        found = from_file(file)
    except OSError as error:
        if common.json:
            problem = Problem(1, 1, f"it cannot be read: {(error.strerror or str(error)).lower()}")
            show_json({"ok": False, "problems": [problem.to_json()], "warnings": []})
        raise
    except PolicyError as error:
        if common.json:
            show_json({"ok": False, "problems": [problem.to_json() for problem in error.problems], "warnings": []})
        else:
            show(str(error))
        return Exit.NOT_WELL
    policy = found.policy
    if common.json:
        show_json({"ok": True, "problems": [], "warnings": list(policy.warnings), **name_of_policy(policy)})
    else:
        show(f"{file}: policy {policy.name} {policy.tag} ({policy.version}), {len(policy.rules)} rules")
        for warning in policy.warnings:
            show(f"{file}: {warning}")
    return Exit.DONE


@policies.command(name="show")
def show_(name: str = "active", /, *, tenant: str | None = None, common: Common | None = None) -> int:
    """A policy: its document, or with --json what it says.

    Parameters
    ----------
    name
        `active` (default), a built-in name, a stored version, tag or name, or a file.
    tenant
        Whose active policy.
    """
    common = common or Common()
    with if_there(common) as system:
        found = named(system, name, _tenant(tenant))
    if common.json:
        show_json(
            {**name_of_policy(found.policy), "source": found.source, **found.policy.canonical, "text": found.text}
        )
    else:
        show(f"# {found.source}: {found.policy.version}")
        show(found.text.removeprefix("\ufeff").replace("\r\n", "\n").rstrip("\n"))
    return Exit.DONE


@policies.command(name="list")
def list_(*, common: Common | None = None) -> int:
    """What is active for whom, what is stored, what comes with the program."""
    common = common or Common()
    with opened(common) as system:
        kept, (found, broken) = stored(system.truth), activations(system.truth)
        try:
            everybody = active(system, None).policy
        except PolicyUnavailableError:  # which the problems say
            everybody = None
    told = {
        "active": name_of_policy(everybody) if everybody is not None else None,
        "activations": [activation.to_json() for activation in found.values()],
        "problems": [{"tenant": tenant, "problem": problem} for tenant, problem in broken.items()]
        + [{"tenant": tenant, "problem": lost(version)} for tenant, version in _lost(kept, found)]
        + [{"version": s.version, "problem": s.problem} for s in kept.values() if s.problem is not None],
        "stored": [
            {"policy": s.name, "tag": s.tag, "version": s.version, "stored_ms": s.stored_ms} for s in kept.values()
        ],
        "built_in": [name_of_policy(builtin(name)) for name in BUILT_IN],
    }
    if common.json:
        show_json(told)
    else:
        for line in _list_lines(told, found):
            show(line)
    return Exit.NOT_WELL if told["problems"] else Exit.DONE


def _lost(kept: dict[str, Stored], found: dict[str | None, Activation]) -> list[tuple[str | None, str]]:
    """The tenants whose active policy nobody holds, with its version."""
    there = {*kept, builtin(DEFAULT_POLICY).version, None}
    return [(tenant, str(one.now.version)) for tenant, one in found.items() if one.now.version not in there]


def _list_lines(told: dict[str, Any], found: dict[str | None, Activation]) -> list[str]:
    lines = ["active:", f"  everybody: {_words(told['active'])}"]
    for tenant, activation in found.items():
        now = activation.now
        if tenant is not None:
            what = f"{now.policy} {now.tag} ({now.version})" if now.version is not None else "as everybody"
            lines.append(f"  tenant {tenant}: {what}")
        lines.append(f"    since {moment(now.at_ms)} by {now.who}: {now.why}")
    lines += ["stored:", *(f"  {_words(one)}" for one in told["stored"])]
    lines += ["built in:", *(f"  {_words(one)}" for one in told["built_in"])]
    return lines + [f"problem: {one['problem']}" for one in told["problems"]]


def _words(one: dict[str, Any] | None) -> str:
    return f"{one['policy']} {one['tag']} ({one['version']})" if one is not None else "cannot be read"


@policies.command(name="diff")
def diff_(old: str, new: str | None = None, /, *, tenant: str | None = None, common: Common | None = None) -> int:
    """What differs between two policies, and what the change costs.

    Parameters
    ----------
    old
        A file, name or version; alone, it is compared with what is active.
    new
        Another one.
    tenant
        Whose active policy.
    """
    common = common or Common()
    of = _tenant(tenant)
    with if_there(common) as system:
        one, other = (
            (named(system, old, of), named(system, new, of)) if new else (active(system, of), named(system, old, of))
        )
        difference = diff(one.policy, other.policy)
        costs = cost(difference, model_looks=system is not None and not isinstance(system.declared, Classical))
    if common.json:
        show_json({**difference.to_json(), "cost": costs})
    else:
        for line in [*in_words(difference), *(f"  {said}" for said in costs)]:
            show(line)
    return Exit.DONE


@policies.command(name="activate")
def activate_(
    name: str,
    /,
    *,
    tenant: str | None = None,
    reason: str = "activated from the command line",
    regrade: bool = False,
    wait: bool = False,
    common: Common | None = None,
) -> int:
    """From now on, this policy decides. With --regrade, what was judged before is judged again.

    Parameters
    ----------
    name
        A file, a built-in name, or a stored version, tag or name.
    tenant
        Only for this tenant (default: for everybody without a policy of their own).
    reason
        Why; it is kept with the activation, and in the history of each image that is judged again.
    regrade
        Begin the campaign that judges again what an earlier policy has judged.
    wait
        With --regrade: wait until an engine that leads this home has reset all of them.
    """
    common = common or Common()
    of = _tenant(tenant)
    with opened(common) as system:
        expected = activation_of(system, of)
        return _change(system, named(system, name, of), of, expected, reason, regrade, wait, common)


@policies.command
def rollback(
    version: str | None = None,
    /,
    *,
    tenant: str | None = None,
    reason: str = "rolled back from the command line",
    regrade: bool = False,
    wait: bool = False,
    common: Common | None = None,
) -> int:
    """Back to the policy that was active before, or to a stored version.

    Parameters
    ----------
    version
        A stored version, tag or name (default: what was active before).
    tenant
        Only for this tenant (default: for everybody without a policy of their own).
    reason
        Why.
    regrade
        Begin the campaign that judges again what the other policy has judged.
    wait
        With --regrade: wait until an engine that leads this home has reset all of them.
    """
    common = common or Common()
    of = _tenant(tenant)
    with opened(common) as system:
        expected, broken = activation_of(system, of), activations(system.truth)[1]
        if of in broken:
            raise PolicyUnavailableError(broken[of])
        if expected is None:
            raise UsageError(
                f"no policy was ever activated for {tenant or 'everybody'}: there is nothing to go back to"
            )
        target = version if version is not None else before(expected).version
        found = named(system, target, of) if target is not None else None
        return _change(system, found, of, expected, reason, regrade, wait, common)


def _tenant(tenant: str | None) -> str | None:
    return None if tenant is None else check_tenant(tenant)


def _change(
    system: System,
    to: Named | None,
    tenant: str | None,
    expected: Activation | None,
    reason: str,
    regrade: bool,
    wait: bool,
    common: Common,
) -> int:
    """Activate *to* (None: what holds without an activation), say so, and regrade if asked."""
    why = one_line(reason)
    changed = switch(system, to, tenant, expected, why)
    now = active(system, tenant).policy
    told: dict[str, Any] = {"changed": changed, "tenant": tenant, **name_of_policy(now)}
    stale = stale_images(system, tenant)
    done = None
    if regrade:
        asked = Asked(REGRADE, "", tenant, why, None, False, wait, 0)
        done = asked.run(system, [curate.NAME])
        told["regrade"] = {key: done[key] for key in ("matched", "replayed", "campaigns", "state")}
    told["judged_by_another"] = stale
    if common.json:
        show_json(told)
    else:
        whom = f"tenant {tenant}" if tenant is not None else "everybody"
        verb = "decides from now on" if changed else "decides already"
        show(f"{now.name} {now.tag} ({now.version}) {verb} for {whom}")
        if done is not None:
            name = ", ".join(done["campaigns"]) or "none"
            show(f"{stale} images were judged by another policy; campaign {name}: {done['state']}")
        elif stale:
            show(f"{stale} images were judged by another policy; `parjanya regrade --dry-run` says what would change")
    return Exit.DONE
