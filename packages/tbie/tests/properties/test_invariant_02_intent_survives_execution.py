"""Invariant 2: a message is deleted only after Truth holds a result for its token, or because its token is superseded.

Mutants it catches, tried by hand: a worker that settles before it commits; a handler's exception that deletes; a crash
that deletes; ``disposal`` that deletes what Truth keeps pending.
"""

from __future__ import annotations

from collections.abc import Sequence

from tbie.intent import Bury, Delete, Disposal
from tbie.testing.chaos import Chaos, Stores, hold
from tbie.truth import StageState


class IntentSurvives(Chaos):
    """Looks over the shoulder of every worker that settles."""

    def on_exchange(self, disposals: Sequence[Disposal]) -> None:
        for disposal in disposals:
            if isinstance(disposal, Delete | Bury):
                envelope = disposal.message.envelope
                (item,) = self.raw_truth.get([envelope.key])
                assert item is not None
                record = item.stages.get(envelope.stage)
                still_wanted = (
                    record is not None and record.state is StageState.PENDING and record.token == envelope.token
                )
                assert not still_wanted, f"{disposal} although Truth still waits for it: {record}"


def test_no_message_goes_before_truth_has_its_result(stores: Stores) -> None:
    hold(IntentSurvives, stores)
