"""Invariant 12: reaction is event-driven; the sweep is only the safety net, and costs what is open, not what exists.

Costs are counted in calls of the stores and in rows read. Mutants it catches, tried by hand: a sweep that reads all
items; a stream that is never followed, so that every reaction waits for a sweep; a sweep that asks for the presence of
one row at a time.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.settings import Settings
from tbie.testing.builders import WHO, World, all_open, chain, new_item, new_items, settle
from tbie.testing.chaos import Chaos, Stores, hold
from tbie.workflow import Workflow


class Counted:
    """A store that counts calls, and rows that come back or go in."""

    def __init__(self, store: object) -> None:
        self._store = store
        self.calls: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            result = method(*args, **kwargs)
            self.rows[name] += len(result) if isinstance(result, list) else 1
            return result

        return counted


class EventDriven(Chaos):
    """Whatever opens has its intent after the very next pass that is not blind, without any sweep."""

    @rule(number=st.integers(0, 11))
    def what_opens_is_sent_by_the_next_pass(self, number: int) -> None:
        """An item is added; nobody sweeps."""
        self._add([new_item(f"fresh{number}", f"t{number % 3}")])
        done = self.control.step()
        if done.blind or done.more:
            return
        fresh = [row for row in all_open(self.raw_truth, self.workflow) if row.since_ms == self.clock.now_ms()]
        for row in fresh:
            sent = {envelope.token for envelope in self.sent}
            assert row.token in sent, f"{row} waits for a sweep"


def test_what_opens_is_reacted_to_without_a_sweep(stores: Stores) -> None:
    hold(EventDriven, stores, count=60, steps=30)


def cost(stores: Stores, settled: int, open_items: int) -> tuple[dict[str, int], dict[str, int]]:
    """Calls and rows of one forced sweep over *open_items* open items beside *settled* finished ones."""
    workflow: Workflow = chain("a")
    clock, ids = ManualClock(), SequentialIds()
    raw_truth, raw_intent = stores.make(workflow, clock, ids)
    raw_truth.add(new_items(settled, "done"), WHO)
    for item in raw_truth.items("done", limit=settled):
        settle(raw_truth, item.key, "a")
    raw_truth.add(new_items(open_items, "open"), WHO)
    world = World(workflow, raw_truth, raw_intent, clock, ids, Settings())
    world.reconciler().step(force_sweep=True)
    raw_truth.save_cursor("reconciler", raw_truth.last_seq())
    clock.advance_ms(10_000)
    truth, intent = Counted(raw_truth), Counted(raw_intent)
    counted = World(workflow, cast("Any", truth), cast("Any", intent), clock, ids, Settings())
    control = counted.reconciler()
    truth.calls.clear()
    done = control.step(force_sweep=True)
    assert done.swept is not None
    assert done.swept.open == open_items
    raw_truth.close()
    raw_intent.close()
    return dict(truth.calls + intent.calls), {
        n: truth.rows[n] for n in ("open_stages", "failed_stages", "items", "get")
    }


def test_a_sweep_costs_the_same_however_many_items_are_settled(stores: Stores) -> None:
    small, large = (200, 2_000) if stores.share == 100 else (20, 200)
    calls, rows = cost(stores, small, 30)
    assert cost(stores, large, 30) == (calls, rows)
    assert rows["open_stages"] == 30
    assert rows["items"] == 0
    assert sum(calls.values()) < 30, "a page at a time, not a row at a time"


@pytest.mark.parametrize("open_items", [0, 1, 50])
def test_a_sweep_reads_each_open_row_once(stores: Stores, open_items: int) -> None:
    _, rows = cost(stores, 10, open_items)
    assert rows["open_stages"] == open_items
