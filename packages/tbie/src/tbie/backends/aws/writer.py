"""Carrying out what ``plan`` decided: read, decide, write in transactions, and begin again where others were faster."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tbie.backends.aws import rows
from tbie.backends.aws.counts import SHARDS_OF_COUNTS, count_action
from tbie.backends.aws.dynamo import Dynamo, Key, MetOthersError
from tbie.backends.aws.keys import item_key
from tbie.backends.aws.packs import MOST_ACTIONS, MOST_BYTES, Pack, Touched
from tbie.backends.aws.plan import Job, Plan, wanted
from tbie.backends.aws.rows import Stored
from tbie.core.clock import Clock
from tbie.core.errors import FencedError, TruthUnavailableError
from tbie.core.ids import Ids
from tbie.core.keys import ItemKey
from tbie.truth import Document, Result
from tbie.workflow import Workflow

_ATTEMPTS = 12
"""How often in a row jobs are decided anew because somebody else was faster, before that is an error."""

_FEWEST_ACTIONS = 8
"""Under contention transactions become smaller, down to about one job each: one contended item delays no other."""


class Writer:
    """Writes jobs for one store. Safe to use from several threads.

    Args:
        fence_action: the check that a document is where a leader left it, as an action of a transaction.
        is_standing: whether it is, asked on its own.
    """

    def __init__(
        self,
        dynamo: Dynamo,
        workflow: Workflow,
        clock: Clock,
        ids: Ids,
        fence_action: Callable[[Document], Mapping[str, Any]],
        is_standing: Callable[[Document], bool],
    ) -> None:
        self._dynamo, self._workflow, self._clock, self._ids = dynamo, workflow, clock, ids
        self._fence_action, self._is_standing = fence_action, is_standing
        self._judges = any(stage.eligible for stage in workflow.stages)  # only then do commits have to read facts
        self._turns = itertools.count(int(dynamo.new_token()[:8], 16))
        self.prepare: Callable[[Sequence[Job]], None] = lambda _: None
        """Called when everything is decided and nothing written yet."""

    def run(self, jobs: Sequence[Job], fence: Document | None = None) -> list[Result | bool]:
        """Do *jobs* in order; what became of each.

        Raises:
            FencedError: *fence* does not stand any more; what was not written by then is not done.
        """
        results: list[Result | bool] = []
        attempt, most = 0, MOST_ACTIONS
        while len(results) < len(jobs):
            done, all_of_them = self._some(jobs[len(results) :], fence, most)
            results += done
            if all_of_them:
                return results
            attempt = 1 if done else attempt + 1
            if attempt > _ATTEMPTS:
                key = wanted(jobs[len(results) : len(results) + 1])[0]
                raise TruthUnavailableError(
                    f"item {key.item!r} of {key.tenant!r} was changed by others {_ATTEMPTS} times in a row while it was "
                    "to be changed here; try again, and look at who writes it so often"
                )
            most = max(_FEWEST_ACTIONS, most // 2)
            self._dynamo.wait(attempt)
        self._look_at(fence)
        return results

    def _look_at(self, fence: Document | None) -> None:
        """Where nothing is to be written, no transaction looks at the fence."""
        if fence is not None and not self._is_standing(fence):
            raise _fenced(fence)

    def _some(self, jobs: Sequence[Job], fence: Document | None, most: int) -> tuple[list[Result | bool], bool]:
        """Decide and write *jobs* until others are in the way; results so far, and whether those are all."""
        plan = Plan(self._workflow, self._clock.now_ms(), self._ids, self._read(jobs), fence is not None, most)
        plan.apply(jobs)
        self.prepare(jobs)
        if not plan.packs:
            self._look_at(fence)
        for pack in plan.packs:
            try:
                self._write(pack, fence)
            except MetOthersError as met:
                if fence is not None and 0 in met.failed:
                    raise _fenced(fence) from None
                return plan.results[: pack.first], False
        return plan.results, True

    def _read(self, jobs: Sequence[Job]) -> dict[ItemKey, Stored | None]:
        places = {key: item_key(key) for key in wanted(jobs)}
        there = self._dynamo.get("items", list(places.values()))
        found = {key: there.get(place) for key, place in places.items()}
        fetched = fetch(self._dynamo, [(key, row) for key, row in found.items() if row is not None], self._letters)
        return {
            key: None if row is None else rows.stored(row, self._judges, fetched) for key, row in found.items()
        }  # fmt: skip

    def _write_early(self, touched: Touched) -> None:
        """What of a restored history does not fit into the transaction of its item, while that item is not there."""
        pk, sk = item_key(touched.now.key)
        absent = {"TableName": self._dynamo.table("items"), "Key": {"pk": {"S": pk}, "sk": {"S": sk}}}
        check = {"ConditionCheck": {**absent, "ConditionExpression": "attribute_not_exists(pk)"}}
        history = self._dynamo.table("history")
        for portion in _portions(touched.early):
            puts = ({"Put": {"TableName": history, "Item": row}} for row in portion)
            self._dynamo.transact([check, *puts], f"restoring item {touched.now.key.item!r}")

    @property
    def _letters(self) -> str:
        """Documents that a decision may look at."""
        return "fe" if self._judges else "e"

    def _write(self, pack: Pack, fence: Document | None) -> None:
        spilled = [
            (row, rows.size_of(row))
            for touched in pack.items.values()
            for place, packed in touched.spilled.items()
            for row in rows.pieces(touched.now.key, place, packed)
        ]
        if spilled:
            self._dynamo.put_many("history", spilled)
        for touched in pack.items.values():
            if touched.early:
                self._write_early(touched)
        shard = next(self._turns) % SHARDS_OF_COUNTS
        actions = actions_of(pack, self._dynamo.table, shard)
        if fence is not None:
            actions.insert(0, self._fence_action(fence))
        keys = list(pack.items)
        others = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
        self._dynamo.transact(actions, f"changing item {keys[0].item!r} of {keys[0].tenant!r}{others}")


def _portions(found: Sequence[rows.Attributes]) -> Iterator[list[rows.Attributes]]:
    """Rows in portions that a transaction takes."""
    portion, size = list[rows.Attributes](), 0
    for row in found:
        length = rows.size_of(row)
        if portion and (len(portion) == MOST_ACTIONS - 1 or size + length > MOST_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(row)
        size += length
    if portion:
        yield portion


def actions_of(pack: Pack, table: Callable[[str], str], shard: int) -> list[Mapping[str, Any]]:
    """One transaction as DynamoDB's interface wants it. Pure."""
    items, history, index = table("items"), table("history"), table("open")
    actions: list[Mapping[str, Any]] = []
    for touched in pack.items.values():
        put: dict[str, Any] = {"TableName": items, "Item": touched.row}
        if touched.base is None:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            put["ConditionExpression"] = "v = :v"
            put["ExpressionAttributeValues"] = {":v": {"N": str(touched.base.seq)}}
        actions.append({"Put": put})
        actions += ({"Put": {"TableName": history, "Item": entry}} for entry in touched.entries)
        actions += ({"Put": {"TableName": index, "Item": row}} for row in touched.put)
        actions += (
            {"Delete": {"TableName": index, "Key": {"pk": {"S": pk}, "sk": {"S": sk}}}} for pk, sk in touched.delete
        )
    control = table("control")
    actions += (count_action(control, *tally, changes, shard) for tally, changes in pack.counts().items())
    return actions


def fetch(dynamo: Dynamo, found: Sequence[tuple[ItemKey, rows.Attributes]], letters: str) -> dict[str, bytes]:
    """The spilled documents of rows of ``items`` or ``history``, by their place.

    Raises:
        TruthUnavailableError: a piece is missing. It was there when its row was written.
    """
    wanted_ = {(place, key) for key, row in found for place in rows.places(row, letters)}
    if not wanted_:
        return {}
    keys = {(place, key): rows.piece_keys(key, place) for place, key in wanted_}
    there = dynamo.get("history", [each for list_ in keys.values() for each in list_])
    return {place: _whole(key, place, list_, there) for (place, key), list_ in keys.items()}


def _whole(key: ItemKey, place: str, keys: Sequence[Key], there: Mapping[Key, rows.Attributes]) -> bytes:
    missing = [each for each in keys if each not in there]
    if missing:
        raise TruthUnavailableError(
            f"{len(missing)} of {len(keys)} pieces of document {place} of item {key.item!r} of {key.tenant!r} are missing "
            "from the history table: restore it to a time after the item was last changed"
        )
    return b"".join(there[each]["b"]["B"] for each in keys)


def _fenced(fence: Document) -> FencedError:
    return FencedError(f"{fence.kind} {fence.name!r} is not at revision {fence.revision} any more")
