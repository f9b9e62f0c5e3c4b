"""Truth in DynamoDB while AWS refuses, throttles, answers half or not at all: nothing is lost, and nothing happens twice."""

from __future__ import annotations

from typing import Any

import pytest

from tbie.backends.aws.client import Clients
from tbie.backends.aws.place import Place
from tbie.backends.aws.tables import SCHEMA, create_tables, definition
from tbie.backends.aws.truth import DynamoTruth
from tbie.core.clock import ManualClock
from tbie.core.errors import FencedError, TruthUnavailableError
from tbie.core.ids import SequentialIds
from tbie.core.outcome import Completed
from tbie.testing.aws.faults import Faults
from tbie.testing.aws.server import ROOT_KEY, LocalServer
from tbie.testing.aws.session import IMPATIENT, Site
from tbie.testing.builders import WHO, chain, key, new_item, new_items, record_of, settle, settlement
from tbie.truth import Committed, Refused, Reset, Rotate, StageState

COMPLETED, PENDING = StageState.COMPLETED, StageState.PENDING
FLOW = chain("a", "b")


def opened(clients: Clients) -> DynamoTruth:
    return DynamoTruth(clients, FLOW, ManualClock(), SequentialIds(), check=False)


@pytest.fixture
def truth(aws: Clients) -> DynamoTruth:
    """a → b, with three items; nobody waits for anything."""
    store = opened(aws)
    store._dynamo._pause = lambda _: None
    store.add(new_items(3), WHO)
    return store


@pytest.fixture
def faults(aws: Clients) -> Any:
    with Faults(aws.dynamodb) as faults:
        yield faults


class TestALostAnswer:
    def test_of_a_commit_that_was_carried_out_neither_loses_nor_doubles_it(
        self, truth: DynamoTruth, faults: Faults
    ) -> None:
        faults.lose("TransactWriteItems")
        result = settle(truth, key("i0001"), "a")
        assert isinstance(result, Committed), "the same transaction is sent again under its own token"
        assert faults.calls["TransactWriteItems"] == 2
        assert len(truth.history(key("i0001"))) == 2
        assert truth.tally()["t1", "a", COMPLETED] == 1

    def test_for_ever_says_that_it_is_unknown_and_a_second_try_is_decided_on_what_is_there(
        self, truth: DynamoTruth, faults: Faults
    ) -> None:
        done = settlement(truth, key("i0001"), "a")
        faults.lose("TransactWriteItems", times=3)
        with pytest.raises(TruthUnavailableError, match="whether it was done is not known"):
            truth.commit([done])
        assert truth.commit([done]) == [Refused("superseded")], "it had been carried out the first time"
        assert record_of(truth, key("i0001"), "a").state is COMPLETED
        assert len(truth.history(key("i0001"))) == 2

    def test_of_an_add_adds_once(self, truth: DynamoTruth, faults: Faults) -> None:
        faults.lose("TransactWriteItems")
        assert truth.add([new_item("new")], WHO) == [True]
        assert truth.tally()["t1", "a", PENDING] == 4

    def test_of_a_document_gives_it_to_whoever_wrote_it(self, truth: DynamoTruth, faults: Faults) -> None:
        faults.lose("TransactWriteItems")
        first = truth.write_document("term", "x", {"holder": "me"}, None)
        assert first is not None
        assert truth.documents("term") == [first]
        faults.lose("TransactWriteItems")
        assert truth.drop_document(first)

    def test_a_connection_that_breaks_before_anything_was_sent_is_tried_again(
        self, truth: DynamoTruth, faults: Faults
    ) -> None:
        faults.cut("TransactWriteItems", times=2)
        assert isinstance(settle(truth, key("i0001"), "a"), Committed)


class TestOthersWhoAreFaster:
    def test_what_was_overtaken_is_decided_again_on_what_is_there(self, truth: DynamoTruth, faults: Faults) -> None:
        late = settlement(truth, key("i0001"), "a")
        other = opened(truth._dynamo.clients)
        faults.before("TransactWriteItems", lambda: settle(other, key("i0001"), "a", Completed({"a": "other"})))
        good = settlement(truth, key("i0002"), "a")
        first, second = truth.commit([late, good])
        assert first == Refused("superseded")
        assert isinstance(second, Committed), "one that was overtaken leaves the others of its group alone"
        assert record_of(truth, key("i0001"), "a").facts == {"a": "other"}
        assert truth.tally()["t1", "a", COMPLETED] == 2

    def test_two_that_add_the_same_item_add_it_once(self, truth: DynamoTruth, faults: Faults) -> None:
        other = opened(truth._dynamo.clients)
        faults.before("TransactWriteItems", lambda: other.add([new_item("same", who="other")], WHO))
        assert truth.add([new_item("same", who="me")], WHO) == [False]
        (item,) = truth.get([key("same")])
        assert item is not None
        assert item.attributes == {"who": "other"}

    def test_who_is_overtaken_for_ever_is_told_so(self, truth: DynamoTruth, faults: Faults) -> None:
        other = opened(truth._dynamo.clients)

        def rotate() -> None:
            with_token = record_of(other, key("i0001"), "a").token
            inner.append(1)
            if len(inner) % 2:
                other.commit([Rotate(key("i0001"), "a", with_token, "v1", WHO)])

        inner: list[int] = []
        faults.before("TransactWriteItems", rotate, times=1_000_000)
        with pytest.raises(TruthUnavailableError, match="'i0001' of 't1' was changed by others 12 times in a row"):
            truth.commit([Reset(key("i0001"), "a", WHO)])

    def test_a_fence_that_falls_between_reading_and_writing_stops_the_commit(
        self, truth: DynamoTruth, faults: Faults
    ) -> None:
        term = truth.write_document("term", "reconciler", {"holder": "me"}, None)
        assert term is not None
        done = settlement(truth, key("i0001"), "a")
        other = opened(truth._dynamo.clients)
        faults.before(
            "TransactWriteItems", lambda: other.write_document("term", "reconciler", {"holder": "you"}, term.revision)
        )
        with pytest.raises(FencedError, match="term 'reconciler' is not at revision 1 any more"):
            truth.commit([done], fence=term)
        assert record_of(truth, key("i0001"), "a").state is PENDING

    def test_a_fence_that_stands_costs_no_call_of_its_own(self, truth: DynamoTruth, faults: Faults) -> None:
        term = truth.write_document("term", "reconciler", {"holder": "me"}, None)
        done = settlement(truth, key("i0001"), "a")
        faults.calls.clear()
        truth.commit([done], fence=term)
        assert faults.calls == {"BatchGetItem": 1, "TransactWriteItems": 1}


class TestThrottling:
    def test_is_waited_out(self, truth: DynamoTruth, faults: Faults) -> None:
        faults.throttle("TransactWriteItems", times=3)
        assert isinstance(settle(truth, key("i0001"), "a"), Committed)

    def test_for_ever_is_an_error_with_the_item_s_name(self, truth: DynamoTruth, faults: Faults) -> None:
        done = settlement(truth, key("i0001"), "a")
        faults.throttle("TransactWriteItems", times=100)
        with pytest.raises(TruthUnavailableError, match="i0001"):
            truth.commit([done])

    def test_rows_that_come_back_unprocessed_are_asked_for_again(self, truth: DynamoTruth, faults: Faults) -> None:
        name, halves = truth._dynamo.table("items"), [True, False]

        def half(answer: dict[str, Any]) -> None:
            if halves.pop(0):
                rows = answer["Responses"][name]
                left = {"Keys": [{k: r[k] for k in ("pk", "sk")} for r in rows[1:]], "ConsistentRead": True}
                answer["Responses"][name], answer["UnprocessedKeys"] = rows[:1], {name: left}

        faults.answer("BatchGetItem", half)
        assert None not in truth.get([key(f"i{n:04}") for n in (1, 2, 3)])

    def test_rows_that_never_come_are_an_error_and_not_a_missing_item(self, truth: DynamoTruth, faults: Faults) -> None:
        def nothing(answer: dict[str, Any]) -> None:
            keys = [{"pk": {"S": "x"}, "sk": {"S": "y"}}]
            answer["Responses"], answer["UnprocessedKeys"] = {}, {truth._dynamo.table("items"): {"Keys": keys}}

        faults.answer("BatchGetItem", nothing)
        with pytest.raises(TruthUnavailableError, match="throttled 8 times in a row"):
            truth.get([key("i0001")])


class TestRefusals:
    @pytest.mark.parametrize(
        ("fault", "words"),
        [("deny", "not authorized.*doctor"), ("expire", "renew them")],
    )
    def test_a_refusal_says_what_to_do(self, truth: DynamoTruth, faults: Faults, fault: str, words: str) -> None:
        done = settlement(truth, key("i0001"), "a")
        for operation in ("TransactWriteItems", "BatchGetItem", "Query", "GetItem"):
            getattr(faults, fault)(operation)
        reads = (lambda: truth.get([key()]), truth.items, lambda: truth.cursor("x"), lambda: truth.commit([done]))
        for call in (*reads, truth.tally):
            with pytest.raises(TruthUnavailableError, match=words):
                call()

    def test_credentials_that_nobody_knows(self, aws_server: LocalServer) -> None:
        unknown = {"aws_access_key_id": "NOBODY", "aws_secret_access_key": "nothing"}
        clients = aws_server.clients("nobody", unknown)
        with pytest.raises(TruthUnavailableError, match="renew them"):
            DynamoTruth(clients, FLOW, ManualClock(), SequentialIds())
        clients.close()

    def test_a_server_that_is_not_there(self) -> None:
        place = Place("eu-central-1", "away", "away-objects", "http://127.0.0.1:9")
        clients = Clients(place, IMPATIENT, ROOT_KEY)
        with pytest.raises(TruthUnavailableError, match=r"away-items.*127.0.0.1:9"):
            DynamoTruth(clients, FLOW, ManualClock(), SequentialIds())

    def test_something_too_large_for_any_row(self, truth: DynamoTruth) -> None:
        with pytest.raises(TruthUnavailableError, match=r"i0001.*size"):
            truth.commit([Rotate(key("i0001"), "a", record_of(truth, key("i0001"), "a").token, "v" * 500_000, WHO)])


class TestTheTables:
    def test_where_nothing_was_deployed(self, aws_site: Site) -> None:
        with pytest.raises(TruthUnavailableError, match=r"items does not exist in [a-z0-9-]+: deploy"):
            DynamoTruth(aws_site.place(), FLOW, ManualClock(), SequentialIds())

    def test_made_twice_are_made_once_and_nothing_is_lost(self, truth: DynamoTruth, aws: Clients) -> None:
        assert create_tables(aws) == []
        assert len(truth.items()) == 3

    def test_another_key_or_no_stream_is_told_before_anything_is_read(self, aws_site: Site) -> None:
        clients = aws_site.place()
        for table in SCHEMA[:4]:
            asked = definition(table, clients.place.table(table.name))
            asked.pop("StreamSpecification", None)
            if table.name == "items":
                asked["KeySchema"] = [{"AttributeName": "id", "KeyType": "HASH"}]
                asked["AttributeDefinitions"] = [{"AttributeName": "id", "AttributeType": "S"}]
            clients.dynamodb.create_table(**asked)
        with pytest.raises(TruthUnavailableError, match=r"-items has another key.*-open has no NEW_IMAGE stream"):
            DynamoTruth(clients, FLOW, ManualClock(), SequentialIds())


def test_the_hooks_of_a_fault_end_with_it(aws: Clients) -> None:
    with Faults(aws.dynamodb) as faults:
        faults.deny("ListTables")
    assert "TableNames" in aws.dynamodb.list_tables()


def test_a_stream_that_was_switched_off_and_on_again_is_followed_after_a_while(aws: Clients) -> None:
    clock = ManualClock()
    store = DynamoTruth(aws, FLOW, clock, SequentialIds(), check=False)
    store.add(new_items(5), WHO)
    read = store.last_seq()
    table = aws.place.table("open")
    aws.dynamodb.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    on = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    aws.dynamodb.update_table(TableName=table, StreamSpecification=on)
    store.add([new_item("later")], WHO)
    clock.advance_ms(301_000)
    rows, upto = store.opened_since(read, 100)
    assert [row.key.item for row in rows] == ["later"]
    assert upto > read
