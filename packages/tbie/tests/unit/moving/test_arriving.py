"""Bringing an export into a store: once, whole, and never over something else."""

from __future__ import annotations

import io
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packages.tbie.tests.unit.moving.exports import bodies, brought, empty, examined, exported, filled, sealed
from tbie.backends.memory.truth import MemoryTruth
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.clock import ManualClock
from tbie.core.errors import MovingError, TruthUnavailableError
from tbie.core.ids import SequentialIds
from tbie.core.outcome import Completed, Outcome, Retry, TerminalFailure
from tbie.history import whole
from tbie.moving import Difference, bring, compare
from tbie.moving.comparing import Side
from tbie.moving.lines import digest
from tbie.testing.builders import WHO, gallery, item_of, key, new_item, settle
from tbie.truth import Reset, StageState, TruthStore, Update


def differences(truth: TruthStore, data: bytes) -> list[Difference]:
    found: list[Difference] = []
    compare(truth, io.BytesIO(data), found.append)
    return found


def test_what_arrives_is_what_left() -> None:
    old, new = filled(), empty()
    found = brought(new, exported(old))
    assert (found.written, found.there, found.gone_on, found.documents, found.kept) == (3, 0, 0, 1, [])
    assert new.items() == old.items()
    assert exported(new) == exported(old)
    assert differences(new, exported(old)) == []


def test_the_same_file_again_changes_nothing() -> None:
    data, new = exported(filled()), empty()
    brought(new, data)
    seq, documents = new.last_seq(), new.documents("policy")
    found = brought(new, data)
    assert (found.written, found.there) == (0, 3)
    assert (new.last_seq(), new.documents("policy")) == (seq, documents)


class _Dying(MemoryTruth):
    """Goes away after so many writes."""

    left = 0

    def _spend(self) -> None:
        if self.left == 0:
            raise TruthUnavailableError("away")
        self.left -= 1

    def restore(self, stories: Any) -> list[bool]:
        done = []
        for story in stories:  # whole items, one by one: the weakest that a store may do
            self._spend()
            done += super().restore([story])
        return done

    def write_document(self, *args: Any) -> Any:
        self._spend()
        return super().write_document(*args)

    def write_meta(self, name: str, value: str) -> None:
        self._spend()
        super().write_meta(name, value)


@pytest.mark.parametrize("writes", range(7))
def test_an_import_that_was_cut_short_anywhere_is_finished_by_the_same_command(writes: int) -> None:
    old = filled()
    data = exported(old)
    new = _Dying(old.workflow, ManualClock(), SequentialIds())
    new.left = writes
    with pytest.raises(TruthUnavailableError):
        brought(new, data)
    new.left = 10**6
    brought(new, data)
    assert exported(new) == data
    assert new.last_seq() == old.last_seq(), "nothing is there twice"


def test_a_store_that_holds_other_items_is_refused_and_left_alone() -> None:
    new = empty()
    new.add([new_item("mine", "t9")], WHO)
    with pytest.raises(MovingError, match=r"holds items already .'mine' of tenant 't9', for one.*Nothing was changed"):
        brought(new, exported(filled()))
    assert [item.key for item in new.items()] == [key("mine", "t9")]
    assert new.read_meta("moving") is None
    assert brought(new, exported(filled()), beside=True).written == 3
    assert len(new.items()) == 4


def test_an_item_of_the_same_name_with_another_history_is_refused_and_left_as_it_is() -> None:
    new = empty()
    new.add([new_item("i2", size=99)], WHO)
    was = item_of(new, key("i2"))
    with pytest.raises(MovingError, match="item 'i2' of tenant 't1' is in this store with another history"):
        brought(new, exported(filled()), beside=True)
    assert item_of(new, key("i2")) == was


def test_an_item_that_has_gone_on_here_is_told_and_left_as_it_is() -> None:
    data, new = exported(filled()), empty()
    brought(new, data)
    new.commit([Reset(key("i2"), "a", WHO)])
    was = item_of(new, key("i2"))
    found = brought(new, data)
    assert (found.written, found.there, found.gone_on) == (0, 2, 1)
    assert item_of(new, key("i2")) == was
    assert differences(new, data) == [Difference(key("i2"), Side.LONGER)]


def test_a_document_of_the_stores_own_is_not_replaced() -> None:
    data, new = exported(filled()), empty()
    new.write_document("policy", "p", {"text": "mine"}, None)
    with pytest.raises(MovingError, match="a policy 'p' of its own"):
        brought(new, data)
    found = brought(new, data)  # its file is known by now: it is the same import, resumed
    assert found.kept == [("policy", "p")]
    assert new.documents("policy")[0].body == {"text": "mine"}


def test_settings_of_the_stores_own_stay() -> None:
    new = empty()
    new.write_meta("manifest", "mine")
    assert brought(new, exported(filled())).kept == [("", "manifest")]
    assert new.read_meta("manifest") == "mine"


def test_a_file_that_changed_between_the_two_readings_is_noticed() -> None:
    data, other = exported(filled()), exported(empty())
    with pytest.raises(MovingError, match="has changed since it was examined"):
        bring(empty(), io.BytesIO(other), examined(data))


@pytest.mark.parametrize(("state", "after"), [("running", "cancelled"), ("paused", "cancelled"), ("done", "done")])
def test_a_campaign_does_not_go_on_in_another_store(state: str, after: str) -> None:
    old, new = empty(), empty()
    old.write_document("campaign", "c1", {"state": state, "from_seq": 3, "updated_ms": 5, "problem": None}, None)
    brought(new, exported(old))
    body = new.documents("campaign")[0].body
    assert (body["state"], body["from_seq"]) == (after, 2**62)
    assert (body["problem"] is None) == (state == "done")
    assert brought(new, exported(old)).documents == 1, "and arrives once"


def test_differences_are_told_on_both_sides() -> None:
    data, new = exported(filled()), empty()
    brought(new, data)
    del new.everything()[key("i1")]
    new.add([new_item("i1x"), new_item("zz", "t9")], WHO)
    new.everything()[key("i2")] = new.everything()[key("i2")].__class__(
        key("i2"), item_of(new, key("i2")).address, {"edited": True}, 0, item_of(new, key("i2")).stages
    )
    assert differences(new, data) == [
        Difference(key("i1"), Side.MISSING),
        Difference(key("i1x"), Side.EXTRA),
        Difference(key("i2"), Side.OTHER),
        Difference(key("zz", "t9"), Side.EXTRA),
    ]


def test_a_row_that_its_history_does_not_give_is_not_exported() -> None:
    old = filled()
    item = item_of(old, key("i1"))
    records = {**item.stages, "a": item.stages["a"]._replace(state=StageState.COMPLETED)}
    old.everything()[key("i1")] = item.__class__(item.key, item.address, item.attributes, item.created_ms, records)
    with pytest.raises(MovingError, match="the history of item 'i1' of tenant 't1' does not give its row"):
        exported(old)


def test_items_that_change_while_they_are_exported_are_as_they_were_at_one_moment() -> None:
    old = filled()

    class Busy(MemoryTruth):
        """Somebody commits between the reading of a row and of its history."""

        busy = 2

        def history(self, key: Any) -> Any:
            if self.busy:
                self.busy -= 1
                self.commit([Reset(key, "a", WHO)])
            return super().history(key)

    busy = Busy(old.workflow, ManualClock(), SequentialIds())
    brought(busy, exported(old))
    busy.busy = 2
    data = exported(busy)
    assert differences(busy, data) == []


_DO = st.tuples(
    st.sampled_from(["complete", "retry", "fail", "reset", "update"]),
    st.integers(0, 3),
    st.sampled_from(["read", "look", "measure", "judge"]),
    st.dictionaries(st.text(max_size=4), st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
                    max_size=2),
)  # fmt: skip


@given(st.lists(_DO, max_size=25))
def test_whatever_happened_to_items_they_come_back_unchanged_by_way_of_another_backend(
    tmp_path_factory: pytest.TempPathFactory, doings: list[Any]
) -> None:
    clock, ids = ManualClock(), SequentialIds()
    old = MemoryTruth(gallery(), clock, ids)
    old.add([new_item(f"i{number}", f"t{number % 2}") for number in range(4)], WHO)
    for what, number, stage, facts in doings:
        _do(old, what, f"i{number}", f"t{number % 2}", stage, facts, clock)
    data = exported(old)
    other = SqliteTruth(tmp_path_factory.mktemp("moved") / "truth.db", gallery(), clock, ids, synchronous="OFF")
    try:
        brought(other, data)
        assert other.items() == old.items()
        assert {k: n for k, n in other.tally().items() if n} == {k: n for k, n in old.tally().items() if n}
        back = MemoryTruth(gallery(), clock, ids)
        brought(back, exported(other))
        assert back.items() == old.items()
        assert differences(back, data) == differences(other, data) == []
    finally:
        other.close()


def _do(
    truth: TruthStore, what: str, name: str, tenant: str, stage: str, facts: dict[str, Any], clock: ManualClock
) -> None:
    where = key(name, tenant)
    clock.advance_ms(7)
    record = item_of(truth, where).stages.get(stage)
    if what == "reset":
        truth.commit([Reset(where, stage, WHO)])
    elif what == "update":
        truth.commit([Update(where, new_item(f"{name}+").address, facts, WHO)])
    elif record is not None and record.state is StageState.PENDING:
        outcomes: dict[str, Outcome] = {
            "complete": Completed(facts),
            "retry": Retry("busy"),
            "fail": TerminalFailure("no", True, facts),
        }
        settle(truth, where, stage, outcomes[what])


def test_an_item_without_any_history_is_no_item() -> None:
    said = bodies(exported(filled()))
    said[3].update(changes=0, digest=digest(key("i1"), said[3]["created_ms"], ()))
    del said[4:7]
    with pytest.raises(MovingError, match="does not give the row"):
        examined(sealed(said))


def test_an_entry_from_before_a_field_existed_moves_as_it_reads() -> None:
    old = filled()
    entries = old._of[key("i2")]
    for place, entry in enumerate(entries):
        after: dict[str, Any] = {name: dict(cast("Any", row)) for name, row in entry.after.items()}
        for row in after.values():
            row.pop("resets", None)
        entries[place] = entry._replace(after=after)
    new = empty()
    brought(new, exported(old))
    assert differences(new, exported(old)) == []
    new._of[key("i2")] = [entry._replace(after=whole(entry.after)) for entry in new._of[key("i2")]]
    assert differences(new, exported(old)) == [], "a store that writes the field out says the same"
