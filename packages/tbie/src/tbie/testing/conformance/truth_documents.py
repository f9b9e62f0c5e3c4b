"""Truth, part 5: documents by compare-and-set, and commits that are fenced by one."""

from __future__ import annotations

import pytest

from tbie.core.clock import ManualClock
from tbie.core.errors import FencedError
from tbie.core.outcome import Facts
from tbie.testing.builders import WHO, chain, key, new_item, record_of, settlement
from tbie.testing.conformance.fixtures import OpenTruth, WithTruth
from tbie.testing.conformance.truth_strings import HOSTILE
from tbie.truth import Committed, Document, Refused, StageState, TruthStore


class Documents(WithTruth):
    """Small named records beside the items."""

    @pytest.fixture
    def desk(self, open_truth: OpenTruth) -> TruthStore:
        """a → b with one item, and no document."""
        truth = open_truth(chain("a", "b"))
        truth.add([new_item()], WHO)
        return truth

    def test_a_document_is_read_as_it_was_written(self, desk: TruthStore, clock: ManualClock) -> None:
        assert desk.documents("term") == []
        clock.advance_ms(5)
        seq = desk.last_seq()
        written = written_now(desk, "term", "reconciler", {"holder": "r1", "nested": [1, None, {"☂": True}]})
        assert written == Document(
            "term",
            "reconciler",
            written.revision,
            {"holder": "r1", "nested": [1, None, {"☂": True}]},
            clock.now_ms(),
        )
        assert desk.documents("term") == [written]
        assert desk.last_seq() == seq, "history is about items"

    def test_a_document_that_exists_is_not_written_as_if_it_did_not(self, desk: TruthStore) -> None:
        first = written_now(desk, "term", "reconciler", {"holder": "r1"})
        assert desk.write_document("term", "reconciler", {"holder": "r2"}, None) is None
        assert desk.documents("term") == [first]

    def test_a_document_that_does_not_exist_has_no_revision(self, desk: TruthStore) -> None:
        for revision in (0, 1, 7):
            assert desk.write_document("term", "reconciler", {}, revision) is None
        assert desk.documents("term") == []

    def test_of_two_writers_at_one_revision_the_first_wins(self, desk: TruthStore, clock: ManualClock) -> None:
        first = written_now(desk, "term", "reconciler", {"holder": "r1"})
        clock.advance_ms(9)
        second = written_now(desk, "term", "reconciler", {"holder": "r2"}, first.revision)
        assert desk.write_document("term", "reconciler", {"holder": "r3"}, first.revision) is None
        assert desk.documents("term") == [second]
        assert (second.body, second.updated_ms) == ({"holder": "r2"}, clock.now_ms())
        assert second.revision > first.revision

    def test_only_a_document_that_did_not_change_is_dropped(self, desk: TruthStore) -> None:
        first = written_now(desk, "pause", "p", {"trips": 1})
        second = written_now(desk, "pause", "p", {"trips": 2}, first.revision)
        other = written_now(desk, "pause", "other", {})
        assert desk.drop_document(first) is False
        assert desk.documents("pause") == [other, second]
        assert desk.drop_document(second) is True
        assert desk.drop_document(second) is False
        assert desk.documents("pause") == [other]

    def test_no_revision_ever_comes_back(self, desk: TruthStore) -> None:
        seen = []
        for round_ in range(3):
            for kind, name in (("term", "x"), ("term", "y"), ("pause", "x")):
                document = written_now(desk, kind, name, {"round": round_})
                again = written_now(desk, kind, name, {"round": round_}, document.revision)
                seen += [document.revision, again.revision]
                assert desk.drop_document(again)
        assert seen == sorted(set(seen)), "each is greater than all before, whatever was dropped between"

    def test_documents_of_a_kind_come_by_name_whatever_the_name(self, desk: TruthStore) -> None:
        for name in HOSTILE:
            written_now(desk, "pause", name, {"name": name, name: [name]})
            written_now(desk, name, "same", {})
        found = desk.documents("pause")
        assert [document.name for document in found] == sorted(HOSTILE)
        assert all(document.body == {"name": document.name, document.name: [document.name]} for document in found)
        assert [len(desk.documents(name)) for name in HOSTILE] == [1] * len(HOSTILE)

    def test_a_document_does_not_follow_the_body_it_was_made_from(self, desk: TruthStore) -> None:
        body = {"items": [1]}
        first = written_now(desk, "campaign", "c", body)
        body["items"].append(2)
        assert (first.body, desk.documents("campaign")[0].body) == ({"items": [1]}, {"items": [1]})

    def test_what_is_not_json_is_refused_and_nothing_changes(self, desk: TruthStore) -> None:
        first = written_now(desk, "campaign", "c", {"done": 1})
        with pytest.raises(ValueError, match=r"not JSON|JSON compliant"):
            desk.write_document("campaign", "c", {"done": float("nan")}, first.revision)
        assert desk.documents("campaign") == [first]

    def test_a_commit_under_a_fence_that_stands_is_like_any_other(self, desk: TruthStore) -> None:
        term = written_now(desk, "term", "reconciler", {"holder": "r1"})
        (result,) = desk.commit([settlement(desk, key(), "a")], fence=term)
        assert isinstance(result, Committed)
        assert record_of(desk, key(), "a").state is StageState.COMPLETED
        lost = settlement(desk, key(), "b")._replace(token="another")
        assert desk.commit([lost], fence=term) == [Refused("superseded")], "a fence refuses all or nothing"
        assert desk.documents("term") == [term], "a fence is looked at, not renewed"

    @pytest.mark.parametrize("change", ["renewed", "dropped", "dropped and written again"])
    def test_a_commit_under_a_fence_that_has_changed_does_nothing(self, desk: TruthStore, change: str) -> None:
        term = written_now(desk, "term", "reconciler", {"holder": "r1"})
        if change == "renewed":
            written_now(desk, "term", "reconciler", term.body, term.revision)
        else:
            assert desk.drop_document(term)
        if change == "dropped and written again":
            written_now(desk, "term", "reconciler", term.body)
        before, seq = desk.items(), desk.last_seq()
        with pytest.raises(FencedError, match=f"term 'reconciler' is not at revision {term.revision} any more"):
            desk.commit([settlement(desk, key(), "a")], fence=term)
        with pytest.raises(FencedError):
            desk.commit([], fence=term)
        assert (desk.items(), desk.last_seq()) == (before, seq)
        (result,) = desk.commit([settlement(desk, key(), "a")])
        assert isinstance(result, Committed), "a worker's result has no fence: it is settled by its token"

    def test_a_fence_that_never_was_is_refused(self, desk: TruthStore) -> None:
        with pytest.raises(FencedError):
            desk.commit([settlement(desk, key(), "a")], fence=Document("term", "reconciler", 1, {}, 0))


def written_now(truth: TruthStore, kind: str, name: str, body: Facts, revision: int | None = None) -> Document:
    """Write a document, which must succeed."""
    document = truth.write_document(kind, name, body, revision)
    assert document is not None, f"somebody else wrote {kind} {name!r} first"
    return document
