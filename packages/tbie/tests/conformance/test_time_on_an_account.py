"""What passes by the clock of SQS, on an account, where nobody moves it: few tests, with seconds to spare.

Where the test owns the clock the suites try the same to the millisecond, so there these are skipped.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tbie.backends.aws.client import Clients
from tbie.backends.aws.intent import SqsIntent
from tbie.backends.aws.queues import create_queues
from tbie.backends.aws.tables import create_tables
from tbie.core.clock import SystemClock
from tbie.core.settings import Settings
from tbie.intent import Claim, Defer, Message
from tbie.testing.aws.account import rest
from tbie.testing.aws.session import Site
from tbie.testing.builders import RETENTION_S, chain, envelope, key
from tbie.testing.conformance.hands import dispose, names, present

CLOCK = SystemClock()
WITHIN_S = 60.0
"""Something that does not come in this time is taken for lost."""


class Real:
    """Intent in real time, in a place of its own."""

    def __init__(self, site: Site) -> None:
        self.clients: Clients = site.place()
        self.settle_s = max(1.0, site.patience.counts_s)
        create_tables(self.clients, ("register",))
        create_queues(self.clients, chain("a"), Settings())
        rest(site.patience.made_s)
        self.queue = SqsIntent(
            self.clients, CLOCK, RETENTION_S, ("a",), count_settle_s=self.settle_s, wait_s=max(1, site.patience.poll_s)
        )

    def take(self, wanted: int, lease_s: float, owner: str = "w1") -> list[Message]:
        """Ask until there are so many."""
        until_s = CLOCK.monotonic_s() + WITHIN_S
        found: list[Message] = []
        while len(found) < wanted and CLOCK.monotonic_s() < until_s:
            found += self.queue.exchange((), (Claim("a", owner, wanted - len(found), lease_s, 3),))
        assert len(found) == wanted, f"{names(found)} in {WITHIN_S:g} s"
        return found


@pytest.fixture
def real(aws_site: Site) -> Real:
    if not aws_site.is_live:
        pytest.skip("the test owns the clock here, and the suites move it")
    return Real(aws_site)


def since(moment_ms: int) -> Callable[[], int]:
    """Milliseconds since then."""
    return lambda: CLOCK.now_ms() - moment_ms


def test_a_lease_that_nobody_extends_ends_and_one_that_is_extended_holds_on(real: Real) -> None:
    real.queue.send([envelope("i1"), envelope("i2")])
    taken = since(CLOCK.now_ms())
    messages = {m.envelope.key.item: m for m in real.take(2, lease_s=8)}
    assert real.queue.extend([messages["i2"]], 60) == 1
    (again,) = real.take(1, lease_s=60, owner="w2")
    assert (names([again]), again.receives) == (["t1/i1"], 2)
    assert taken() >= 8_000
    assert real.queue.extend([messages["i2"]], 60) == 1, "that one is still ours"


def test_a_message_for_later_is_not_there_sooner(real: Real) -> None:
    sent = since(CLOCK.now_ms())
    real.queue.send([envelope(not_before_ms=CLOCK.now_ms() + 4_000)])
    (message,) = real.take(1, lease_s=60)
    assert message.receives == 1
    assert sent() >= 4_000
    deferred = since(CLOCK.now_ms())
    dispose(real.queue, Defer(message, CLOCK.now_ms() + 4_000))
    (message,) = real.take(1, lease_s=60)
    assert message.receives == 2
    assert deferred() >= 4_000


@pytest.mark.timeout(600)
def test_a_message_that_is_lost_is_missed_once_counts_can_be_believed_and_no_other_is(real: Real) -> None:
    real.queue.send([envelope(f"i{n}") for n in range(3)])
    kept = real.take(2, lease_s=3_600)
    url = real.clients.sqs.get_queue_url(QueueName=real.clients.place.queue("a"))["QueueUrl"]
    everyone = [key(f"i{n}") for n in range(3)]
    for _ in range(2):  # two looks at what is complete conclude nothing
        rest(real.settle_s * 1.1)
        real.queue.expire()
        assert set(present(real.queue, *everyone)) == set(everyone)
    (lost,) = real.clients.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages", ())
    real.clients.sqs.delete_message(QueueUrl=url, ReceiptHandle=lost["ReceiptHandle"])
    for _ in range(3):
        rest(real.settle_s * 1.1)
        real.queue.expire()
    assert set(present(real.queue, *everyone)) == {message.envelope.key for message in kept}
