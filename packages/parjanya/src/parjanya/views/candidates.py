"""The images of a tenant as the *group* stage compares them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from parjanya.stages import group, observe, quality, technical
from parjanya.vision.candidate import Candidate
from tbie.core.outcome import Facts
from tbie.truth import Item, StageState, TruthStore

_PAGE = 1_000


def all_items(truth: TruthStore, tenant: str | None = None) -> Iterator[Item]:
    """Every item, page by page, in the order of keys."""
    after = None
    while page := truth.items(tenant, after, _PAGE):
        yield from page
        after = page[-1].key


def load_candidates(truth: TruthStore, tenant: str) -> Sequence[Candidate]:
    """Every image of *tenant* that has been looked at."""
    return [candidate for item in all_items(truth, tenant) if (candidate := _candidate(item)) is not None]


def _candidate(item: Item) -> Candidate | None:
    facts: dict[str, Facts] = {}
    for name in (technical.NAME, quality.NAME):
        record = item.stages.get(name)
        if record is None or record.state is not StageState.COMPLETED or record.facts is None:
            return None
        facts[name] = record.facts
    seen = item.stages.get(observe.NAME)
    if seen is not None and seen.facts is not None:
        facts[observe.NAME] = seen.facts
    stored = item.stages.get(group.NAME)
    return Candidate.of(item.key.item, item.attributes, facts, stored.facts if stored is not None else None)
