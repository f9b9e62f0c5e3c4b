"""Events: how they are written, that nobody pays for what nobody hears, and that the file that keeps them is bounded."""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.cause import Cause
from tbie.core.clock import ManualClock
from tbie.core.errors import TruthUnavailableError
from tbie.core.ids import SequentialIds
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed
from tbie.core.refusal import Refusal
from tbie.intent import Claim, Delete, Envelope
from tbie.logs import Events, Format, configure, logged_intent, logged_truth
from tbie.logs.shared_file import SharedFile
from tbie.logs.truth import changes
from tbie.refused import keep
from tbie.truth import Heartbeat, NewItem, Settle, TruthStore
from tbie.workflow import Stage, Workflow

WORKFLOW = Workflow("w", (Stage("a", "1"),))
KEY = ItemKey("t", "i")
CAUSE = Cause("test", "for a test")


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    yield
    configure("warning")


class Heard:
    """What was said from *level* on."""

    def __init__(self, level: str, form: Format = Format.JSON) -> None:
        self._stream = io.StringIO()
        configure(level, stream=self._stream, form=form)
        self.clock = ManualClock()
        self.events = Events("worker", "w1", self.clock)

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def names(self) -> list[str]:
        return [event["event"] for event in self.all]


def truth_of(heard: Heard) -> MemoryTruth:
    truth = MemoryTruth(WORKFLOW, heard.clock, SequentialIds())
    truth.add([NewItem(KEY, Address("file", "/x"), {})], CAUSE)
    return truth


def settle(token: str) -> Settle:
    return Settle(KEY, "a", 1, token, "1", Completed({}), CAUSE)


def test_a_commit_and_a_zombie_are_told_with_the_decision_they_belong_to() -> None:
    heard = Heard("debug")
    truth = logged_truth(truth_of(heard), heard.events)
    ((row,), _) = truth.opened_since(0, 10)
    truth.commit([settle(row.token), settle("long ago")])
    assert [(e["event"], e["decision"]) for e in heard.all] == [
        ("stream_read", row.token),
        ("committed", row.token),
        ("superseded", "long ago"),
    ]
    committed = heard.all[1]
    assert committed["ts"] == "2023-11-14T22:13:20.000+00:00"
    assert (committed["component"], committed["instance"], committed["level"]) == ("worker", "w1", "debug")
    assert (committed["stage"], committed["tenant"], committed["item"]) == ("a", "t", "i")
    assert (committed["outcome"], committed["state"]) == ("completed", "completed")


def test_a_message_is_told_from_sending_to_its_end() -> None:
    heard = Heard("debug")
    intent = logged_intent(MemoryIntent(heard.clock, 1000.0), heard.events)
    intent.send([Envelope(KEY, "a", 1, "tok", "1", Address("file", "/x"), "")])
    (message,) = intent.exchange((), [Claim("a", "w1", 1, 10.0, 3)])
    intent.exchange([Delete(message)], ())
    assert [(e["event"], e["decision"]) for e in heard.all] == [
        ("intent_sent", "tok"),
        ("claimed", "tok"),
        ("deleted", "tok"),
    ]


class Counting(Events):
    """Counts how often somebody built an event."""

    said = 0

    def say(self, level: int, event: str, *, decision: str | None = None, **fields: object) -> None:
        type(self).said += 1
        super().say(level, event, decision=decision, **fields)


def test_single_items_cost_nothing_while_nobody_listens_to_them() -> None:
    heard = Heard("info")
    Counting.said = 0
    events = Counting("worker", "w1", heard.clock)
    truth, intent = logged_truth(truth_of(heard), events), logged_intent(MemoryIntent(heard.clock, 9.0), events)
    ((row,), _) = truth.opened_since(0, 10)
    intent.send([Envelope(KEY, "a", 1, row.token, "1", Address("file", "/x"), "")])
    intent.exchange((), [Claim("a", "w1", 1, 10.0, 3)])
    truth.commit([settle(row.token)])
    assert Counting.said == 0
    assert heard.text == ""


def test_a_store_that_is_away_is_said_once_and_its_return_once() -> None:
    heard = Heard("warning")
    inner = truth_of(heard)
    truth: TruthStore = logged_truth(inner, heard.events)

    def away(heartbeat: Heartbeat) -> None:
        raise TruthUnavailableError("the disk is gone")

    there = inner.beat
    inner.beat = away  # type: ignore[method-assign]
    for _ in range(3):
        with pytest.raises(TruthUnavailableError):
            truth.beat(Heartbeat("worker", "w1", 1, {}))
    inner.beat = there  # type: ignore[method-assign]
    truth.beat(Heartbeat("worker", "w1", 1, {}))
    truth.beat(Heartbeat("worker", "w1", 2, {}))
    assert heard.names() == ["truth_unavailable", "truth_back"]
    assert heard.all[0]["error"] == "the disk is gone"


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({}, {"role": "leader", "epoch": 3}, ["leadership"]),
        ({"role": "leader", "epoch": 3}, {"role": "leader", "epoch": 3}, []),
        ({"role": "leader", "epoch": 3}, {"role": "standby", "epoch": None}, ["leadership"]),
        ({"last_sweep_ms": 1}, {"last_sweep_ms": 2, "open": 0}, ["sweep_finished"]),
        ({}, {"blind": ["queue: no permission"]}, ["blind"]),
        ({"blind": ["x"]}, {"blind": ["x"]}, []),
        ({"blind": ["x"]}, {"blind": []}, ["sighted"]),
        ({}, {"drift": {"numpy": ["1", "2"]}}, ["execution_drift"]),
        ({}, {"fleet": {"p": {"boots": [["w", "started", 5]]}}}, ["boot"]),
        ({"fleet": {"p": {"boots": [["w", "started", 5]]}}}, {"fleet": {"p": {"boots": [["w", "started", 5]]}}}, []),
        (
            {"fleet": {"p": {"boots": [["w", "started", 5]]}}},
            {"fleet": {"p": {"boots": [["w", "claimed", 6]]}}},
            ["boot"],
        ),
        ({}, {"fleet": {"p": {"error": "no permission"}}}, []),
        ({}, {"fleet": {"error": "no permission"}}, []),
    ],
)
def test_of_a_heartbeat_only_what_is_new_is_told(before: dict[str, Any], now: dict[str, Any], told: list[str]) -> None:
    assert [event for _, event, _ in changes(before, now)] == told


def test_a_pause_its_probe_and_its_end_are_told() -> None:
    heard = Heard("info")
    truth = logged_truth(truth_of(heard), heard.events)
    body = {"tenant": "t", "stage": "a", "reason": "timeout", "until_ms": 5, "trips": 1}
    first = truth.write_document("pause", "p", body, None)
    assert first is not None
    probing = truth.write_document("pause", "p", {**body, "probe": "tok"}, first.revision)
    assert probing is not None
    truth.drop_document(probing)
    assert [(e["event"], e.get("decision"), e["reason"]) for e in heard.all] == [
        ("paused", None, "timeout"),
        ("probe", "tok", "timeout"),
        ("resumed", None, "timeout"),
    ]


def test_what_was_refused_is_told_by_its_name_and_without_what_it_said() -> None:
    heard = Heard("warning")
    keep(logged_truth(truth_of(heard), heard.events), "queue a", [Refusal("not_an_intent", "m1", "a secret")], 5)
    (event,) = heard.all
    assert (event["event"], event["by"], event["code"], event["record"]) == (
        "refused",
        "queue a",
        "not_an_intent",
        "m1",
    )
    assert "secret" not in heard.text


@pytest.mark.parametrize("form", list(Format))
def test_whatever_a_tenant_chose_one_event_is_one_line_of_plain_characters(form: Format) -> None:
    heard = Heard("info", form)
    heard.events.say(logging.INFO, "x", item='a\n{"event":"forged"}\x1b[2J\udcff', tenant="né", empty="", none=None)
    assert len(heard.text.splitlines()) == 1
    assert heard.text.rstrip("\n").isprintable()
    assert heard.text.isascii()


def test_text_is_for_people() -> None:
    heard = Heard("info", Format.TEXT)
    heard.events.say(logging.WARNING, "death", decision="tok", owner="w1", words="it died", codes=[1])
    expected = (
        '2023-11-14T22:13:20.000+00:00 warning worker[w1] death decision=tok owner=w1 words="it died" codes=[1]\n'
    )
    assert heard.text == expected


def test_a_program_that_configures_nothing_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    configure("warning")
    Events("worker", "w", ManualClock()).say(logging.WARNING, "blind")
    assert capfd.readouterr() == ("", "")


# -- the file


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("tbie.x", logging.INFO, "", 0, text, None, None)


def test_the_file_is_bounded_and_two_writers_share_it(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "events.jsonl"
    first, second = SharedFile(path, most_bytes=1_000), SharedFile(path, most_bytes=1_000)
    for number in range(200):
        (first if number % 2 else second).emit(record(f"{number:040}"))
        assert path.stat().st_size <= 1_000
    older = path.with_name("events.jsonl.1")
    assert older.stat().st_size <= 1_000
    lines = older.read_text().splitlines() + path.read_text().splitlines()
    assert [int(line) for line in lines] == list(range(200 - len(lines), 200))
    assert len(lines) > 24
    first.close()
    second.close()


def test_a_file_that_was_taken_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    file = SharedFile(path)
    file.emit(record("one"))
    path.unlink()
    file.emit(record("two"))
    assert path.read_text() == "two\n"
    assert os.stat(path).st_mode & 0o777 == 0o600  # noqa: PTH116 - beside the code that it tests
    file.close()


def test_a_file_that_cannot_be_written_is_said_once_and_stops_nobody(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    file = SharedFile(tmp_path / "logs" / "events.jsonl")
    file.emit(record("one"))
    file.emit(record("two"))
    err = capfd.readouterr().err
    assert err.count("events are not kept") == 1
    file.close()
