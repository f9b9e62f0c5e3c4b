"""Re-deciding a few images in this process, without changing anything: the canary of a replay or a regrade.

Caller: ``regrade --sample N`` and ``replay --dry-run --sample N``. Stages that look at one image are run by their own handlers,
on the facts that Truth holds; what they would store goes to memory. A stage that compares images cannot be run on a sample: its
stored facts are taken as they are. So the answer is exact for *curate*, and says so.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from parjanya.stages import curate, group
from parjanya.views.campaigns import EXAMPLES_OF_EACH, Example, grade
from parjanya.views.overrides import Overrides
from parjanya.views.records import record
from tbie.core.clock import Clock
from tbie.core.keys import Address
from tbie.core.outcome import Completed, Facts, Outcome, Retry, TerminalFailure
from tbie.execution import Handlers, Work, alone
from tbie.objects import ObjectStore
from tbie.truth import Item, StageRecord, StageState
from tbie.workflow import Workflow

SCRATCH = "trial"
"""Bucket of what a trial stores in memory."""

RECOMPARED = frozenset({group.NAME})
"""Stages whose answer depends on other images."""


class Scratch:
    """An object store over another one that keeps in memory what is put into it."""

    def __init__(self, under: ObjectStore) -> None:
        self._under = under
        self._held: dict[Address, bytes] = {}

    def put(self, data: bytes, suffix: str) -> Address:
        """Keep *data* until this trial ends."""
        address = Address(SCRATCH, hashlib.sha256(data).hexdigest() + suffix)
        self._held[address] = data
        return address

    def get(self, address: Address) -> bytes:
        """The bytes at *address*."""
        return self._held[address] if address.bucket == SCRATCH else self._under.get(address)

    def has(self, address: Address) -> bool:
        """Whether something is at *address*."""
        return address in self._held if address.bucket == SCRATCH else self._under.has(address)


@dataclass(slots=True)
class Trial:
    """What came of a sample."""

    stage: str
    images: int = 0
    overridden: Counter[str] = field(default_factory=Counter)
    """Images about which a person has decided, by that verdict: no flips, whatever the policy would say."""
    flips: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)
    run_s: dict[str, float] = field(default_factory=dict)
    """Mean seconds by stage, measured here on one core. Stages that were not run are not in it."""

    @property
    def exact(self) -> bool:
        """Whether each flip is what the campaign would bring: nothing in it depends on other images."""
        return self.stage == curate.NAME

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        flips: dict[str, dict[str, int]] = {}
        for (old, new), count in sorted(self.flips.items()):
            flips.setdefault(old, {})[new] = count
        return {
            "stage": self.stage,
            "images": self.images,
            "exact": self.exact,
            "overridden": dict(self.overridden),
            "flips": flips,
            "examples": [example.to_json() for example in self.examples],
            "mean_run_s": dict(self.run_s),
        }


def cost(executions: Mapping[str, int], trial: Trial | None) -> dict[str, float | None]:
    """Seconds of one worker by stage; None where the mean run time was not measured, which is not 0."""
    known = trial.run_s if trial is not None else {}
    return {stage: count * known[stage] if stage in known else None for stage, count in executions.items()}


def attempt(
    items: Sequence[Item],
    stage: str,
    workflow: Workflow,
    handlers: Handlers,
    objects: ObjectStore,
    clock: Clock,
    overrides: Overrides | None = None,
) -> Trial:
    """Run *stage* and what follows it on *items*; with *overrides*, what people decided is counted apart."""
    trial = Trial(stage)
    spent: dict[str, float] = {}
    runs: Counter[str] = Counter()
    names = [stage, *(s.name for s in workflow.downstream[stage])]
    for item in items:
        again = item
        scratch: dict[str, object] = {}
        for name in names:
            old = item.stages.get(name)
            if name in RECOMPARED or old is None or old.state is not StageState.COMPLETED:
                continue
            began_s = clock.monotonic_s()
            version = workflow.version(name, item.key.tenant)
            outcome = _run(again, name, version, workflow, handlers, scratch)
            spent[name] = spent.get(name, 0.0) + clock.monotonic_s() - began_s
            runs[name] += 1
            again = replace(again, stages={**again.stages, name: _settled(old, version, outcome)})
            if not isinstance(outcome, Completed):
                break
        pair = grade(item, workflow), grade(again, workflow)
        trial.images += 1
        override = overrides.of(item.key) if overrides is not None else None
        if override is not None:
            trial.overridden[str(override.verdict)] += 1
            continue
        trial.flips[pair] += 1
        if pair[0] != pair[1] and sum(e.grades == pair for e in trial.examples) < EXAMPLES_OF_EACH:
            trial.examples.append(Example(record(item, workflow, objects), record(again, workflow, objects), pair))
    trial.run_s = {name: spent[name] / count for name, count in runs.items()}
    return trial


def _run(
    item: Item, stage: str, version: str, workflow: Workflow, handlers: Handlers, scratch: dict[str, object]
) -> Outcome:
    needed = workflow.upstream[stage]
    facts: dict[str, Facts] = {n: r.facts for n, r in item.stages.items() if n in needed and r.facts is not None}
    generation = item.stages[stage].generation
    work = Work(item.key, stage, generation, version, item.address, item.attributes, facts, 1, scratch)
    return alone(handlers[stage], work)


def _settled(old: StageRecord, version: str, outcome: Outcome) -> StageRecord:
    match outcome:
        case Completed(facts=facts):
            return old._replace(version=version, facts=facts)
        case TerminalFailure(reason=reason, retriable=retriable, evidence=evidence):
            failed = old._replace(state=StageState.FAILED, version=version, reason=reason, retriable=retriable)
            return failed._replace(facts=None, evidence=dict(evidence))
        case Retry(reason=reason, evidence=evidence):
            return old._replace(state=StageState.PENDING, reason=reason, evidence=dict(evidence), facts=None)
