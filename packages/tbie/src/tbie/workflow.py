"""Workflows: stages, what each needs, what each owns, under which version. Data, not code paths.

Callers: ``lifecycle`` reads it to decide what opens next, the worker to know what it may run ahead, the reconciler for
retry policies. Nothing here does anything, but for ``declare``: which version of a stage holds for whom may change while a
program runs (a tenant gets another policy), and every reader sees either what was declared before or all of what is now.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from tbie.core.errors import WorkflowError
from tbie.core.fingerprint import fingerprint
from tbie.core.outcome import Facts

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

Eligible = Callable[[Mapping[str, Facts]], str | None]
"""Given the facts so far, None if the stage applies, else the reason code why it is skipped."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often one intent may be received, and how long to wait between attempts."""

    max_receives: int = 3
    """After this many receives the message goes to the dead letters and Truth says failed (retriable)."""
    backoff_base_s: float = 1.0
    """The first wait; it doubles with each attempt. One second outlasts a blip and delays nobody noticeably."""
    backoff_max_s: float = 300.0
    """The longest wait: five minutes keeps a healed dependency from being noticed late."""

    def backoff_ms(self, attempt: int) -> int:
        """Milliseconds to wait after attempt number *attempt* (1 = the first)."""
        exponent = min(max(attempt, 1) - 1, 40)
        return int(1000 * min(self.backoff_max_s, self.backoff_base_s * 2**exponent))


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a workflow."""

    name: str
    version: str
    """Fingerprint of whatever changes the answer: code, model, prompt, parameters. ``Workflow.version`` says which holds for a
    tenant: this one, unless another was declared."""
    pool: str = "default"
    """Which workers execute it."""
    needs: tuple[str, ...] = ()
    owns: tuple[str, ...] = ()
    """Names of the facts it writes; nobody else writes them."""
    eligible: Eligible | None = None
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    max_run_s: float = 30.0
    """The longest realistic run of one item; a supervisor ends what takes longer."""
    claim_batch: int = 1
    """How many intents a worker takes at once: many where an item costs microseconds, few where it costs seconds."""
    barrier: bool = False
    """Opens for a tenant only when no item of that tenant has an open stage that this one needs: for stages that
    compare items with each other. Late arrivals are handled by ``Completed.invalidates``."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """The versions of one stage that hold instead of its own."""

    default: str
    by_tenant: Mapping[str, str]
    """Of the tenants whose version is not the default."""
    all_tenants: str
    """One name for all of it: the default, or a digest where tenants differ."""


class Workflow:
    """A named, validated DAG of stages.

    Raises:
        WorkflowError: a duplicate or unusable name, an unknown need, a cycle, or a barrier that needs nothing.
    """

    def __init__(self, name: str, stages: tuple[Stage, ...]) -> None:
        self.name = name
        self._by_name = {stage.name: stage for stage in stages}
        if len(self._by_name) != len(stages):
            raise WorkflowError(f"workflow {name!r} uses a stage name twice; rename one of {[s.name for s in stages]}")
        for stage in stages:
            if not _NAME.fullmatch(stage.name):
                raise WorkflowError(
                    f"{stage.name!r} cannot be the name of a stage: letters, digits and underscores only"
                )
            if stage.barrier and not stage.needs:
                raise WorkflowError(f"stage {stage.name!r} is a barrier but needs nothing: it would wait for nobody")
            for need in stage.needs:
                if need not in self._by_name:
                    raise WorkflowError(f"stage {stage.name!r} needs {need!r}, which workflow {name!r} does not have")
        self.stages = self._in_topological_order()
        self._declared: Mapping[str, Declaration] = {}  # replaced as a whole, so that readers need no lock
        self._declaring = threading.Lock()

    def __getitem__(self, stage: str) -> Stage:
        return self._by_name[stage]

    def get(self, stage: str) -> Stage | None:
        """The stage of that name, or None if a row speaks of a stage this workflow no longer has."""
        return self._by_name.get(stage)

    def version(self, stage: str, tenant: str | None) -> str:
        """The version of *stage* that holds for *tenant* now; None: one name for what holds for all tenants.

        Raises:
            WorkflowError: there is no such stage.
        """
        found = self.declared(stage, tenant)
        if found is None:
            raise WorkflowError(f"workflow {self.name!r} has no stage {stage!r}; it has {sorted(self._by_name)}")
        return found

    def declared(self, stage: str, tenant: str | None) -> str | None:
        """``version``, or None if a row speaks of a stage this workflow no longer has."""
        declaration = self._declared.get(stage)
        if declaration is None:
            own = self._by_name.get(stage)
            return own.version if own is not None else None
        return declaration.all_tenants if tenant is None else declaration.by_tenant.get(tenant, declaration.default)

    def declare(self, stage: str, by_tenant: Mapping[str, str], default: str | None = None) -> bool:
        """From now on, these versions of *stage* hold: *by_tenant*, and *default* (None: its own) for all others.

        Replaces what was declared for that stage before, in one step; a reader in another thread never sees a mixture.
        Costs a comparison where nothing changes. What a worker must have installed (``fingerprint``) stays as it is.

        Returns:
            Whether anything is different now.

        Raises:
            WorkflowError: there is no such stage, or a version is empty. Nothing was changed.
        """
        own = self._by_name.get(stage)
        if own is None:
            raise WorkflowError(f"workflow {self.name!r} has no stage {stage!r}; it has {sorted(self._by_name)}")
        usual = own.version if default is None else default
        others = {tenant: version for tenant, version in by_tenant.items() if version != usual}
        if not usual or not all(others.values()):
            raise WorkflowError(f"a version of stage {stage!r} is empty: {default!r}, {dict(by_tenant)}")
        with self._declaring:
            before = self._declared.get(stage)
            if before is not None and (before.default, before.by_tenant) == (usual, others):
                return False
            together = fingerprint({"default": usual, "by_tenant": others}) if others else usual
            self._declared = {**self._declared, stage: Declaration(usual, MappingProxyType(others), together)}
        return before is not None or usual != own.version or bool(others)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when any stage's name, needs or own version does: the declared environment of a worker."""
        return fingerprint({s.name: [s.version, list(s.needs), s.pool] for s in self.stages})

    @cached_property
    def pools(self) -> tuple[str, ...]:
        """Every pool, in order of first use."""
        return tuple(dict.fromkeys(stage.pool for stage in self.stages))

    def in_pool(self, pool: str) -> tuple[Stage, ...]:
        """The stages that *pool* executes, in topological order."""
        return tuple(stage for stage in self.stages if stage.pool == pool)

    @cached_property
    def downstream(self) -> Mapping[str, tuple[Stage, ...]]:
        """For each stage, the stages that need it directly or through others, in topological order."""
        return {s.name: tuple(o for o in self.stages if s.name in self.upstream[o.name]) for s in self.stages}

    @cached_property
    def upstream(self) -> Mapping[str, frozenset[str]]:
        """For each stage, every stage it needs directly or through others."""
        found: dict[str, frozenset[str]] = {}
        for stage in self.stages:
            found[stage.name] = frozenset(stage.needs).union(*(found[need] for need in stage.needs))
        return found

    @cached_property
    def direct(self) -> Mapping[str, tuple[Stage, ...]]:
        """For each stage, the stages that name it in their needs."""
        return {s.name: tuple(o for o in self.stages if s.name in o.needs) for s in self.stages}

    def _in_topological_order(self) -> tuple[Stage, ...]:
        ordered: dict[str, Stage] = {}
        left = dict(self._by_name)
        while left:
            ready = [s for s in left.values() if all(need in ordered for need in s.needs)]
            if not ready:
                raise WorkflowError(f"the stages {sorted(left)} of workflow {self.name!r} need each other in a circle")
            for stage in ready:
                ordered[stage.name] = left.pop(stage.name)
        return tuple(ordered.values())
