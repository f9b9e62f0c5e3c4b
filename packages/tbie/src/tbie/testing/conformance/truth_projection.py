"""Truth, part 8: taking a few values out of many items' facts."""

from __future__ import annotations

from tbie.core.keys import ItemKey
from tbie.core.outcome import Completed, TerminalFailure
from tbie.testing.builders import WHO, chain, key, new_item, new_items, settle
from tbie.testing.conformance.fixtures import OpenTruth, WithTruth
from tbie.truth import FactPath, Reset

DEEP = {"a": {"b.c": {"d": 1.5}}, "list": [1, {"x": "☂"}], "no": None, "flag": True, "text": 'a"b\\c\ud800', "zero": 0}


class Projection(WithTruth):
    """A projection says what ``get`` says of the same places, and nothing of stages that are not completed."""

    def test_what_is_at_a_place_is_given_as_it_is_in_the_order_asked_for(self, open_truth: OpenTruth) -> None:
        truth = open_truth(chain("a", "b"))
        truth.add([new_item()], WHO)
        settle(truth, key(), "a", Completed(DEEP))
        settle(truth, key(), "b", Completed({"n": 7}))
        paths = [
            ("b", "n"),
            ("a", "a", "b.c", "d"),
            ("a", "list"),
            ("a", "flag"),
            ("a", "text"),
            ("a", "zero"),
            ("a", "a"),
        ]
        assert truth.project(paths) == [
            (key(), [7, 1.5, [1, {"x": "☂"}], True, 'a"b\\c\ud800', 0, {"b.c": {"d": 1.5}}])
        ]

    def test_entries_of_lists_are_found_by_their_number(self, open_truth: OpenTruth) -> None:
        truth = open_truth(chain("a"))
        truth.add([new_item()], WHO)
        settle(truth, key(), "a", Completed(DEEP))
        assert truth.project([("a", "list", 1, "x")]) == [(key(), ["☂"])]
        paths: list[FactPath] = [
            ("a", "list", 0),
            ("a", "list", 2),
            ("a", "a", 0),
            ("a", "list", "x"),
            ("a", "text", 0),
        ]
        assert truth.project(paths) == [(key(), [1, None, None, None, None])]

    def test_where_nothing_is_there_is_none(self, open_truth: OpenTruth) -> None:
        truth = open_truth(chain("a", "b"))
        truth.add(new_items(2), WHO)
        settle(truth, key("i0001"), "a", Completed(DEEP))
        settle(truth, key("i0002"), "a", TerminalFailure("bad", False, {"n": 1}))
        paths = [("a", "no"), ("a", "text", "deeper"), ("a", "ghost"), ("b", "n"), ("ghost", "n"), ("a", "zero")]
        none = [None] * 5
        found = sorted(truth.project(paths))
        assert found == [(key("i0001"), [*none, 0]), (key("i0002"), [*none, None])]

    def test_a_stage_that_was_reset_has_nothing(self, open_truth: OpenTruth) -> None:
        truth = open_truth(chain("a", "b"))
        truth.add([new_item()], WHO)
        settle(truth, key(), "a", Completed({"n": 1}))
        truth.commit([Reset(key(), "a", WHO)])
        assert truth.project([("a", "n")]) == [(key(), [None])]

    def test_pages_follow_each_other_and_leave_nothing_out(self, open_truth: OpenTruth) -> None:
        truth = open_truth(chain("a"))
        truth.add([*new_items(5), new_item("x", "t0"), new_item("x", "t2")], WHO)
        whole = [item.key for item in truth.items()]
        found: list[ItemKey] = []
        after = None
        while page := truth.project([("a", "n")], after=after, limit=2):
            found += [row[0] for row in page]
            after = found[-1]
        assert found == [row[0] for row in truth.project([("a", "n")], limit=100)]
        assert sorted(found) == whole
        assert {row[0] for row in truth.project([("a", "n")], "t1", None, 100)} == {
            k for k in whole if k.tenant == "t1"
        }
        assert truth.project([("a", "n")], "ghost") == []
