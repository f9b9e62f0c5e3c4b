"""The ledger in DynamoDB keeps the same contract, and writes little for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tbie.backends.aws import ledger as of_aws
from tbie.backends.aws.client import Clients
from tbie.backends.aws.ledger import LATE_MS, DynamoLedger
from tbie.backends.aws.tables import create_tables
from tbie.core.clock import ManualClock
from tbie.core.errors import LedgerUnavailableError
from tbie.reconciler.ledger import Ledger
from tbie.testing.aws.faults import Faults
from tbie.testing.aws.session import Site
from tbie.testing.builders import key
from tbie.testing.conformance.ledger import LedgerConformance, noted, spans


class TestDynamoLedger(LedgerConformance):
    @pytest.fixture(autouse=True)
    def places(self, aws_site: Site) -> None:
        self._site = aws_site

    def place(self) -> Clients:
        clients = self._site.place()
        create_tables(clients, ("register",))
        return clients

    def make_ledger(self, rows: int, folder: Path) -> Ledger:
        return DynamoLedger(self.place(), ManualClock(), rows)

    def test_two_processes_write_one_ledger_and_each_sees_what_the_other_wrote(self) -> None:
        place = self.place()
        clock = ManualClock()
        first, second = (DynamoLedger(place, clock, 100) for _ in range(2))
        for at_ms in range(1, 10, 2):
            first.note([noted(at_ms)])
            clock.advance_ms(1)
            second.note([noted(at_ms + 1)])
            clock.advance_ms(1)
        assert spans(first.of(key())) == spans(second.of(key())) == [("nothing", 1, 10, 10)]

    def test_a_log_that_has_grown_begins_anew_and_says_the_same(self) -> None:
        place, clock = self.place(), ManualClock()
        ledger, reader = DynamoLedger(place, clock, 50), DynamoLedger(place, clock, 50)
        for at_ms in range(1, 31):
            clock.advance_ms(60_000)
            ledger.note(
                [noted(at_ms, item=key("standing")), *(noted(at_ms, item=key(f"{at_ms}/{n}")) for n in range(50))]
            )
            if at_ms == 10:
                reader.recent()
        assert self.blocks(place) < 30, "older blocks are gone"
        fresh = DynamoLedger(place, ManualClock(), 50)
        assert fresh.recent(100) == reader.recent(100) == ledger.recent(100)
        assert len(fresh.recent(100)) == 50

    def test_a_block_that_nobody_here_wrote_is_passed_over(self) -> None:
        place = self.place()
        ledger = DynamoLedger(place, ManualClock(), 50)
        ledger.note([noted(1)])
        table = place.place.table("register")
        junk = {"pk": {"S": "ledger"}, "sk": {"S": "000000000000002"}, "kind": {"S": "noted"}, "block": {"B": b"junk"}}
        place.dynamodb.put_item(TableName=table, Item=junk)
        ledger.note([noted(3)])
        assert spans(DynamoLedger(place, ManualClock(), 50).of(key())) == [("nothing", 1, 3, 2)]

    def test_whoever_shortens_nothing_writes_a_block_a_call_and_reads_none(self) -> None:
        place = self.place()
        writer = DynamoLedger(place, ManualClock(), 50, shortens=False)
        with Faults(place.dynamodb) as faults:
            for at_ms in range(3):
                writer.note([noted(at_ms, item=key(f"{at_ms}/{n}")) for n in range(50)])
        assert faults.calls == {"PutItem": 3}
        assert len(writer.recent(1_000)) == 50, "it reads when it is asked"

    def test_whoever_shortens_reads_what_others_note_once_a_minute(self) -> None:
        place, clock = self.place(), ManualClock()
        ledger = DynamoLedger(place, clock, 50)
        ledger.note([noted(1)])
        with Faults(place.dynamodb) as faults:
            for at_ms in range(120):
                ledger.note([noted(at_ms)])
                clock.advance_ms(1_000)
        assert faults.calls == {"PutItem": 120, "Query": 1}

    def test_many_processes_note_at_once_and_every_decision_is_there_once(self) -> None:
        place = self.place()
        writers = [DynamoLedger(place, ManualClock(), 1_000, shortens=n == 0) for n in range(4)]

        def write(number: int) -> None:
            for n in range(10):
                writers[number].note([noted(n, item=key(f"{number}/{n}"))])

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
        for ledger in (writers[0], writers[1], DynamoLedger(place, ManualClock(), 1_000)):
            assert Counter(entry.times for entry in ledger.recent(1_000)) == {1: 40}

    def test_a_block_that_comes_later_than_its_name_says_is_found(self) -> None:
        place, clock = self.place(), ManualClock()
        reader, slow = (
            DynamoLedger(place, clock, 50),
            DynamoLedger(place, ManualClock(clock.now_ms() - LATE_MS // 2), 50),
        )
        DynamoLedger(place, clock, 50).note([noted(1)])
        assert len(reader.recent()) == 1
        slow.note([noted(2, item=key("late"))])
        assert len(reader.recent()) == 2

    def test_a_clock_that_is_a_day_ahead_hides_nothing_that_others_note(self) -> None:
        place, clock = self.place(), ManualClock()
        reader, ahead = (
            DynamoLedger(place, clock, 50),
            DynamoLedger(place, ManualClock(clock.now_ms() + 86_400_000), 50),
        )
        ahead.note([noted(1)])
        assert len(reader.recent()) == 1
        DynamoLedger(place, clock, 50).note([noted(2, item=key("other"))])
        assert len(reader.recent()) == 2

    def test_many_small_blocks_are_made_few_although_little_is_in_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(of_aws, "MOST_BLOCKS", 10)
        place, clock = self.place(), ManualClock()
        ledger = DynamoLedger(place, clock, 50)
        for at_ms in range(1, 31):
            clock.advance_ms(60_000)
            ledger.note([noted(at_ms)])
        assert self.blocks(place) < 15
        with Faults(place.dynamodb) as faults:
            DynamoLedger(place, clock, 50).note([noted(30)])
        assert faults.calls["BatchWriteItem"] == 0, "a new process does not begin anew what was begun anew"
        assert spans(DynamoLedger(place, ManualClock(), 50).of(key())) == [("nothing", 1, 30, 31)]

    def test_of_two_that_shorten_at_once_one_wins_and_what_anybody_noted_meanwhile_stays(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(of_aws, "MOST_BLOCKS", 10)
        place, clock = self.place(), ManualClock()
        first, second = (DynamoLedger(place, clock, 50) for _ in range(2))
        third = DynamoLedger(place, clock, 50, shortens=False)
        put = first._put

        def beside(item: Mapping[str, Any], **condition: Any) -> None:
            clock.advance_ms(10_000)
            third.note([noted(1, item=key("beside"))])
            if condition:
                second.recent()
                second._begin_anew()
            put(item, **condition)

        monkeypatch.setattr(first, "_put", beside)
        for at_ms in range(1, 31):
            first.note([noted(at_ms)])
        monkeypatch.undo()
        fresh = DynamoLedger(place, ManualClock(), 50)
        for ledger in (fresh, first, second, third):
            assert {e.key.item: (e.first_ms, e.last_ms) for e in ledger.recent()} == {"i1": (1, 30), "beside": (1, 1)}
            assert ledger.of(key())[0].times == 30
            assert ledger.of(key("beside"))[0].times == fresh.of(key("beside"))[0].times > 30

    @pytest.mark.parametrize("stopped_at", [("PutItem", 1), ("PutItem", 2), ("BatchWriteItem", 1)])
    def test_whoever_is_stopped_while_the_log_begins_anew_loses_nothing(self, stopped_at: tuple[str, int]) -> None:
        place, (call, number) = self.place(), stopped_at
        ledger = DynamoLedger(place, ManualClock(), 50)
        for at_ms in range(1, 31):
            ledger.note([noted(at_ms), noted(at_ms, item=key(f"i{at_ms}"))])
        expected = ledger.recent(100)
        with Faults(place.dynamodb) as faults:
            if number == 2:
                faults.before(call, lambda: None)  # the first one is carried out
            faults.refuse(call, "InternalServerError", 500, times=10)
            with pytest.raises(LedgerUnavailableError):
                ledger._begin_anew()
        other = DynamoLedger(place, ManualClock(), 50)
        assert other.recent(100) == ledger.recent(100) == expected
        other._begin_anew()
        assert DynamoLedger(place, ManualClock(), 50).recent(100) == ledger.recent(100) == expected
        assert self.blocks(place) <= 3

    def test_a_head_whose_answer_was_lost_is_ours_all_the_same(self) -> None:
        place = self.place()
        ledger = DynamoLedger(place, ManualClock(), 50)
        ledger.note([noted(1)])
        expected = ledger.recent()
        with Faults(place.dynamodb) as faults:
            faults.before("PutItem", lambda: None)
            faults.lose("PutItem")
            ledger._begin_anew()
        assert DynamoLedger(place, ManualClock(), 50).recent() == ledger.recent() == expected
        assert self.blocks(place) == 2

    @staticmethod
    def blocks(place: Clients) -> int:
        table = place.place.table("register")
        return int(place.dynamodb.scan(TableName=table, Select="COUNT", ConsistentRead=True)["Count"])
