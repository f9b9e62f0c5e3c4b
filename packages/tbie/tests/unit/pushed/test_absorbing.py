"""Changes that are pushed to the reconciler, on a clock of the test's."""

from __future__ import annotations

import pytest

from packages.tbie.tests.unit.ground import SMALL
from packages.tbie.tests.unit.pushed.ground import Functions
from tbie.core.errors import IntentUnavailableError
from tbie.core.keys import ItemKey
from tbie.core.outcome import Retry
from tbie.core.reading import Known
from tbie.diagnose.heartbeats import control_plane
from tbie.pause import PAUSE
from tbie.reconciler.pushed import Row
from tbie.testing.builders import (
    WHO,
    all_open,
    key,
    record_of,
    settle,
)
from tbie.truth import Heartbeat, Reset


def test_what_is_pushed_is_emitted_with_the_rows_own_token_and_wakes_the_fleet(functions: Functions) -> None:
    functions.add(3)
    done = functions.start().absorb(functions.told())
    assert (done.read, done.emitted.sent, done.blind) == (3, 3, [])
    assert [e.token for e in functions.intent.sent] == [r.token for r in all_open(functions.truth, functions.workflow)]
    assert functions.fleet.asked == {"default": 1}


def test_a_record_that_comes_twice_or_in_two_processes_sends_one_message(functions: Functions) -> None:
    functions.add(2)
    rows = functions.told()
    functions.start("f1").absorb([*rows, *rows])
    functions.start("f2").absorb(reversed(rows))
    depth = functions.intent.depth("a")
    assert isinstance(depth, Known)
    assert depth.value.live == 2


def test_what_is_closed_by_now_is_not_sent(functions: Functions) -> None:
    functions.add(2)
    rows = functions.told()
    settle(functions.truth, rows[0].key, "a")
    functions.start().absorb(rows)
    assert [(e.key, e.stage) for e in functions.intent.sent] == [(rows[1].key, "a")]


def test_a_record_of_an_older_token_sends_the_one_that_the_row_has_now(functions: Functions) -> None:
    functions.add(1)
    rows = functions.told()
    functions.truth.commit([Reset(rows[0].key, "a", WHO)])
    functions.start().absorb(rows)
    (sent,) = functions.intent.sent
    assert (sent.token, sent.generation) == (record_of(functions.truth, rows[0].key, "a").token, 2)


def test_records_of_items_and_stages_that_do_not_exist_are_passed_over(functions: Functions) -> None:
    functions.add(1)
    rows = [Row(key("nobody"), "a"), Row(ItemKey("", ""), "no such stage"), *functions.told()]
    assert functions.start().absorb(rows).emitted.sent == 1


def test_nothing_pushed_reads_nothing_and_sends_nothing(functions: Functions) -> None:
    functions.add(1)
    assert functions.start().absorb([]).emitted.sent == 0


def test_a_queue_that_is_away_raises_and_the_same_rows_go_in_again(functions: Functions) -> None:
    functions.add(2)
    rows, control = functions.told(), functions.start()
    functions.intent.away = 1
    with pytest.raises(IntentUnavailableError):
        control.absorb(rows)
    assert functions.beat_of("absorber")["blind"] == ["the queue is away"]
    assert control.absorb(rows).emitted.sent == 2


def test_it_notes_its_decisions_at_once_and_moves_no_cursor(functions: Functions) -> None:
    functions.add(2)
    control = functions.start()
    control.absorb(functions.told())
    assert [(e.action, e.reason) for e in functions.ledger.recent(10)] == [("emit", "opened")] * 2
    control.close()
    assert functions.truth.cursor("reconciler") == 0


def test_put_off_rows_that_are_pushed_trip_a_pause_that_workers_obey(functions: Functions) -> None:
    control, count = functions.start(), SMALL.pause_failure_count
    functions.add(count)
    control.absorb(functions.told())
    for item in functions.truth.items():
        settle(functions.truth, item.key, "a", Retry("model_away"))
    assert functions.truth.documents(PAUSE) == []
    control.absorb(functions.told())
    (pause,) = functions.truth.documents(PAUSE)
    assert pause.body["reason"] == "model_away"


def test_it_emits_although_the_queue_cannot_be_read_and_says_that_it_is_blind(functions: Functions) -> None:
    functions.add(2)
    functions.intent.blind = True
    done = functions.start().absorb(functions.told())
    assert (done.emitted.sent, done.blind) == (2, ["intent (a): access denied", "intent (b): access denied"])
    assert functions.fleet.asked == {"default": SMALL.min_blind_workers}
    functions.truth.beat(Heartbeat("reconciler", "sweep", functions.clock.now_ms(), {"role": "operator", "blind": []}))
    (finding,) = control_plane(functions.truth.heartbeats(), functions.clock.now_ms(), 6_000)
    assert (finding.code, finding.value("unreadable")) == ("control_plane_blind", done.blind)
    functions.clock.advance_ms(6_001)
    functions.truth.beat(Heartbeat("reconciler", "sweep", functions.clock.now_ms(), {"role": "operator", "blind": []}))
    assert control_plane(functions.truth.heartbeats(), functions.clock.now_ms(), 6_000) == [], (
        "its silence says nothing"
    )
