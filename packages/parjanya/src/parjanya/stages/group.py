"""Stage ``group``: which images of the tenant belong together, and which of them is the best.

Needs ``quality``. The one stage whose answer about an image depends on other images: it runs on batches, looks at *all*
candidates of the tenants in the batch, and names the others whose stored answer has become wrong, so that the kernel
resets them in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from parjanya.vision.candidate import Candidate
from parjanya.vision.groups import PARAMETERS, GroupFacts
from tbie.core.fingerprint import canonical_json, fingerprint
from tbie.core.keys import ItemKey
from tbie.core.outcome import Completed, Outcome, Retry
from tbie.execution import BatchHandler, Work

NAME = "group"
VERSION = fingerprint({"stage": NAME, **PARAMETERS})

LoadCandidates = Callable[[str], Sequence[Candidate]]
"""All images of a tenant that can be compared (``technical`` and ``quality`` completed), with their stored group
facts.
"""


def make_batch_handler(load_candidates: LoadCandidates) -> BatchHandler:
    """A handler over works of one or more tenants; each tenant's candidates are loaded and grouped once per batch."""

    from parjanya.vision.grouping import group_images

    def handle(works: Sequence[Work]) -> list[Outcome]:
        candidates = {tenant: load_candidates(tenant) for tenant in sorted({work.key.tenant for work in works})}
        groups = {tenant: group_images(images) for tenant, images in candidates.items()}
        stale = _stale(works, candidates, groups)
        return [_outcome(work, groups[work.key.tenant], stale) for work in works]

    return handle


def _outcome(work: Work, groups: dict[str, GroupFacts], stale: dict[ItemKey, list[ItemKey]]) -> Outcome:
    facts = groups.get(work.key.item)
    if facts is None:
        return Retry("not_yet_a_candidate", evidence={"item": work.key.item, "candidates": len(groups)})
    return Completed(facts, invalidates=tuple((key, NAME) for key in stale.get(work.key, ())))


def _stale(
    works: Sequence[Work], candidates: dict[str, Sequence[Candidate]], groups: dict[str, dict[str, GroupFacts]]
) -> dict[ItemKey, list[ItemKey]]:
    """For each work the other items it should reset: each item once, by a work of its own group where there is one.

    Once is enough. If that work's commit is refused, a newer intent for it exists, and whoever executes that one
    compares the stored facts again and finds the same items stale.
    """
    in_batch = {work.key for work in works if work.key.item in groups[work.key.tenant]}
    carriers: dict[tuple[str, object], ItemKey] = {}
    for key in sorted(in_batch):
        carriers.setdefault((key.tenant, None), key)
        carriers.setdefault((key.tenant, groups[key.tenant][key.item]["group"]), key)
    found: dict[ItemKey, list[ItemKey]] = {}
    for tenant, images in candidates.items():
        if (tenant, None) not in carriers:
            continue
        for candidate in sorted(images, key=lambda c: c.item):
            key, now = ItemKey(tenant, candidate.item), groups[tenant][candidate.item]
            if key in in_batch:
                continue
            if candidate.stored_group is None:
                # Not compared yet, or being compared by a worker that loaded the tenant before this batch's images were
                # there: if they belong together, that comparison must not stand.
                if now["group"] is not None and (tenant, now["group"]) in carriers:
                    found.setdefault(carriers[tenant, now["group"]], []).append(key)
                continue
            if canonical_json(dict(candidate.stored_group)) != canonical_json(now):
                carrier = carriers.get((tenant, now["group"]), carriers[tenant, None])
                found.setdefault(carrier, []).append(key)
    return found
