"""Commands packed into transactions: each whole, in order, none larger than DynamoDB takes, and all of them together what they
would have done one by one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tbie.backends.aws import entries, rows
from tbie.backends.aws.packs import MOST_ACTIONS, MOST_BYTES, Pack
from tbie.backends.aws.plan import Adding, Job, Plan, mark, wanted
from tbie.backends.aws.rows import Stored
from tbie.backends.aws.writer import actions_of
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed, Outcome, Retry, TerminalFailure
from tbie.testing.builders import WHO, chain, gallery, key, new_item
from tbie.truth import Advance, Command, Reset, Rotate, Settle, StageState, Update

NOW = 1_700_000_000_000
FLOW = gallery()
ITEMS = [f"i{n}" for n in range(6)]


class Rows:
    """What DynamoDB would hold after the transactions, done one after the other with their conditions."""

    def __init__(self) -> None:
        self.found: dict[ItemKey, Stored | None] = {}
        self.rows: dict[tuple[str, str, str], dict[str, object]] = {}
        self.counts: Counter[tuple[str, str, str]] = Counter()

    def write(self, pack: Pack) -> None:
        actions = actions_of(pack, lambda name: name, 3)
        assert len(actions) <= MOST_ACTIONS
        touched = [_place(action) for action in actions]
        assert len(touched) == len(set(touched)), "one action for each row"
        assert sum(rows.size_of(a["Put"]["Item"]) for a in actions if "Put" in a) <= MOST_BYTES
        for key_, touched_ in pack.items.items():
            assert self.found.get(key_) == touched_.base, "the condition would have failed"
            self.found[key_] = touched_.now
        for action, place in zip(actions, touched, strict=True):
            if "Put" in action:
                self.rows[place] = action["Put"]["Item"]
            elif "Delete" in action:
                del self.rows[place]
        for (tenant, stage), changes in pack.counts().items():
            for name, n in changes.items():
                self.counts[tenant, stage, name] += n


def _place(action: object) -> tuple[str, str, str]:
    assert isinstance(action, dict)
    ((_, asked),) = action.items()
    held = asked.get("Item") or asked["Key"]
    return asked["TableName"], held["pk"]["S"], held["sk"]["S"]


OUTCOMES = st.one_of(
    st.builds(lambda n: Completed({"x": n}), st.integers(0, 9)),
    st.builds(lambda names: Completed({}, tuple((key(n), "read") for n in names)), st.lists(st.sampled_from(ITEMS))),
    st.just(Retry("busy")),
    st.just(TerminalFailure("bad", True)),
)


@st.composite
def commands(draw: st.DrawFn) -> Command:
    """Commands whose tokens may be the live ones or not: ``SequentialIds`` makes t1, t2, …"""
    name, stage = key(draw(st.sampled_from(ITEMS))), draw(st.sampled_from([s.name for s in FLOW.stages]))
    token = f"t{draw(st.integers(1, 12))}"
    match draw(st.integers(0, 6)):
        case 0:
            return Reset(name, stage, WHO)
        case 1:
            return Rotate(name, stage, token, "v2", WHO)
        case 2:
            return Advance(name, WHO, ("group",))
        case 3:
            return Update(name, Address("source", "moved"), {"n": 1}, WHO)
    outcome: Outcome = draw(OUTCOMES)
    return Settle(name, stage, draw(st.integers(1, 2)), token, "v1", outcome, WHO)


@settings(max_examples=50)
@given(st.lists(st.lists(commands(), max_size=12), max_size=4), st.sampled_from([8, 20, MOST_ACTIONS]))
def test_transactions_do_what_a_store_in_memory_does(groups: list[list[Command]], most: int) -> None:
    memory = MemoryTruth(FLOW, ManualClock(NOW), SequentialIds())
    ids, there = SequentialIds(), Rows()
    items = [new_item(name) for name in ITEMS[:4]]

    def run(jobs: Sequence[Job]) -> list[object]:
        plan = Plan(FLOW, NOW, ids, {k: there.found.get(k) for k in wanted(jobs)}, True, most)
        plan.apply(jobs)
        for pack in plan.packs:
            there.write(pack)
        return list(plan.results)

    assert run([Adding(item, WHO) for item in items]) == memory.add(items, WHO)
    for group in groups:
        assert run(group) == memory.commit(group)
    for name in ITEMS:
        stored, (item,) = there.found.get(key(name)), memory.get([key(name)])
        assert (stored is None) == (item is None)
        if stored is not None and item is not None:
            assert rows.item(rows.stored(rows.item_row(stored), True, {}), {}) == item
    index = {place[1:]: row for place, row in there.rows.items() if place[0] == "open"}
    expected = [entries.entries(stored) for stored in there.found.values() if stored is not None]
    assert {k: r for k, r in index.items() if r["kind"] != {"S": "touched"}} == {
        k: r for each in expected for k, r in each.items()
    }
    counted = {(t, s, n.partition("|")[0]): 0 for t, s, n in there.counts}
    for (tenant, stage, name_), n in there.counts.items():
        counted[tenant, stage, name_.partition("|")[0]] += n
    assert {k: n for k, n in counted.items() if n} == {
        (t, s, st_.value): n for (t, s, st_), n in memory.tally().items()
    }
    history = {place: row for place, row in there.rows.items() if place[0] == "history"}
    assert len(history) == memory.last_seq()


def stored_items(count: int) -> tuple[Rows, list[ItemKey]]:
    there, names = Rows(), [key(f"i{n:04}") for n in range(count)]
    plan = Plan(chain("a", "b"), NOW, SequentialIds(), {})
    plan.apply([Adding(new_item(name.item), WHO) for name in names])
    for pack in plan.packs:
        there.write(pack)
    return there, names


def test_about_two_dozen_settlements_share_a_transaction() -> None:
    there, names = stored_items(100)
    plan = Plan(chain("a", "b"), NOW, SequentialIds(), there.found)
    plan.apply(
        [Settle(n, "a", 1, there.found[n].records["a"].token, "v1", Completed({"a": 1}), WHO) for n in names]  # type: ignore[union-attr]
    )
    assert len(plan.packs) == 5, "four actions each and a row of counts for each stage: 24 of them"


@pytest.mark.parametrize("count", [10, 60])
def test_a_result_that_contradicts_many_others_comes_after_what_does_not_fit_beside_it(count: int) -> None:
    there, names = stored_items(count + 1)
    record = there.found[names[0]]
    assert record is not None
    contradicted = tuple((name, "a") for name in names[1:])
    plan = Plan(chain("a", "b"), NOW, SequentialIds(), there.found)
    plan.apply([Settle(names[0], "a", 1, record.records["a"].token, "v1", Completed({}, contradicted), WHO)])
    *before, last = plan.packs
    assert (len(before) > 0) == (count == 60)
    assert names[0] in last.items
    assert {name for pack in plan.packs for name in pack.items} == set(names)
    for pack in plan.packs:
        there.write(pack)
    states = [(stored.records["a"].state, stored.records["a"].generation) for stored in there.found.values() if stored]
    assert Counter(states) == {(StageState.COMPLETED, 1): 1, (StageState.PENDING, 2): count}


def test_large_results_make_transactions_smaller_not_impossible() -> None:
    there, names = stored_items(40)
    plan = Plan(chain("a", "b"), NOW, SequentialIds(), there.found)
    facts = [{f"f{n}": math.sin(1_000 * at + n) for n in range(1_000)} for at in range(len(names))]
    jobs: list[Job] = [
        Settle(n, "a", 1, there.found[n].records["a"].token, "v1", Completed(f), WHO)  # type: ignore[union-attr]
        for n, f in zip(names, facts, strict=True)
    ]
    plan.apply(jobs)
    for pack in plan.packs:
        there.write(pack)


def test_a_mark_lies_between_milliseconds() -> None:
    there, names = stored_items(1)
    stored = there.found[names[0]]
    assert stored is not None
    assert mark(NOW) < stored.seq <= mark(NOW + 1)
