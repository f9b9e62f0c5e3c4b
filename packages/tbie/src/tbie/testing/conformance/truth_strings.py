"""Truth, part 4: names and facts that look like something else, and facts that are large or not facts at all."""

from __future__ import annotations

import math

import pytest

from tbie.core.outcome import Completed, TerminalFailure
from tbie.history import fold, plain
from tbie.testing.builders import WHO, chain, item_of, key, new_item, record_of, settle, settlement
from tbie.testing.conformance.fixtures import OpenTruth, WithTruth
from tbie.truth import TruthStore

HOSTILE = (
    "'; DROP TABLE item; --",
    'quote"inside',
    "back\\slash\\",
    "new\nline\ttab",
    "nul\x00inside",
    "% _ * ? [a]",
    "ünïcödé ☂ 𝄞 \u202eright-to-left",
    "e\u0301",
    "é",
    " leading and trailing ",
    "A",
    "a",
    "1",
    "01",
    "x" * 3_000,
)


class Strings(WithTruth):
    """Truth stores what it was given, byte for byte."""

    @pytest.fixture
    def vault(self, open_truth: OpenTruth) -> TruthStore:
        """a → b, empty."""
        return open_truth(chain("a", "b"))

    def test_hostile_names_stay_apart_and_come_back_unchanged(self, vault: TruthStore) -> None:
        assert vault.add([new_item(name, name) for name in HOSTILE], WHO) == [True] * len(HOSTILE)
        for name in HOSTILE:
            settle(vault, key(name, name), "a", Completed({name: [name]}))
            item = item_of(vault, key(name, name))
            assert (item.key, item.address.key) == (key(name, name), name)
            assert item.stages["a"].facts == {name: [name]}
        assert [item.key.item for item in vault.items()] == sorted(HOSTILE)
        assert vault.tenants() == sorted(HOSTILE)
        assert {row.key.item for row in vault.open_stages("b", None, 100)} == set(HOSTILE)

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_reasons_and_evidence_survive_in_row_and_history(self, vault: TruthStore, text: str) -> None:
        vault.add([new_item()], WHO._replace(who=text, why=text))
        settle(vault, key(), "a", TerminalFailure(text, True, {"message": text, text: 1}))
        record = record_of(vault, key(), "a")
        assert (record.reason, record.evidence) == (text, {"message": text, text: 1})
        entries = vault.history(key())
        assert fold(entries)["a"] == plain(record)
        assert entries[0].cause == (text, text)

    @pytest.mark.parametrize("text", ["\ud800", "IMG\udcff\udcfe.jpg", "\\ud800 \udc80", "☂\udc80"])
    def test_undecodable_file_names_in_evidence_do_not_stop_a_commit(self, vault: TruthStore, text: str) -> None:
        vault.add([new_item()], WHO)
        settle(vault, key(), "a", TerminalFailure("source_missing", True, {"message": text}))
        record = record_of(vault, key(), "a")
        assert record.evidence == {"message": text}
        assert fold(vault.history(key()))["a"] == plain(record)

    def test_facts_of_a_megabyte_come_back_whole(self, vault: TruthStore) -> None:
        facts = {"embedding": [n / 7 for n in range(20_000)], "text": "☂" * 200_000}
        vault.add([new_item()], WHO)
        settle(vault, key(), "a", Completed(facts))
        assert record_of(vault, key(), "a").facts == facts

    def test_numbers_keep_their_value_and_kind(self, vault: TruthStore) -> None:
        facts = {"big": 2**63, "small": -(2**70), "float": 0.1, "one": 1.0, "true": True, "zero": 0, "none": None}
        vault.add([new_item()], WHO)
        settle(vault, key(), "a", Completed(facts))
        found = record_of(vault, key(), "a").facts
        assert found == facts
        assert found is not None
        assert [type(found[name]) for name in facts] == [type(value) for value in facts.values()]

    @pytest.mark.parametrize("value", [math.nan, math.inf, object(), {1, 2}, b"bytes"])
    def test_facts_that_are_not_json_are_refused_and_nothing_of_the_group_is_stored(
        self, vault: TruthStore, value: object
    ) -> None:
        vault.add([new_item("i1"), new_item("i2")], WHO)
        good, bad = settlement(vault, key("i1"), "a"), settlement(vault, key("i2"), "a", Completed({"x": value}))
        seq = vault.last_seq()
        with pytest.raises((TypeError, ValueError)):
            vault.commit([good, bad])
        assert vault.last_seq() == seq
        assert record_of(vault, key("i1"), "a").facts is None

    def test_an_add_that_fails_half_way_leaves_nothing_and_hides_nobody(self, vault: TruthStore) -> None:
        with pytest.raises((TypeError, ValueError)):
            vault.add([new_item("i1", "new"), new_item("i2", "new", size=math.nan)], WHO)
        assert (vault.items(), vault.tenants(), vault.last_seq()) == ([], [], 0)
        vault.add([new_item("i3", "new")], WHO)
        assert vault.tenants() == ["new"], "a tenant whose first add failed is discovered by its second"

    def test_facts_are_what_they_were_when_they_were_committed(self, vault: TruthStore) -> None:
        facts: dict[str, object] = {"list": [1]}
        vault.add([new_item()], WHO)
        settle(vault, key(), "a", Completed(facts))
        facts["list"] = "changed later by the handler that made it"
        assert record_of(vault, key(), "a").facts == {"list": [1]}
