"""What a message costs: calls by operation through its whole life, in batches of ten, and what the calls of a sweep are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from packages.tbie.tests.unit.sqs.ground import SETTLE_MS, Ground
from tbie.intent import Claim, Delete
from tbie.testing.aws.faults import Faults
from tbie.testing.builders import envelope, key
from tbie.testing.conformance.hands import LEASE_S, claim

TEN = tuple(envelope(f"i{n}") for n in range(10))


@contextmanager
def calls(ground: Ground) -> Iterator[Counter[str]]:
    """Counts what is sent meanwhile."""
    counted: Counter[str] = Counter()
    with ExitStack() as stack:
        faults = [stack.enter_context(Faults(c)) for c in (ground.clients.sqs, ground.clients.dynamodb)]
        yield counted
        for each in faults:
            counted.update(each.calls)


def warmed(ground: Ground) -> None:
    """The addresses of the queues are asked for once in a process."""
    for stage in ("a", "b"):
        ground.intent.depth(stage)


def test_ten_messages_take_eight_calls_from_sent_to_settled(ground: Ground) -> None:
    warmed(ground)
    with calls(ground) as sending:
        ground.intent.send(TEN)
    with calls(ground) as claiming:
        messages = claim(ground.intent, 10)
    with calls(ground) as settling:
        ground.intent.exchange([Delete(m) for m in messages], ())
    assert sending == {"BatchGetItem": 1, "SendMessageBatch": 1, "BatchWriteItem": 1}
    assert claiming == {"ReceiveMessage": 1, "BatchGetItem": 1, "BatchWriteItem": 1}
    assert settling == {"BatchExecuteStatement": 1, "DeleteMessageBatch": 1, "BatchWriteItem": 1}


def test_a_worker_that_settles_and_claims_in_one_exchange_writes_its_hand_once(ground: Ground) -> None:
    warmed(ground)
    ground.intent.send([*TEN, *(envelope(f"j{n}") for n in range(10))])
    messages = claim(ground.intent, 10)
    with calls(ground) as counted:
        wish = Claim("a", "w1", 10, LEASE_S, 3)
        assert len(ground.intent.exchange([Delete(m) for m in messages], (wish,))) == 10
    assert counted == {
        "BatchExecuteStatement": 1, "DeleteMessageBatch": 1, "ReceiveMessage": 1, "BatchGetItem": 1, "BatchWriteItem": 1,
    }  # fmt: skip


def test_a_hundred_are_sent_in_ten_calls_of_sqs_and_five_of_the_register(ground: Ground) -> None:
    warmed(ground)
    with calls(ground) as counted:
        ground.intent.send([envelope(f"i{n}") for n in range(100)])
    assert counted == {"BatchGetItem": 1, "SendMessageBatch": 10, "BatchWriteItem": 4}


def test_an_idle_worker_asks_each_queue_once_and_nothing_else(ground: Ground) -> None:
    warmed(ground)
    with calls(ground) as counted:
        claim(ground.intent, 100)
    assert counted == {"ReceiveMessage": 1}


def test_a_sweep_compares_each_queue_once_a_minute_and_pages_cost_one_read(ground: Ground) -> None:
    warmed(ground)
    ground.intent.send(TEN)
    ground.clock.advance_ms(SETTLE_MS)
    ground.intent.expire()
    ground.clock.advance_ms(SETTLE_MS)
    with calls(ground) as first:
        ground.intent.expire()
    assert first == {
        "BatchGetItem": 1,  # what the last look found, of all stages
        "GetQueueAttributes": 2,
        "ReceiveMessage": 2,  # what SQS itself moved to the dead letters
        "Query": 4 + 2 * 4,  # hands; rows
        "BatchWriteItem": 2,  # what this look found
    }
    with calls(ground) as second:
        for _ in range(5):
            ground.clock.advance_ms(900)
            ground.intent.expire()
            ground.intent.presence("a", [key(f"i{n}") for n in range(100)])
    assert second == {"BatchGetItem": 5}
