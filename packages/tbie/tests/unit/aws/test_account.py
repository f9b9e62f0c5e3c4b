"""What is different on an account: how it is named, what is waited for there, how many calls are made. Nobody waits here."""

from __future__ import annotations

from typing import Any

import pytest

from tbie.backends.aws.client import Clients
from tbie.backends.aws.queues import create_queues
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.settings import Settings
from tbie.testing.aws import patient
from tbie.testing.aws.account import AccountClock, Bound, Declared, Patience, becomes, declared
from tbie.testing.aws.leftovers import of_tests
from tbie.testing.aws.patient import PatientIntent, PatientTruth
from tbie.testing.aws.server import LocalServer
from tbie.testing.builders import RETENTION_S, chain, envelope
from tbie.testing.conformance.hands import claim

GOOD = {"TBIE_AWS_LIVE": "1", "TBIE_AWS_REGION": "eu-central-1", "TBIE_AWS_PREFIX": "try1x"}


class TestByAccident:
    """Nobody comes to an account who did not name region and prefix."""

    def test_without_the_switch_there_is_no_account_whatever_else_is_set(self) -> None:
        for switch in ("", "0"):
            assert declared({**GOOD, "TBIE_AWS_LIVE": switch, "AWS_ACCESS_KEY_ID": "AKIA"}) is None
        assert declared({"AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": "https://example.org"}) is None

    @pytest.mark.parametrize("name", ["TBIE_AWS_REGION", "TBIE_AWS_PREFIX"])
    def test_the_switch_alone_touches_nothing(self, name: str) -> None:
        for environment in ({**GOOD, name: ""}, {k: v for k, v in GOOD.items() if k != name}):
            said = declared({**environment, "AWS_REGION": "eu-central-1"})
            assert isinstance(said, str)
            assert name in said

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("TBIE_AWS_LIVE", "yes"),
            ("TBIE_AWS_PREFIX", "Shop"),
            ("TBIE_AWS_PREFIX", "x"),
            ("TBIE_AWS_PREFIX", "x" * 21),
            ("TBIE_AWS_PATIENCE", "much"),
            ("TBIE_AWS_PATIENCE", "-1"),
            ("TBIE_AWS_PATIENCE", "nan"),
            ("TBIE_AWS_MOST_CALLS", "1.5"),
        ],
    )
    def test_what_cannot_be_meant_is_said_and_touches_nothing(self, name: str, value: str) -> None:
        said = declared({**GOOD, name: value})
        assert isinstance(said, str)
        assert name in said

    def test_each_run_has_names_of_its_own_and_may_be_more_patient(self) -> None:
        first, second = declared(GOOD), declared({**GOOD, "TBIE_AWS_PATIENCE": "2", "TBIE_AWS_MOST_CALLS": "7"})
        assert isinstance(first, Declared)
        assert isinstance(second, Declared)
        assert first.prefix != second.prefix
        assert of_tests("try1x").fullmatch(f"{first.prefix}1-items")
        assert (second.patience.counts_s, second.patience.poll_s) == (130.0, 4)
        assert (second.bound.most, first.patience.counts_s) == (7, 65.0)


class TestBounds:
    """What an account costs, and what it is asked to wait for."""

    def test_calls_beyond_the_bound_are_not_sent_and_what_removes_things_is(self, aws_server: LocalServer) -> None:
        clients, bound = aws_server.clients("bounded"), Bound(2)
        bound.watch(clients)
        for _ in range(2):
            clients.dynamodb.list_tables()
        with pytest.raises(RuntimeError, match="more than 2 calls to AWS"):
            clients.sqs.list_queues()
        bound.lift()
        clients.sqs.list_queues()
        assert str(bound) == "dynamodb 2, sqs 2"
        clients.close()

    def test_a_clock_that_nobody_owns_moves_a_moment_and_ends_a_test_that_moves_it_further(self) -> None:
        clock = AccountClock()
        before_ms = clock.now_ms()
        clock.advance_ms(3)
        assert clock.now_ms() == before_ms + 3
        with pytest.raises(pytest.skip.Exception, match="here by 60 s"):
            clock.advance_ms(60_000)

    def test_what_is_late_is_waited_for_and_not_for_ever(self) -> None:
        answers = iter([1, 1, 2])
        assert becomes(lambda: 1, 1, 0.0)
        assert not becomes(lambda: next(answers), 2, 0.0)
        assert Patience(65.0, 2).times(0) == Patience()


class TestPatience:
    """What the stores of the suites wait for on an account."""

    @pytest.fixture
    def rests(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """How long was waited, in seconds; nobody really waits."""
        found: list[float] = []
        monkeypatch.setattr(patient, "rest", lambda seconds: found.append(max(0.0, seconds)))
        return found

    @pytest.fixture
    def queue(self, aws: Clients) -> PatientIntent:
        create_queues(aws, chain("a"), Settings())
        queue = PatientIntent(aws, ManualClock(), RETENTION_S, ("a",))
        queue.patience = Patience(counts_s=65.0)
        return queue

    def test_a_count_is_read_a_minute_after_the_last_change_and_a_purge_has_its_time(
        self, queue: PatientIntent, rests: list[float]
    ) -> None:
        queue.depth("a")
        assert rests == [0.0], "nothing changed"
        queue.send([envelope()])
        queue.depth("a")
        assert 60 < rests[-1] <= 65
        queue.purge()
        assert rests[-1] == 65

    def test_a_claim_goes_on_until_nothing_comes(self, queue: PatientIntent, aws: Clients) -> None:
        def stingy(params: dict[str, Any], **_: object) -> None:
            params["MaxNumberOfMessages"] = 1

        queue.send([envelope(f"i{n}") for n in range(3)])
        aws.sqs.meta.events.register("provide-client-params.sqs.ReceiveMessage", stingy)
        try:
            assert len(claim(queue, 10)) == 3
            assert claim(queue, 10) == []
        finally:
            aws.sqs.meta.events.unregister("provide-client-params.sqs.ReceiveMessage", stingy)

    def test_a_stream_is_read_when_it_has_had_time_to_show_a_change(self, aws: Clients, rests: list[float]) -> None:
        truth = PatientTruth(aws, chain("a"), ManualClock(), SequentialIds())
        truth.patience = Patience(stream_s=3.0)
        truth.opened_since(truth.last_seq(), 10)
        assert rests == [3.0, 3.0]
        truth.close()
