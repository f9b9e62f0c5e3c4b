"""What another policy would decide, from stored facts alone: exact, and nothing is run, changed or asked of a model.

Caller: ``regrade --dry-run`` where only the policy differs. It is given Truth and policies, and no handler or engine: it could
not look at an image if it wanted to. A dozen values of each image are read (``TruthStore.project``), a verdict is worked out,
compared with the stored one, and counted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from parjanya.catalog.paths import key_to_path
from parjanya.policy import Policy, decide, read_signals, verdict
from parjanya.policy.signals import Reader
from parjanya.stages import curate
from parjanya.views.flips import Flips, Side, side
from parjanya.views.overrides import Overrides
from tbie.core.keys import ItemKey
from tbie.truth import FactPath, Item, TruthStore

PAGE = 2_000
"""Images read at once: a few megabytes."""
EXAMPLES_OF_EACH = 5

PolicyFor = Callable[[str], Policy]
"""The policy that would decide for a tenant."""
Chosen = Callable[[Item], bool]

_JUDGED: tuple[FactPath, ...] = ((curate.NAME, "verdict"), (curate.NAME, "reasons", 0, "code"))


@dataclass(slots=True)
class PolicyTrial:
    """What came of it."""

    flips: Flips = field(default_factory=Flips)
    overridden: Flips = field(default_factory=Flips)
    """Images about which people have decided: their rules would change so, their verdict stays."""
    unjudged: int = 0
    """Images without a verdict: not judged yet, or failed."""
    examples: dict[tuple[str, str], list[ItemKey]] = field(default_factory=dict)

    def to_json(self, truth: TruthStore, policy_for: PolicyFor) -> dict[str, Any]:
        """Plain data, with the examples in full."""
        return {
            **self.flips.to_json(),
            "exact": True,
            "unjudged": self.unjudged,
            "overridden": self.overridden.to_json(),
            "examples": list(_examples(self, truth, policy_for)),
        }


def try_policy(
    truth: TruthStore,
    policy_for: PolicyFor,
    *,
    tenants: Collection[str],
    chosen: Chosen | None = None,
) -> PolicyTrial:
    """Decide again about every image of *tenants* (of these, the *chosen* ones).

    Raises:
        PolicyUnavailableError: by *policy_for*.
    """
    trial, people = PolicyTrial(), Overrides(truth)
    for tenant in sorted(tenants):
        policy = policy_for(tenant)
        read = policy.reader.read
        counted: dict[tuple[Side, Side], int] = {}
        for key, row in _rows(truth, policy.reader, tenant, chosen):
            old = side(row[-2], row[-1])
            if old is None:
                trial.unjudged += 1
                continue
            decided, codes = verdict(policy, read(row))
            sides = old, (decided, codes[0])
            if people.of(key) is not None:
                trial.overridden.add(tenant, *sides)
                continue
            counted[sides] = counted.get(sides, 0) + 1
            if decided != old[0]:
                shown = trial.examples.setdefault((old[0], decided), [])
                if len(shown) < EXAMPLES_OF_EACH:
                    shown.append(key)
        for sides, images in counted.items():
            trial.flips.add(tenant, *sides, images)
    return trial


def _rows(
    truth: TruthStore, reader: Reader, tenant: str, chosen: Chosen | None
) -> Iterator[tuple[ItemKey, Sequence[Any]]]:
    paths, after = (*reader.paths, *_JUDGED), None
    while page := truth.project(paths, tenant, after, PAGE):
        after = page[-1][0]
        if chosen is None:
            yield from page
        else:
            items = truth.get([key for key, _ in page])
            yield from (row for row, item in zip(page, items, strict=True) if item is not None and chosen(item))


def _examples(trial: PolicyTrial, truth: TruthStore, policy_for: PolicyFor) -> Iterator[dict[str, Any]]:
    for pair in sorted(trial.examples):
        for item in truth.get(trial.examples[pair]):
            if item is None:
                continue
            facts = {name: record.facts for name, record in item.stages.items() if record.facts is not None}
            policy = policy_for(item.key.tenant)
            after = decide(policy, read_signals(facts, policy.reads))
            before = facts.get(curate.NAME, {})
            yield {
                "id": item.key.item,
                "tenant": item.key.tenant,
                "path": os.fspath(key_to_path(str(item.attributes["path"]))),
                "before": {"grade": before.get("verdict"), "reasons": _told(before.get("reasons"))},
                "after": {"grade": after.verdict, "reasons": _told([reason.to_json() for reason in after.reasons])},
            }


def _told(reasons: Any) -> list[dict[str, Any]]:
    listed = [reason for reason in reasons or () if isinstance(reason, Mapping)]
    return [{name: reason.get(name) for name in ("code", "text", "evidence")} for reason in listed]
