"""What every ``Ledger`` must do: keep the newest decisions, a bounded number, those that go on as one entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tbie.core.keys import ItemKey
from tbie.core.outcome import Facts
from tbie.reconciler.ledger import Ledger, LedgerEntry, Noted
from tbie.testing.builders import key
from tbie.testing.conformance.truth_strings import HOSTILE

OpenLedger = Callable[[int], Ledger]
MANY = 1_000


def noted(
    at_ms: int,
    action: str = "nothing",
    reason: str = "sent",
    item: ItemKey | None = None,
    stage: str = "a",
    token: str = "t1",
    evidence: Facts | None = None,
    times: int = 1,
) -> Noted:
    """A decision about stage a of item i1, unless said otherwise."""
    return Noted(item or key(), stage, token, action, reason, evidence if evidence is not None else {}, at_ms, times)


def spans(entries: list[LedgerEntry]) -> list[tuple[str, int, int, int]]:
    """Of each entry: action, since when, until when, how often."""
    return [(entry.action, entry.first_ms, entry.last_ms, entry.times) for entry in entries]


class LedgerConformance:
    """Subclass it and override ``make_ledger``."""

    def make_ledger(self, rows: int, folder: Path) -> Ledger:
        """Open an empty ledger in *folder* that keeps *rows* entries."""
        raise NotImplementedError("say how this backend's ledger is opened")

    @pytest.fixture
    def open_ledger(self, tmp_path: Path) -> Iterator[OpenLedger]:
        """Opens ledgers of a given size, and closes them."""
        opened: list[Ledger] = []

        def open_one(rows: int) -> Ledger:
            folder = tmp_path / f"ledger{len(opened)}"
            folder.mkdir()
            opened.append(self.make_ledger(rows, folder))
            return opened[-1]

        yield open_one
        for ledger in opened:
            ledger.close()

    @pytest.fixture
    def ledger(self, open_ledger: OpenLedger) -> Ledger:
        """An empty ledger with room for every test."""
        return open_ledger(MANY)

    def test_a_decision_is_read_as_it_was_noted(self, ledger: Ledger) -> None:
        evidence = {"receives": 3, "nested": [1.5, None, {"☂": True}]}
        ledger.note([noted(7, "emit", "truth_without_intent", evidence=evidence)])
        entry = LedgerEntry(key(), "a", "t1", "emit", "truth_without_intent", evidence, 7, 7, 1)
        assert ledger.of(key()) == ledger.recent() == [entry]
        assert ledger.counts() == {("emit", "truth_without_intent"): 1}

    def test_an_empty_ledger_says_so(self, ledger: Ledger) -> None:
        ledger.note([])
        assert (ledger.of(key()), ledger.recent(), ledger.counts()) == ([], [], {})

    def test_the_same_decision_prolongs_the_newest_entry_and_renews_its_evidence(self, ledger: Ledger) -> None:
        ledger.note([noted(10, evidence={"depth": 1})])
        ledger.note([noted(20, evidence={"depth": 2}, times=4)])
        ledger.note([noted(30, evidence={"depth": 3})])
        assert ledger.of(key()) == [LedgerEntry(key(), "a", "t1", "nothing", "sent", {"depth": 3}, 10, 30, 6)]

    def test_a_clock_that_goes_back_does_not_shorten_an_entry(self, ledger: Ledger) -> None:
        for at_ms in (10, 30, 20):
            ledger.note([noted(at_ms)])
        assert spans(ledger.of(key())) == [("nothing", 10, 30, 3)]

    @pytest.mark.parametrize(
        "other",
        [noted(20, action="emit"), noted(20, reason="waiting"), noted(20, token="t2")],
        ids=["action", "reason", "token"],
    )
    def test_a_decision_that_differs_begins_an_entry_and_so_does_the_way_back(
        self, ledger: Ledger, other: Noted
    ) -> None:
        for decision in (noted(10), other, noted(30)):
            ledger.note([decision])
        entries = ledger.of(key())
        assert [(entry.first_ms, entry.times) for entry in entries] == [(10, 1), (20, 1), (30, 1)]
        assert [(e.token, e.action, e.reason) for e in entries] == [noted(0)[2:5], other[2:5], noted(0)[2:5]]

    def test_each_stage_of_each_item_has_its_own_newest_entry(self, ledger: Ledger) -> None:
        mine = noted(10)
        others = [noted(20, stage="b"), noted(20, item=key("i2")), noted(20, item=key("i1", "t2"))]
        ledger.note([mine])
        ledger.note(others)
        ledger.note([mine._replace(at_ms=30), others[0]._replace(at_ms=30)])
        assert [(e.stage, e.first_ms, e.last_ms, e.times) for e in ledger.of(key())] == [
            ("a", 10, 30, 2),
            ("b", 20, 30, 2),
        ]
        assert spans(ledger.of(key("i2"))) == spans(ledger.of(key("i1", "t2"))) == [("nothing", 20, 20, 1)]

    def test_decisions_noted_together_are_taken_in_order(self, ledger: Ledger) -> None:
        ledger.note([noted(1, "emit")])
        together = [noted(2, "emit"), noted(3), noted(4, stage="b"), noted(5), noted(6, "emit"), noted(7, "emit")]
        ledger.note(together)
        of_a = [entry for entry in ledger.of(key()) if entry.stage == "a"]
        assert spans(of_a) == [("emit", 1, 2, 2), ("nothing", 3, 5, 2), ("emit", 6, 7, 2)]
        ledger.note([noted(8, "emit")])
        assert spans(ledger.recent(1)) == [("emit", 6, 8, 3)]

    def test_what_is_known_of_an_item_comes_oldest_first(self, ledger: Ledger) -> None:
        ledger.note([noted(10, stage="a"), noted(20, stage="b")])
        ledger.note([noted(30, stage="c"), noted(40, stage="a")])
        assert [(entry.stage, entry.first_ms) for entry in ledger.of(key())] == [("a", 10), ("b", 20), ("c", 30)]

    def test_the_newest_come_first_and_what_goes_on_is_new(self, ledger: Ledger) -> None:
        ledger.note([noted(n, item=key(f"i{n}")) for n in range(1, 6)])
        ledger.note([noted(9, item=key("i2"))])
        assert [entry.key.item for entry in ledger.recent(3)] == ["i2", "i5", "i4"]
        assert len(ledger.recent()) == 5
        assert ledger.recent(0) == []

    def test_counts_add_up_how_often_each_was_decided(self, ledger: Ledger) -> None:
        ledger.note([noted(10, "emit", "new"), noted(10, "nothing", "sent", key("i2"), times=5)])
        ledger.note([noted(20, "nothing", "sent", key("i2")), noted(20, "emit", "lost", key("i3"))])
        assert ledger.counts() == {("emit", "new"): 1, ("nothing", "sent"): 6, ("emit", "lost"): 1}
        assert ledger.counts(20) == {("nothing", "sent"): 6, ("emit", "lost"): 1}, "as it was last true"
        assert ledger.counts(21) == {}

    @pytest.mark.parametrize("batch", [1, 3, 30])
    def test_when_more_than_the_bound_are_kept_the_oldest_go(self, open_ledger: OpenLedger, batch: int) -> None:
        ledger = open_ledger(10)
        decisions = [noted(n, item=key(f"i{n}")) for n in range(1, 31)]
        for first in range(0, 30, batch):
            ledger.note(decisions[first : first + batch])
            assert len(ledger.recent(MANY)) == min(first + batch, 10)
        assert [entry.key.item for entry in ledger.recent(MANY)] == [f"i{n}" for n in range(30, 20, -1)]
        assert ledger.of(key("i20")) == []
        assert len(ledger.of(key("i21"))) == 1

    def test_what_goes_on_is_not_what_goes(self, open_ledger: OpenLedger) -> None:
        ledger = open_ledger(3)
        for n in range(1, 20):
            ledger.note([noted(n, item=key("standing")), noted(n, item=key(f"i{n}"))])
        assert spans(ledger.of(key("standing"))) == [("nothing", 1, 19, 19)]
        assert len(ledger.recent()) == 3

    def test_what_has_gone_begins_anew(self, open_ledger: OpenLedger) -> None:
        ledger = open_ledger(2)
        ledger.note([noted(1)])
        ledger.note([noted(2, item=key("i2")), noted(3, item=key("i3"))])
        ledger.note([noted(4)])
        assert spans(ledger.of(key())) == [("nothing", 4, 4, 1)]

    def test_hostile_names_and_reasons_stay_apart_and_come_back_unchanged(self, ledger: Ledger) -> None:
        for at_ms in (1, 2):
            ledger.note([noted(at_ms, text, text, key(text, text), text, text, {text: text}) for text in HOSTILE])
        for text in HOSTILE:
            assert ledger.of(key(text, text)) == [
                LedgerEntry(key(text, text), text, text, text, text, {text: text}, 1, 2, 2)
            ]
        assert ledger.counts() == {(text, text): 2 for text in HOSTILE}

    def test_an_entry_does_not_follow_the_evidence_it_was_made_from(self, ledger: Ledger) -> None:
        evidence = {"list": [1]}
        ledger.note([noted(1, evidence=evidence)])
        evidence["list"].append(2)
        assert ledger.of(key())[0].evidence == {"list": [1]}

    def test_of_decisions_that_cannot_be_kept_none_is(self, ledger: Ledger) -> None:
        ledger.note([noted(1)])
        with pytest.raises(ValueError, match="JSON compliant"):
            ledger.note([noted(2), noted(3, item=key("i2"), evidence={"depth": float("nan")})])
        assert spans(ledger.recent()) == [("nothing", 1, 1, 1)]
