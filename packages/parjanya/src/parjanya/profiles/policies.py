"""Which policies decide in this process: what Truth says is active, declared as versions of the stage ``curate``.

Caller: ``system``, for each pass of a reconciler, each batch of a worker, each step of a campaign, and once for a command.
"""

from __future__ import annotations

from parjanya.activation import activations, find, name_of
from parjanya.policy import Policy, PolicyUnavailableError
from parjanya.stages import curate
from tbie.truth import TruthStore
from tbie.workflow import Workflow


class Policies:
    """What holds by the last ``refresh``. Not thread-safe beyond that: a reader sees it before or after, never between."""

    def __init__(self) -> None:
        # of all that was ever declared in this process: work that was begun goes on by what it was begun with
        self._stands_for: dict[str, str] = {curate.VERSION: curate.CULLING.version}
        self._known: dict[str, Policy] = {}
        self._problems: dict[str, str] = {}

    def refresh(self, truth: TruthStore, workflow: Workflow) -> None:
        """Declare what is active by now. An activation that cannot be read declares a version that no policy stands for.

        Raises:
            TruthUnavailableError: Truth cannot be read; what was declared before still holds.
        """
        found, broken = activations(truth)
        declared: dict[str | None, str] = {}
        for tenant, activation in found.items():
            version = activation.now.version
            if version is not None:  # else what holds for everybody, or the built-in policy
                declared[tenant] = curate.version_of(version)
                self._stands_for[declared[tenant]] = version
        problems = {
            curate.version_of(f"unreadable {name_of(tenant)}"): (tenant, said) for tenant, said in broken.items()
        }
        declared |= {tenant: version for version, (tenant, _) in problems.items()}
        self._problems = {version: said for version, (_, said) in problems.items()}
        tenants = {tenant: version for tenant, version in declared.items() if tenant is not None}
        workflow.declare(curate.NAME, tenants, declared.get(None))

    def of(self, truth: TruthStore, version: str) -> Policy:
        """The policy that this version of the stage *curate* stands for.

        Raises:
            PolicyUnavailableError: it is missing in Truth, or damaged, or its activation is.
        """
        if version in self._problems:
            raise PolicyUnavailableError(self._problems[version])
        policy_version = self._stands_for.get(version)
        if policy_version is None:
            raise PolicyUnavailableError(f"no active policy stands for {curate.NAME} {version}")
        known = self._known.get(policy_version)
        if known is None:
            known = self._known[policy_version] = find(truth, policy_version)
        return known
