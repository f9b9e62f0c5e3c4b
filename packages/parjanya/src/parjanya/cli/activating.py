"""Making a policy decide, and what follows from that. Callers: ``policy``, and ``curate`` and ``serve`` with ``--policy``."""

from __future__ import annotations

from parjanya.activation import Activation, activate, find
from parjanya.cli.act import person
from parjanya.cli.common import say
from parjanya.cli.naming import NOBODY, Named, activation_of
from parjanya.policy import PolicyUnavailableError
from parjanya.profiles.system import System
from parjanya.stages import curate


def switch(system: System, to: Named | None, tenant: str | None, expected: Activation | None, why: str) -> bool:
    """Activate *to* for *tenant* if it is not what was activated last, or was lost since; whether anything changed.

    Raises:
        ActivationError: somebody else activated something meanwhile.
    """
    version = to.policy.version if to is not None else None
    if expected is not None and expected.now.version == version and (version is None or _kept(system, version)):
        return False
    activate(
        system.truth,
        to.policy if to is not None else None,
        to.text if to is not None else "",
        tenant=tenant,
        who=person(),
        why=why,
        now_ms=system.clock.now_ms(),
        expected=expected,
    )
    system.refresh()
    system.truth_bell.ring()
    return True


def use(system: System, to: Named, tenant: str | None) -> None:
    """Make *to* decide for *tenant* if something else does, and say so.

    Raises:
        ActivationError: somebody else activated something meanwhile.
    """
    expected = activation_of(system, tenant)
    decides = system.workflow.version(curate.NAME, tenant if tenant is not None else NOBODY)
    if decides == curate.version_of(to.policy.version) and _kept(system, to.policy.version):
        return
    switch(system, to, tenant, expected, "asked for by --policy")
    policy, whom = to.policy, f"tenant {tenant}" if tenant is not None else "everybody without a policy of their own"
    say(f"{policy.name} {policy.tag} ({policy.version}) decides from now on for {whom}")
    stale = stale_images(system, tenant)
    if stale:
        say(f"{stale} images were judged by another policy; `parjanya regrade` judges them again")


def _kept(system: System, version: str) -> bool:
    """Whether that policy can be had: one that was lost is mended by activating it again."""
    try:
        find(system.truth, version)
    except PolicyUnavailableError:
        return False
    return True


def stale_images(system: System, tenant: str | None) -> int:
    """Images whose verdict is by another policy than the one that is active for their tenant now."""
    return sum(
        count
        for (of, stage, version), count in system.truth.versions(tenant).items()
        if stage == curate.NAME and version != system.workflow.version(stage, of)
    )
