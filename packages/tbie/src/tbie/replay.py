"""Replay: a deliberate reset to a boundary. Not a retry: facts are cleared first, downstream too, generation + 1.

Callers: operators (``replay``), re-ingestion of changed or once-failed files. The change stream does the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from tbie.core.cause import Cause
from tbie.core.keys import ItemKey
from tbie.truth import Committed, Reset, Result, StageState, TruthStore

GROUP = 200
"""Items reset in one transaction: a lock of about 20 ms."""


def replay(
    truth: TruthStore, keys: Iterable[ItemKey], stage: str, cause: Cause, only_states: tuple[StageState, ...] = ()
) -> int:
    """Reset *stage* and everything downstream of every item in *keys*; returns how many items changed.

    Items whose stage never opened, or is in none of *only_states*, are left alone.
    """
    changed = 0
    for group in _groups(keys):
        results: Sequence[Result] = truth.commit([Reset(key, stage, cause, only_states) for key in group])
        changed += sum(isinstance(result, Committed) for result in results)
    return changed


def _groups(keys: Iterable[ItemKey]) -> Iterator[list[ItemKey]]:
    iterator = iter(keys)
    while group := list(islice(iterator, GROUP)):
        yield group
