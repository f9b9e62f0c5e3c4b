"""Stage ``curate``: the verdict of a policy on one image, with every reason.

Needs ``observe`` and ``group``. Pure, facts to facts, about 50 µs an image: a changed policy re-decides a whole library
without looking at a single pixel.
"""

from __future__ import annotations

from collections.abc import Sequence

from tbie.core.fingerprint import fingerprint
from tbie.core.outcome import Completed, Outcome
from tbie.execution import BatchHandler, Work

from parjanya.policy.decide import decide
from parjanya.policy.first import FIRST
from parjanya.policy.rules import Policy
from parjanya.policy.signals import SIGNALS, signals_of

NAME = "curate"
CODE_VERSION = 1


def version_of(policy: Policy) -> str:
    """The stage's version under *policy*: changes with the rules and with how they are evaluated."""
    return fingerprint({"stage": NAME, "code": CODE_VERSION, "policy": policy.version, "signals": SIGNALS})


VERSION = version_of(FIRST)


def make_batch_handler(policy: Policy = FIRST) -> BatchHandler:
    """A handler that judges every work by *policy*, from its facts alone."""

    def handle(works: Sequence[Work]) -> list[Outcome]:
        return [Completed(decide(policy, signals_of(work.facts))) for work in works]

    return handle
