"""The ledger in DynamoDB keeps the same contract, and writes little for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tbie.backends.aws.client import Clients
from tbie.backends.aws.ledger import DynamoLedger
from tbie.backends.aws.tables import create_tables
from tbie.core.clock import ManualClock
from tbie.reconciler.ledger import Ledger
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
        first, second = (DynamoLedger(place, ManualClock(), 100) for _ in range(2))
        for at_ms in range(1, 10, 2):
            first.note([noted(at_ms)])
            second.note([noted(at_ms + 1)])
        assert spans(first.of(key())) == spans(second.of(key())) == [("nothing", 1, 10, 10)]

    def test_a_log_that_has_grown_begins_anew_and_says_the_same(self) -> None:
        place = self.place()
        ledger, reader = DynamoLedger(place, ManualClock(), 50), DynamoLedger(place, ManualClock(), 50)
        for at_ms in range(1, 31):
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

    @staticmethod
    def blocks(place: Clients) -> int:
        table = place.place.table("register")
        return int(place.dynamodb.scan(TableName=table, Select="COUNT", ConsistentRead=True)["Count"])
