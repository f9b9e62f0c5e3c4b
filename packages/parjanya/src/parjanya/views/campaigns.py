"""What a campaign of this application means: which images it selects, how they count, and what it would do or has done.

Callers: the engine (``selector``, ``grade``), ``replay`` and ``regrade`` before they begin (``plan``), ``campaign show``
(``outcome``). Old verdicts are read from the histories, where each reset image carries the mark of its campaign: nothing is
copied, and a later campaign changes no earlier report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from heapq import nsmallest
from typing import Any

from parjanya.export.record import ImageRecord
from parjanya.stages import curate
from parjanya.views.candidates import all_items
from parjanya.views.flips import Flips, Side, side_of
from parjanya.views.overrides import Override, Overrides
from parjanya.views.records import record, status_of
from parjanya.views.where import Selector, WhereError, parse
from tbie.campaign import Before, Campaign, SelectorError, before
from tbie.campaign.record import Selects
from tbie.objects import ObjectStore
from tbie.truth import Item, StageState, TruthStore
from tbie.workflow import Workflow

REPLAY, REGRADE = "replay", "regrade"

GRADES = ("keep", "review", "reject", "failed", "pending", "none")
"""How an image counts: its verdict; else that a stage of it has failed; that it is worked on; that it has no verdict."""

EXAMPLES_OF_EACH = 5
"""Images shown for each kind of change: enough to see a pattern, few enough to look at."""


def grade(item: Item, workflow: Workflow, override: Override | None = None) -> str:
    """How *item* counts in a summary; its verdict is a person's where there is an *override*."""
    status = status_of(item, workflow)
    if status != "completed":
        return status
    if override is not None:
        return str(override.verdict)
    judged = item.stages.get(curate.NAME)
    verdict = (judged.facts or {}).get("verdict") if judged is not None else None
    return str(verdict) if verdict in GRADES else "none"


def grader(workflow: Workflow) -> Any:
    """``grade`` for the kernel's driver."""
    return partial(grade, workflow=workflow)


def selector(campaign: Campaign, workflow: Workflow, objects: ObjectStore, overrides: Overrides) -> Selects:
    """Which images *campaign* resets; what people have decided is what its expression sees.

    Raises:
        SelectorError: this program cannot read its expression.
    """
    try:
        where = parse(campaign.selector) if campaign.selector else None
    except WhereError as error:
        raise SelectorError(f"campaign {campaign.id}: {error}") from error

    def selects(then: Item, now: Item) -> bool:
        if campaign.kind == REGRADE and not is_older(now, campaign.stage, workflow):
            return False
        return where is None or where(record(then, workflow, objects, overrides.of(now.key)))

    return selects


def is_older(item: Item, stage: str, workflow: Workflow) -> bool:
    """Whether *stage* of *item* was completed under another version than the one declared now."""
    found = item.stages.get(stage)
    declared = workflow.version(stage, item.key.tenant)
    return found is not None and found.state is StageState.COMPLETED and found.version != declared


def stale_stages(truth: TruthStore, workflow: Workflow, tenant: str | None = None) -> list[str]:
    """Stages with rows of another version than declared for their tenant, earliest boundary first; of one tenant, or all."""
    old = {
        stage
        for (of, stage, version), count in truth.versions(tenant).items()
        if count and workflow.declared(stage, of) not in (None, version)
    }
    return [stage.name for stage in workflow.stages if stage.name in old]


@dataclass(slots=True)
class Boundary:
    """What would be reset to one stage."""

    stage: str
    matched: int = 0
    overridden: Counter[str] = field(default_factory=Counter)
    """Of these, images about which a person has decided, by that verdict: whatever comes of them, it stays."""
    tenants: dict[str, Counter[str]] = field(default_factory=dict)
    executions: Counter[str] = field(default_factory=Counter)
    """By stage, how often it would run: images whose stage was skipped before are expected to skip it again."""
    sample: list[Item] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "stage": self.stage,
            "matched": self.matched,
            "overridden": dict(self.overridden),
            "tenants": {tenant: dict(grades) for tenant, grades in sorted(self.tenants.items())},
            "executions": dict(self.executions),
        }


def plan(
    truth: TruthStore,
    workflow: Workflow,
    objects: ObjectStore,
    stages: Sequence[str],
    where: Selector | None,
    *,
    regrade: bool,
    tenant: str | None = None,
    sample: int = 0,
) -> list[Boundary]:
    """What a replay, or a regrade, to each of *stages* (earliest boundary first) would do now. Changes nothing.

    An image counts at its earliest boundary; it counts at a second one only where that is not downstream of the first.
    The *sample* is the images with the smallest ids: ids are hashes, so this is a fair draw, and the same one each time.
    """
    boundaries, overrides = [Boundary(stage) for stage in stages], Overrides(truth)
    for item in all_items(truth, tenant):
        override = overrides.of(item.key)
        if where is not None and not where(record(item, workflow, objects, override)):
            continue
        covered: set[str] = set()
        for boundary in boundaries:
            if boundary.stage in covered or (regrade and not is_older(item, boundary.stage, workflow)):
                continue
            covered |= {boundary.stage, *(stage.name for stage in workflow.downstream[boundary.stage])}
            _count(boundary, item, workflow, sample, override)
    return boundaries


def _count(boundary: Boundary, item: Item, workflow: Workflow, sample: int, override: Override | None) -> None:
    boundary.matched += 1
    if override is not None:
        boundary.overridden[str(override.verdict)] += 1
    boundary.tenants.setdefault(item.key.tenant, Counter())[grade(item, workflow, override)] += 1
    for stage in (boundary.stage, *(stage.name for stage in workflow.downstream[boundary.stage])):
        found = item.stages.get(stage)
        if found is None or found.state is not StageState.SKIPPED:
            boundary.executions[stage] += 1
    if sample:
        boundary.sample = nsmallest(sample, [*boundary.sample, item], key=lambda i: (i.key.item, i.key.tenant))


@dataclass(slots=True)
class Example:
    """One image whose verdict changed, before and after."""

    then: ImageRecord
    now: ImageRecord
    grades: tuple[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        after = self.now.to_json()
        told = {"id": after["id"], "tenant": after["tenant"], "path": after["path"]}
        sides = zip(("before", "after"), (self.then, self.now), self.grades, strict=True)
        return told | {
            side: {"grade": name, "reasons": [reason.to_json() for reason in image.reasons]}
            for side, image, name in sides
        }


@dataclass(slots=True)
class Outcome:
    """What a campaign has done so far, by the histories of the images that it reset."""

    reset: int = 0
    unsettled: int = 0
    """Of these, images that are still being worked on."""
    before: dict[str, Counter[str]] = field(default_factory=dict)
    after: dict[str, Counter[str]] = field(default_factory=dict)
    overridden: Counter[str] = field(default_factory=Counter)
    """Images about which a person has decided, by that verdict. It stays, so they are no flips, whatever the policy says."""
    flips: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[Example]] = field(default_factory=dict)
    decided: Flips = field(default_factory=Flips)
    """Of the images that have a verdict before and after."""
    policies: tuple[Counter[Named], Counter[Named]] = field(default_factory=lambda: (Counter(), Counter()))
    """Which policies decided, before and after."""

    def add(self, was: Before, workflow: Workflow, objects: ObjectStore, override: Override | None = None) -> None:
        """Count one image."""
        pair = grade(was.then, workflow, override), grade(was.now, workflow, override)
        tenant = was.now.key.tenant
        self.reset += 1
        self.unsettled += pair[1] == "pending"
        self.before.setdefault(tenant, Counter())[pair[0]] += 1
        self.after.setdefault(tenant, Counter())[pair[1]] += 1
        if override is not None:
            self.overridden[str(override.verdict)] += 1
            return
        self.flips[pair] += 1
        self._decided(tenant, was)
        shown = self.examples.setdefault(pair, []) if pair[0] != pair[1] and pair[1] != "pending" else None
        if shown is not None and len(shown) < EXAMPLES_OF_EACH:
            shown.append(Example(record(was.then, workflow, objects), record(was.now, workflow, objects), pair))

    def _decided(self, tenant: str, was: Before) -> None:
        sides: list[Side | None] = []
        for item, counted in zip((was.then, was.now), self.policies, strict=True):
            record = item.stages.get(curate.NAME)
            facts = record.facts if record is not None and record.facts is not None else {}
            sides.append(side_of(facts))
            if sides[-1] is not None:
                counted[tuple(str(facts.get(name)) for name in NAMES)] += 1
        old, new = sides
        if old is not None and new is not None:
            self.decided.add(tenant, old, new)

    def to_json(self) -> dict[str, Any]:
        """Plain data: ``flips`` maps each grade before to the grades after."""
        flips: dict[str, dict[str, int]] = {}
        for (old, new), count in sorted(self.flips.items(), key=lambda pair: _order(pair[0])):
            flips.setdefault(old, {})[new] = count
        return {
            "reset": self.reset,
            "unsettled": self.unsettled,
            "before": {tenant: dict(grades) for tenant, grades in sorted(self.before.items())},
            "after": {tenant: dict(grades) for tenant, grades in sorted(self.after.items())},
            "overridden": dict(self.overridden),
            "flips": flips,
            "by_rule": self.decided.to_json()["by_rule"],
            "policies": dict(zip(("before", "after"), map(_named, self.policies), strict=True)),
            "examples": [example.to_json() for example in self.all_examples()],
        }

    def all_examples(self) -> Iterator[Example]:
        """Every example, kind by kind."""
        for pair in sorted(self.examples, key=_order):
            yield from self.examples[pair]


Named = tuple[str, ...]
NAMES = ("policy", "policy_tag", "policy_version")
"""How a policy is named in what it decided."""


def _named(counted: Counter[Named]) -> list[dict[str, Any]]:
    named = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    return [{**dict(zip(("policy", "tag", "version"), name, strict=True)), "images": count} for name, count in named]


def _order(pair: tuple[str, str]) -> tuple[int, int]:
    return GRADES.index(pair[0]), GRADES.index(pair[1])


def outcome(truth: TruthStore, campaign: Campaign, workflow: Workflow, objects: ObjectStore) -> Outcome:
    """What *campaign* has done so far. Reads the histories of images that were ever reset to its stage."""
    done, overrides = Outcome(), Overrides(truth)
    for item in all_items(truth, campaign.tenant):
        row = item.stages.get(campaign.stage)
        if row is None or row.generation < 2:
            continue
        was = before(item, truth.history(item.key), campaign)
        if was is not None:
            done.add(was, workflow, objects, overrides.of(item.key))
    return done


def totals(tenants: Mapping[str, Mapping[str, int]]) -> Counter[str]:
    """The sum over tenants."""
    total: Counter[str] = Counter()
    for grades in tenants.values():
        total.update(grades)
    return total


_WAITS = {
    "rate": "waits for its rate",
    "room": "waits while much is open",
    "turn": "waits for an earlier one",
    "version": "waits for a program that declares what it was begun for",
}


def in_a_line(campaign: Campaign) -> str:
    """A campaign in one line."""
    of = "" if campaign.total is None else f" of {campaign.total}"
    counts = campaign.counts
    words = f"campaign {campaign.id} ({campaign.kind} from {campaign.stage}): {campaign.state.value}, "
    words += f"{counts.looked}{of} images looked at, {counts.matched} match, {counts.reset} reset"
    notes = [_WAITS[campaign.waits]] if campaign.waits else []
    notes += [campaign.problem] if campaign.problem else []
    return "; ".join([words, *notes, campaign.reason])
