"""What is different on an account: the switch, what must be waited for, how many calls are made. docs/aws-testing.md."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event, Lock
from typing import Any, TypeVar

import pytest

from tbie.core.clock import ManualClock, SystemClock
from tbie.core.ids import RandomIds

LIVE, LIVE_REGION, LIVE_PREFIX = "TBIE_AWS_LIVE", "TBIE_AWS_REGION", "TBIE_AWS_PREFIX"
PATIENCE, MOST_CALLS = "TBIE_AWS_PATIENCE", "TBIE_AWS_MOST_CALLS"

USUAL_MOST_CALLS = 50_000
"""Several times what all suites together need."""
WAITS_MS = 1_000
"""A test that moves its clock by no more than this waits so long on an account; by more, it is skipped there."""
SERVICES = ("dynamodb", "dynamodbstreams", "sqs", "s3")
_PREFIX = re.compile(r"[a-z][a-z0-9-]{0,18}[a-z0-9]")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """What has to be waited for, in seconds."""

    counts_s: float = 0.0
    """Without changes, until the counts of a queue are right: a minute, says AWS. A purge takes that long as well."""
    poll_s: int = 0
    """A receive that does not wait asks some of the machines that keep a queue; one that waits asks all of them."""
    stream_s: float = 0.0
    """Until a change is in the stream of its table."""
    made_s: float = 0.0
    """Until a queue or bucket that was made, or its rules, can be relied on."""
    removed_s: float = 0.0
    """Between attempts to remove what cannot be removed yet: a table that is being made."""

    def times(self, factor: float) -> Patience:
        """As patient as that."""
        poll_s = min(20, round(self.poll_s * factor))
        return Patience(
            self.counts_s * factor, poll_s, self.stream_s * factor, self.made_s * factor, self.removed_s * factor
        )


NO_PATIENCE = Patience()
WITH_AN_ACCOUNT = Patience(65.0, 2, 3.0, 2.0, 5.0)


class Bound:
    """Counts calls by service, and refuses those beyond *most*: what runs away costs no more than that."""

    def __init__(self, most: int) -> None:
        self.most, self.calls = most, Counter[str]()
        self._lock, self._lifted = Lock(), False

    def watch(self, clients: Any) -> None:
        """Count what *clients* send from now on, repeated attempts included."""
        for service in SERVICES:
            clients.of(service).meta.events.register("before-send", lambda _name=service, **_: self._sent(_name))

    def _sent(self, service: str) -> None:
        with self._lock:
            self.calls[service] += 1
            if self.calls.total() > self.most and not self._lifted:
                raise RuntimeError(
                    f"more than {self.most} calls to AWS in this run: look for what does not end, or set {MOST_CALLS}"
                )

    def lift(self) -> None:
        """Only what removes things comes now."""
        self._lifted = True

    def __str__(self) -> str:
        return ", ".join(f"{service} {n:,}" for service, n in sorted(self.calls.items())) or "none"


@dataclass(frozen=True, slots=True)
class Declared:
    """The account that the environment asks for."""

    region: str
    prefix: str
    """Of this run alone: names that were used a moment ago are not to be had again, and two runs may meet."""
    patience: Patience
    bound: Bound


def declared(environment: Mapping[str, str]) -> Declared | str | None:
    """The account to be used; None for a local server; a sentence if the account is not named well enough to be touched."""
    switch = environment.get(LIVE, "")
    if switch in ("", "0"):
        return None
    if switch != "1":
        return f"{LIVE}={switch!r}: 1 runs the tests on an account, 0 on a local server"
    missing = [name for name in (LIVE_REGION, LIVE_PREFIX) if not environment.get(name)]
    if missing:
        return f"{LIVE}=1 needs {' and '.join(missing)} too: docs/aws-testing.md"
    prefix = environment[LIVE_PREFIX]
    if not _PREFIX.fullmatch(prefix):
        return f"{LIVE_PREFIX}={prefix!r}: 2 to 20 lower-case letters, digits and hyphens are needed"
    try:
        factor, most = float(environment.get(PATIENCE, "1")), int(environment.get(MOST_CALLS, USUAL_MOST_CALLS))
    except ValueError as error:
        return f"{PATIENCE} or {MOST_CALLS}: {error}"
    if not 0 <= factor <= 10 or most < 0:
        return f"{PATIENCE}={factor:g} or {MOST_CALLS}={most}: a factor of 0 to 10 and a number of calls are needed"
    run = f"{prefix}-test{RandomIds().token()[:8]}-"
    return Declared(environment[LIVE_REGION], run, WITH_AN_ACCOUNT.times(factor), Bound(most))


def rest(seconds: float) -> None:
    """Let time pass on an account; nothing where there is no need."""
    if seconds > 0:
        Event().wait(seconds)


def becomes(look: Callable[[], T], wanted: T, within_s: float) -> bool:
    """Whether *look* finds *wanted*: at once, or where that may be late, within so many seconds."""
    clock = SystemClock()
    until_s = clock.monotonic_s() + within_s
    while look() != wanted:
        if clock.monotonic_s() >= until_s:
            return False
        rest(1.0)
    return True


def account_clock() -> ManualClock:
    """A clock of records on an account: the test's alone. It begins now, for rows that say when they may be deleted."""
    return ManualClock(SystemClock().now_ms() // 1_000 * 1_000)


class AccountClock(ManualClock):
    """The clock of a test about queues on an account: when it moves a little, that time is waited for; more ends the test."""

    def __init__(self) -> None:
        super().__init__(account_clock().now_ms())

    def advance_ms(self, ms: int) -> None:
        if ms > WAITS_MS:
            pytest.skip(f"moves the server's clock (here by {ms / 1000:g} s), and nobody owns that of an account")
        super().advance_ms(ms)
        rest(ms / 1000)
