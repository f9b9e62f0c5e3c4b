"""Writes an export: documents and settings first, because they say how items are to be judged, then the items."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tbie.core.errors import MovingError
from tbie.history import fold, plain
from tbie.moving import lines
from tbie.moving.lines import Counts
from tbie.truth import HistoryEntry, Item, Story, TruthStore

_PAGE = 200
_TRIES = 5
"""A worker may commit between the reading of a row and of its history; five times in a row, it is not that."""


def export(
    truth: TruthStore,
    workflow: str,
    kinds: Sequence[str],
    settings: Sequence[str],
    write: Callable[[str], object],
    told: Callable[[Counts], None] = lambda _: None,
) -> tuple[Counts, str]:
    """Write everything of *truth* as lines; returns what there was and the seal of the file.

    Each item is as it was at one moment; items that change or come while this runs may be in it as they were before.

    Args:
        kinds: the documents to take along.
        settings: the names of settings to take along; one that is not set is left out.
        told: called after each page of items.

    Raises:
        MovingError: the history of an item does not give its row.
    """
    counts, chain = Counts(), lines.START

    def say(body: dict[str, object]) -> None:
        nonlocal chain
        text, chain = lines.line(chain, body)
        write(text)

    say(lines.head(workflow))
    for kind in kinds:
        for document in truth.documents(kind):
            counts.documents += 1
            say({"kind": "document", "of": kind, "name": document.name, "body": document.body})
    for name in settings:
        if (value := truth.read_meta(name)) is not None:
            counts.settings += 1
            say({"kind": "setting", "name": name, "value": value})
    for page in _pages(truth):
        for item in page:
            story = story_of(truth, item)
            say(lines.item_body(story.item, story.entries))
            for entry in story.entries:
                say(lines.change_body(entry))
            counts.items += 1
            counts.changes += len(story.entries)
        told(counts)
    say({"kind": "end", **counts.to_json()})
    return counts, chain


def _pages(truth: TruthStore) -> Iterator[list[Item]]:
    page = truth.items(limit=_PAGE)
    while page:
        yield page
        page = truth.items(after=page[-1].key, limit=_PAGE)


def story_of(truth: TruthStore, item: Item) -> Story:
    """*item* with the history that gives its row; read again if it changes meanwhile.

    Raises:
        MovingError: they do not agree.
    """
    for _ in range(_TRIES):
        entries = tuple(truth.history(item.key))
        if agree(item, entries):
            return Story(item, entries)
        (again,) = truth.get([item.key])
        item = again or item
    raise MovingError(
        f"the history of item {item.key.item!r} of tenant {item.key.tenant!r} does not give its row: nothing that is written "
        "here would be believed elsewhere. `diagnose` says more; restore Truth from a backup."
    )


def agree(item: Item, entries: Sequence[HistoryEntry]) -> bool:
    """Whether folding *entries* gives the row of *item* (invariant 9)."""
    row: dict[str, object] = {name: plain(record) for name, record in item.stages.items()}
    row["@item"] = {"address": list(item.address), "attributes": item.attributes}
    return fold(entries) == row
