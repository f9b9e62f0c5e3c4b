"""The transitions a to f of the diagram in ``tbie.lifecycle``, as a table: from each state, each command, one answer."""

from __future__ import annotations

import pytest

from tbie.core.ids import SequentialIds
from tbie.core.outcome import Completed, Outcome, Retry, TerminalFailure
from tbie.lifecycle import NOTHING_TO_DO, SUPERSEDED, apply
from tbie.testing.builders import WHO, chain, key, new_item, stage
from tbie.truth import (
    Advance,
    Command,
    Exhaust,
    Item,
    Refused,
    Reset,
    Rotate,
    Settle,
    StageRecord,
    StageState,
    Update,
)
from tbie.workflow import Workflow

W, P, C, F, S = (
    StageState.WAITING,
    StageState.PENDING,
    StageState.COMPLETED,
    StageState.FAILED,
    StageState.SKIPPED,
)
NOW = 5_000
WORKFLOW = chain("a", "b")


def record(name: str, state: StageState) -> StageRecord:
    facts = {name: 1} if state is C else None
    reason = "why" if state in (F, S) else None
    return StageRecord(name, state, "v1", 3, "tok", 1, 10, 10, 0, reason, False, None, facts)


def item(a: StageState, b: StageState | None = None) -> Item:
    stages = {"a": record("a", a)} | ({"b": record("b", b)} if b else {})
    return Item(key(), new_item().address, {}, 0, stages)


def settle(outcome: Outcome, last: bool = False) -> Settle:
    return Settle(key(), "a", 3, "tok", "v9", outcome, WHO, (), 1, last)


DONE, AGAIN, BAD = settle(Completed({"a": 2})), settle(Retry("busy")), settle(TerminalFailure("bad", False))
LAST = settle(Retry("busy"), last=True)
ROTATE, EXHAUST = Rotate(key(), "a", "tok", "v2", WHO), Exhaust(key(), "a", "tok", "dead", True, {}, WHO)
RESET, UPDATE = Reset(key(), "a", WHO), Update(key(), new_item("x").address, {"n": 1}, WHO)

TABLE: list[tuple[StageState, Command, str, StageState | None]] = [
    (P, DONE, "b: completed", C),
    (P, BAD, "c: failed", F),
    (P, AGAIN, "e: retry keeps it pending", P),
    (P, LAST, "c: the last retry fails", F),
    (P, EXHAUST, "c: exhausted", F),
    (P, ROTATE, "a fresh token", P),
    *((state, RESET, "f: reset opens it again", P) for state in (P, C, F, S)),
    *((state, UPDATE, "f: an update opens it again", P) for state in (P, C, F, S)),
    (W, Advance(key(), WHO), "a: needs met", P),
    *((state, command, "only pending settles", None) for state in (W, C, F, S) for command in (DONE, AGAIN, BAD, LAST)),
    *((state, command, "only pending", None) for state in (W, C, F, S) for command in (ROTATE, EXHAUST)),
    *((state, Advance(key(), WHO), "nothing waits", None) for state in (P,)),
    (W, RESET, "a waiting stage has nothing to clear", None),
]


@pytest.mark.parametrize(("before", "command", "why", "after"), TABLE)
def test_the_table_of_transitions(before: StageState, command: Command, why: str, after: StageState | None) -> None:
    answer = apply(item(before), command, WORKFLOW, NOW, SequentialIds("new"))
    if after is None:
        assert answer in (SUPERSEDED, NOTHING_TO_DO), why
        return
    assert not isinstance(answer, Refused), why
    (changed,) = [r for r in answer.records if r.stage == "a"]
    assert changed.state is after, why
    assert changed.updated_ms == NOW
    assert answer.cause == WHO


def test_a_result_keeps_the_version_that_ran() -> None:
    change = apply(item(P), DONE, WORKFLOW, NOW, SequentialIds())
    assert not isinstance(change, Refused)
    assert {r.stage: r.version for r in change.records} == {"a": "v9", "b": "v1"}


@pytest.mark.parametrize("wrong", [DONE._replace(token="x"), DONE._replace(generation=2), DONE._replace(generation=4)])
def test_another_token_or_generation_is_superseded(wrong: Settle) -> None:
    assert apply(item(P), wrong, WORKFLOW, NOW, SequentialIds()) == SUPERSEDED


@pytest.mark.parametrize("b", [P, C, F, S, W])
def test_a_reset_takes_downstream_back_to_waiting_whatever_its_state(b: StageState) -> None:
    change = apply(item(C, b), RESET, WORKFLOW, NOW, SequentialIds("new"))
    assert not isinstance(change, Refused)
    after = {r.stage: r for r in change.records}
    assert (after["a"].state, after["a"].generation, after["a"].token) == (P, 4, "new1")
    assert (after["b"].state, after["b"].generation, after["b"].facts, after["b"].token) == (W, 4, None, "")


def test_a_change_says_whether_it_opened_something() -> None:
    for command, opened in ((DONE, True), (BAD, False), (AGAIN, True), (RESET, True)):
        change = apply(item(P), command, WORKFLOW, NOW, SequentialIds())
        assert not isinstance(change, Refused)
        assert change.opened is opened


def test_a_new_stage_of_a_grown_workflow_opens_by_advance() -> None:
    grown = Workflow("w", (stage("a"), stage("b", "a"), stage("late", "a")))
    change = apply(item(C, C), Advance(key(), WHO), grown, NOW, SequentialIds())
    assert not isinstance(change, Refused)
    assert [(r.stage, r.state, r.generation) for r in change.records] == [("late", P, 1)]


def test_a_need_that_is_final_but_not_completed_skips_with_the_root_reason() -> None:
    long = chain("a", "b", "c")
    change = apply(item(P), BAD, long, NOW, SequentialIds())
    assert not isinstance(change, Refused)
    assert {r.stage: (r.state, r.reason) for r in change.records} == {
        "a": (F, "bad"),
        "b": (S, "a:bad"),
        "c": (S, "a:bad"),
    }
