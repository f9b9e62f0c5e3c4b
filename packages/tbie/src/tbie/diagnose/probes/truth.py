"""Readings of Truth: what is open, what failed, under which versions. Bounded; never raises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tbie.core.clock import Clock
from tbie.core.keys import ItemKey
from tbie.core.reading import Known, Reading
from tbie.diagnose.probes.attempt import attempt
from tbie.diagnose.readings import Failures, Rows, Tally
from tbie.intent import DeadLetter
from tbie.truth import QUARANTINED, FailedStage, Item, OpenStage, StageState, TruthStore
from tbie.workflow import Workflow

SOURCE = "truth"

PAGE = 1_000
"""Open rows read at once: keeps each lock under 50 ms, as in a sweep."""
ROWS = 2_000
"""Open rows of a stage that are compared with the queue, the oldest first: what is stuck is old."""
FAILED = 200
"""Failed rows of a stage that are looked at: enough to name every reason that matters."""
SCANNED = 1_000
"""Items searched for quarantined rows that no dead letter names: a fraction of a second."""


def open_rows(truth: TruthStore, workflow: Workflow, clock: Clock) -> Reading[Rows]:
    """The oldest open rows of every stage."""

    def read() -> Rows:
        rows: list[OpenStage] = []
        complete = True
        for stage in workflow.stages:
            mine, more = _oldest(truth, stage.name)
            rows += mine
            complete = complete and not more
        return Rows(tuple(rows), complete)

    return attempt(SOURCE, clock, read)


def _oldest(truth: TruthStore, stage: str) -> tuple[list[OpenStage], bool]:
    rows: list[OpenStage] = []
    after = None
    while page := truth.open_stages(stage, after, PAGE):
        rows += page
        after = page[-1]
        if len(page) < PAGE:
            return rows, False
        if len(rows) >= ROWS:
            return rows, bool(truth.open_stages(stage, after, 1))
    return rows, False


def with_item(truth: TruthStore, opened: Reading[Rows], about: ItemKey | None, clock: Clock) -> Reading[Rows]:
    """*opened* with the open rows of one item, wherever in the backlog they stand."""
    if about is None or not isinstance(opened, Known):
        return opened
    there = {(row.key, row.stage) for row in opened.value.rows}

    def read() -> Rows:
        (item,) = truth.get([about])
        mine = [row for row in open_of(item) if (row.key, row.stage) not in there] if item is not None else []
        return opened.value._replace(rows=(*mine, *opened.value.rows))

    return attempt(SOURCE, clock, read)


def open_of(item: Item) -> list[OpenStage]:
    """The open rows of one item, as the reconciler sees them."""
    return [
        OpenStage(
            item.key,
            record.stage,
            record.version,
            record.generation,
            record.token,
            record.since_ms,
            record.not_before_ms,
            record.attempts,
            item.address,
            record.reason,
        )
        for record in item.stages.values()
        if record.state is StageState.PENDING
    ]


def items(truth: TruthStore, keys: Iterable[ItemKey], clock: Clock) -> Reading[Mapping[ItemKey, Item]]:
    """Those items as they are now; one that is gone is absent."""
    wanted = list(dict.fromkeys(keys))

    def read() -> Mapping[ItemKey, Item]:
        return {item.key: item for item in truth.get(wanted) if item is not None} if wanted else {}

    return attempt(SOURCE, clock, read)


def barriers(truth: TruthStore, workflow: Workflow, clock: Clock) -> Reading[Mapping[str, int]]:
    """Since when somebody has waited at each barrier."""

    def read() -> Mapping[str, int]:
        first = {stage.name: truth.at_barrier(stage.name, 1) for stage in workflow.stages if stage.barrier}
        return {name: rows[0][1] for name, rows in first.items() if rows}

    return attempt(SOURCE, clock, read)


def failures(
    truth: TruthStore, workflow: Workflow, tally: Reading[Tally], dead: Iterable[DeadLetter], clock: Clock
) -> Reading[Failures]:
    """Failed rows that a reset may help, and quarantined ones. Costs nothing where nothing failed."""
    if not isinstance(tally, Known):
        return tally
    failed = {(t, s): n for (t, s, state), n in tally.value.items() if state is StageState.FAILED and n}
    letters = tuple(dead)

    def read() -> Failures:
        later = clock.now_ms() + 10**9  # whatever its age
        retriable: list[FailedStage] = []
        for stage in workflow.stages:
            if any(name == stage.name for _, name in failed):
                retriable += truth.failed_stages(stage.name, 10**6, later, FAILED)
        quarantined = _named_by_letters(truth, letters)
        left = sum(failed.values()) - len(retriable) - len(quarantined)
        complete = True
        if left > 0:
            searched, complete = _searched(truth, {tenant for tenant, _ in failed})
            quarantined |= searched
        rows = tuple((key, stage, *told) for (key, stage), told in quarantined.items())
        return Failures(tuple(retriable), rows, complete)

    return attempt(SOURCE, clock, read)


_Quarantined = dict[tuple[ItemKey, str], tuple[str, Mapping[str, object]]]


def _named_by_letters(truth: TruthStore, letters: tuple[DeadLetter, ...]) -> _Quarantined:
    """Dead letters lead to most of them, and cost what died. Truth says whether it still is so."""
    keys = list(dict.fromkeys(letter.envelope.key for letter in letters))
    found: _Quarantined = {}
    for item in truth.get(keys) if keys else []:
        if item is not None:
            found |= _of(item)
    return found


def _searched(truth: TruthStore, tenants: set[str]) -> tuple[_Quarantined, bool]:
    found: _Quarantined = {}
    left = SCANNED
    for tenant in sorted(tenants):
        after = None
        while left > 0 and (page := truth.items(tenant, after, min(left, 250))):
            after, left = page[-1].key, left - len(page)
            for item in page:
                found |= _of(item)
    return found, left > 0


def _of(item: Item) -> _Quarantined:
    return {
        (item.key, record.stage): (record.reason, record.evidence or {})
        for record in item.stages.values()
        if record.state is StageState.FAILED and record.reason in QUARANTINED
    }
