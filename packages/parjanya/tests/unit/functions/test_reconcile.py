"""The function ``reconcile`` over stores in memory: what it emits, what stops it and what must not, what it says."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from parjanya.functions.reconcile import CHUNK, RESERVE_S, handle
from tbie.backends.memory.belief import belief
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.errors import IntentUnavailableError, LedgerUnavailableError, TruthUnavailableError
from tbie.core.keys import ItemKey
from tbie.core.reading import Depth, Known, Reading, Unknown
from tbie.diagnose import diagnose, take
from tbie.diagnose.heartbeats import control_plane
from tbie.intent import Claim, Delete, Envelope
from tbie.refused import KEPT, REFUSED
from tbie.testing.builders import WHO, new_items, settle
from tbie.truth import Heartbeat, Item

sys.path.insert(0, str(Path(__file__).parents[2]))
from functions_ground import Context, Told, image, opened, record, stores, stream

NOTHING: dict[str, list[dict[str, str]]] = {"batchItemFailures": []}


def live(of: Told, stage: str = "technical") -> int:
    depth = of.intent.depth(stage)
    assert isinstance(depth, Known)
    return depth.value.live


def full(count: int = 3) -> Told:
    made = stores()
    made.truth.add(new_items(count), WHO)
    return made


# -- what it emits


def test_fifty_changes_become_fifty_intents_and_the_fleet_wakes() -> None:
    of = full(50)
    assert handle(stream(opened(of)), Context(), of) == NOTHING
    assert live(of) == 50
    assert of.fleet.asked == {"images": 4}  # type: ignore[union-attr]
    (line,) = of.passes()
    assert (line["Heartbeat"], line["Emitted"], line["changes"], line["blind"]) == (1, 50, 50, [])


def test_duplicates_late_records_and_records_of_what_is_done_send_nothing_twice() -> None:
    of = full(3)
    event = stream(opened(of))
    handle(event, Context(), of)
    handle({"Records": [*reversed(event["Records"]), *event["Records"]]}, Context(), of)
    assert live(of) == 3
    settle(of.truth, ItemKey("t1", "i0001"), "technical")
    of.intent.purge()
    handle(event, Context(), of)
    assert live(of) == 2, "what is closed is not sent again"
    assert live(of, "preview") == 0, "and what followed has a record of its own"


def test_the_event_is_only_a_hint_and_truth_says_what_is_sent() -> None:
    of = full(1)
    (row,) = opened(of)
    lies = row._replace(token="forged", generation=99, address=row.address._replace(bucket="elsewhere"))
    handle(
        stream([lies, row._replace(key=ItemKey("t1", "nobody")), row._replace(stage="no_such_stage")]), Context(), of
    )
    (message,) = of.intent.presence("technical", [row.key]).value.values()  # type: ignore[union-attr]
    assert (message.token, message.address) == (row.token, row.address)
    assert live(of) == 1


# -- what must not stop it


def test_a_record_that_nobody_can_read_is_told_kept_and_passed_over() -> None:
    of = full(2)
    first, second = opened(of)
    bad = {**image(first), "row": {"S": "{ not json"}}
    event = {"Records": [record(image(first), 1), record(bad, 2), record(image(second), 3)]}
    assert handle(event, Context(), of) == NOTHING
    assert live(of) == 2
    (told,) = [line for line in of.lines if line["event"] == "refused"]
    assert (told["code"], told["record"], told["evidence"]) == ("unreadable_row", f"{2:021d}", "{ not json")
    (kept,) = of.truth.documents(REFUSED)
    assert (kept.body["component"], kept.body["code"]) == ("reconcile", "unreadable_row")
    assert of.passes()[0]["Refused"] == 1
    handle(event, Context(), of)
    assert len(of.truth.documents(REFUSED)) == 1, "the same record again is the same document"


class Brittle(MemoryTruth):
    """Cannot be asked about one item, for a reason that nobody thought of."""

    bad: frozenset[str] = frozenset()

    def get(self, keys: Sequence[ItemKey]) -> list[Item | None]:
        if self.bad & {key.item for key in keys}:
            raise RuntimeError("poison")
        return super().get(keys)


def brittle(count: int, *bad: str) -> Told:
    of = full(count)
    of.truth.__class__ = Brittle
    of.truth.bad = frozenset(bad)  # type: ignore[attr-defined]
    return of


def test_one_change_that_cannot_be_decided_about_is_found_and_the_others_are_not_its_fault() -> None:
    of = brittle(20, "i0007")
    assert handle(stream(opened(of)), Context(), of) == NOTHING
    assert live(of) == 19
    (told,) = [line for line in of.lines if line["event"] == "refused"]
    assert (told["code"], told["record"]) == ("undecidable", f"{7:021d}")
    assert "t1/i0007 technical: RuntimeError: poison" in told["evidence"]


def test_where_everything_fails_alike_the_batch_comes_again() -> None:
    of = brittle(3, "i0001", "i0002", "i0003")
    with pytest.raises(RuntimeError, match="poison"):
        handle(stream(opened(of)), Context(), of)
    assert of.truth.documents(REFUSED) == []


@pytest.mark.parametrize("event", [None, {}, {"Records": "many"}, []])
def test_what_is_no_event_is_told_and_nothing_else_happens(event: object) -> None:
    of = full(1)
    assert handle(event, Context(), of) == NOTHING
    assert [line["event"] for line in of.lines] == ["refused", "pass"]


def test_of_a_flood_of_refusals_the_latest_are_kept_and_a_few_are_told() -> None:
    of = full(0)
    for batch in range(3):
        handle({"Records": [{"eventSource": f"s{batch}-{n}"} for n in range(40)]}, Context(), of)
        of.clock.advance_ms(1_000)  # type: ignore[attr-defined]
    assert len(of.truth.documents(REFUSED)) == KEPT
    assert len([line for line in of.lines if line["event"] == "refused"]) == 3 * 21


# -- what may be better later


def test_a_queue_that_is_away_hands_the_whole_batch_back(monkeypatch: pytest.MonkeyPatch) -> None:
    of = full(3)
    event = stream(opened(of))

    def away(envelopes: Sequence[Envelope]) -> int:
        raise IntentUnavailableError("the queue is away")

    with monkeypatch.context() as patch:
        patch.setattr(of.intent, "send", away)
        with pytest.raises(IntentUnavailableError):
            handle(event, Context(), of)
    (line,) = of.passes()
    assert (line["Heartbeat"], line["Blind"], line["blind"]) == (0, 1, ["the queue is away"])
    assert handle(event, Context(), of) == NOTHING
    assert live(of) == 3


def test_a_truth_that_is_away_hands_the_whole_batch_back(monkeypatch: pytest.MonkeyPatch) -> None:
    of = full(1)
    event = stream(opened(of))

    def away(*_: object) -> Any:
        raise TruthUnavailableError("Truth is away")

    for name in ("get", "beat", "documents"):
        monkeypatch.setattr(of.truth, name, away)
    with pytest.raises(TruthUnavailableError):
        handle(event, Context(), of)
    assert of.passes()[0]["finding"] == "control_plane_blind"


class Slow(ManualClock):
    """Every look at it takes a fifth of a second."""

    def monotonic_s(self) -> float:
        self.advance_ms(200)
        return super().monotonic_s()


def test_when_time_runs_out_the_first_change_that_nobody_looked_at_is_asked_for_again() -> None:
    of = stores(Slow())
    of.truth.add(new_items(3 * CHUNK), WHO)
    answer = handle(stream(opened(of)), Context(RESERVE_S + 0.1), of)
    assert answer == {"batchItemFailures": [{"itemIdentifier": f"{CHUNK + 1:021d}"}]}
    assert live(of) == CHUNK, "something is done in any case"
    assert of.passes()[0]["left"] == f"{CHUNK + 1:021d}"


# -- what it cannot see


def test_it_emits_where_the_queue_cannot_be_read_and_says_that_the_control_plane_is_blind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of = full(2)

    def denied(stage: str) -> Reading[Depth]:
        return Unknown(f"{stage}: AccessDenied: sqs:GetQueueAttributes", "intent", of.clock.now_ms())

    with monkeypatch.context() as patch:
        patch.setattr(of.intent, "depth", denied)
        of.belief = belief(of.workflow, of.intent, of.fleet)
        assert handle(stream(opened(of)), Context(), of) == NOTHING
    assert live(of) == 2
    (line,) = of.passes()
    assert (line["Heartbeat"], line["finding"]) == (0, "control_plane_blind")
    assert "AccessDenied" in line["blind"][0]
    beat = Heartbeat("reconciler", "sweep", of.clock.now_ms(), {"role": "operator", "blind": []})
    (finding,) = control_plane([*of.truth.heartbeats(), beat], of.clock.now_ms(), 6_000)
    assert finding.code == "control_plane_blind"


# -- what it leaves behind


def test_what_became_of_a_lost_intent_is_known_because_it_was_noted_that_it_was_sent() -> None:
    of = full(3)
    handle(stream(opened(of)), Context(), of)
    of.clock.advance_ms(60_000)  # type: ignore[attr-defined]
    of.truth.beat(
        Heartbeat("reconciler", "sweep", of.clock.now_ms(), {"role": "operator", "blind": [], "pushed": True})
    )
    (message,) = of.intent.exchange((), (Claim("technical", "somebody", 1, 60.0, 9),))
    of.intent.exchange((Delete(message),), ())
    readings = take(of.workflow, of.truth, of.intent, of.clock, of.settings, ledger=of.ledger)
    codes = {finding.code for finding in diagnose(readings, of.settings).findings}
    assert "intent_destroyed_early" in codes
    unknown = take(of.workflow, of.truth, of.intent, of.clock, of.settings)
    codes = {finding.code for finding in diagnose(unknown, of.settings).findings}
    assert "truth_without_intent" in codes


def test_a_ledger_that_is_away_is_told_and_nothing_else_comes_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    of = full(3)

    def away(_: object) -> None:
        raise LedgerUnavailableError("the ledger is away")

    monkeypatch.setattr(of.ledger, "note", away)
    assert handle(stream(opened(of)), Context(), of) == NOTHING
    (line,) = of.passes()
    assert (line["Emitted"], line["Heartbeat"], line["unnoted"]) == (3, 1, "the ledger is away")
    monkeypatch.undo()
    of.clock.advance_ms(60_000)  # type: ignore[attr-defined]
    handle(stream(opened(of)), Context(), of)
    assert of.passes()[-1]["unnoted"] is None
    assert {entry.reason for entry in of.ledger.recent()} == {"opened"}, "what could not be noted is noted later"  # type: ignore[union-attr]
