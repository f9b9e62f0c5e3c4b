"""Truth, part 7: under which versions results stand, and which version a stage is opened under, tenant by tenant."""

from __future__ import annotations

from collections import Counter

from tbie.core.outcome import Completed, TerminalFailure
from tbie.testing.builders import WHO, chain, gallery, key, new_item, new_items, record_of, settle, settlement
from tbie.testing.conformance.fixtures import OpenTruth, WithTruth
from tbie.truth import Reset, StageState, Step, Update


class Versions(WithTruth):
    """A version that was declared holds from the next commit on; what stands keeps the one it was worked out under."""

    def test_versions_equal_a_recount_of_what_is_completed(self, open_truth: OpenTruth) -> None:
        truth = open_truth(gallery())

        def check(expected: dict[tuple[str, str, str], int]) -> None:
            records = [(item.key.tenant, record) for item in truth.items() for record in item.stages.values()]
            recount = Counter((t, r.stage, r.version) for t, r in records if r.state is StageState.COMPLETED)
            assert dict(truth.versions()) == dict(recount) == expected
            for tenant in ("t1", "t2", "ghost"):
                assert truth.versions(tenant) == {name: n for name, n in expected.items() if name[0] == tenant}

        check({})
        truth.add([*new_items(3), new_item("x", "t2")], WHO)
        check({})
        settle(truth, key("i0001"), "read", Completed({"kind": "text"}))  # look is skipped under its version
        settle(truth, key("i0002"), "read", TerminalFailure("bad", False))
        settle(truth, key("x", "t2"), "read")
        check({("t1", "read", "v1"): 1, ("t2", "read", "v1"): 1})
        truth.commit([settlement(truth, key("i0003"), "read")._replace(version="v2")])
        settle(truth, key("i0003"), "measure")
        two = {("t1", "read", "v1"): 1, ("t2", "read", "v1"): 1}
        check({**two, ("t1", "read", "v2"): 1, ("t1", "measure", "v1"): 1})
        truth.commit([Reset(key("i0003"), "read", WHO), Reset(key("i0001"), "read", WHO)])
        check({("t2", "read", "v1"): 1})
        settle(truth, key("i0003"), "read")
        check(two)

    def test_a_stage_opens_under_the_version_that_is_declared_for_its_tenant(self, open_truth: OpenTruth) -> None:
        workflow = chain("a", "b")
        truth = open_truth(workflow)
        workflow.declare("a", {"t2": "mild"})
        truth.add([new_item("x", "t1"), new_item("x", "t2")], WHO)
        assert record_of(truth, key("x", "t1"), "a").version == "v1"
        assert record_of(truth, key("x", "t2"), "a").version == "mild"
        workflow.declare("b", {"t1": "strict"}, default="usual")
        for tenant in ("t1", "t2"):
            settle(truth, key("x", tenant), "a")
        assert record_of(truth, key("x", "t1"), "b").version == "strict"
        assert record_of(truth, key("x", "t2"), "b").version == "usual"
        assert [row.version for row in truth.open_stages("b", None, 10)] == ["strict", "usual"]

    def test_what_is_declared_changes_no_row_by_itself_and_holds_from_the_next_commit(
        self, open_truth: OpenTruth
    ) -> None:
        workflow = chain("a", "b")
        truth = open_truth(workflow)
        truth.add([new_item("x", "t1"), new_item("x", "t2")], WHO)
        settle(truth, key("x", "t1"), "a")
        workflow.declare("a", {"t1": "new"})
        done, waits = record_of(truth, key("x", "t1"), "a"), record_of(truth, key("x", "t2"), "a")
        assert (done.version, waits.version) == ("v1", "v1")
        truth.commit([Reset(key("x", "t1"), "a", WHO), Reset(key("x", "t2"), "a", WHO)])
        done, waits = record_of(truth, key("x", "t1"), "a"), record_of(truth, key("x", "t2"), "a")
        assert (done.version, waits.version) == ("new", "v1")
        workflow.declare("a", {})
        item = new_item("x", "t1")
        truth.commit([Update(item.key, item.address, {"again": True}, WHO)])
        assert record_of(truth, key("x", "t1"), "a").version == "v1"

    def test_a_result_is_stored_under_the_version_that_it_was_worked_out_under(self, open_truth: OpenTruth) -> None:
        workflow = chain("a", "b", "c")
        truth = open_truth(workflow)
        truth.add([new_item()], WHO)
        late = settlement(truth, key(), "a", then=(Step("b", "v1", Completed({"b": 1})),))
        workflow.declare("a", {"t1": "new"})
        workflow.declare("b", {"t1": "new"})
        workflow.declare("c", {"t1": "new"})
        truth.commit([late])
        assert record_of(truth, key(), "a").version == "v1"
        assert record_of(truth, key(), "b").version == "v1"
        assert record_of(truth, key(), "c").version == "new", "it was opened by that commit"
        assert truth.versions() == {("t1", "a", "v1"): 1, ("t1", "b", "v1"): 1}
