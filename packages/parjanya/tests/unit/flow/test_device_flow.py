"""Pictures in, answers as they come: over a device that follows a script."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parjanya.vision.engine import Observed, Picture, Seen, Unanswered
from parjanya.vision.flow.flow import DeviceFlow, FlowSettings
from tbie.core.clock import ManualClock

sys.path.insert(0, str(Path(__file__).parents[2]))
from scripted_device import PIXELS, ScriptedDevice, ScriptedPrepared, picture

SETTINGS = FlowSettings(pixels=PIXELS, pixels_floor=PIXELS // 4, threads=3, tokens_floor=1)
Flow = DeviceFlow[ScriptedPrepared]


def flow(device: ScriptedDevice, settings: FlowSettings = SETTINGS, clock: ManualClock | None = None) -> Flow:
    return DeviceFlow(device, settings, clock or ManualClock())


def nobody(positions: Sequence[int]) -> None:
    """Nobody wants to know what begins."""


def answers(subject: Flow, pictures: Sequence[Picture]) -> dict[int, Seen]:
    found: dict[int, Seen] = {}
    for position, seen in subject.observe(pictures, nobody):
        assert position not in found
        found[position] = seen
    return found


def evidence(seen: Seen) -> dict[str, Any]:
    assert isinstance(seen, Unanswered)
    return dict(seen.evidence)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("prepare-")]


@given(st.lists(st.integers(1, 500), max_size=40), st.integers(100, 3000), st.integers(1, 5000))
def test_every_picture_is_answered_once_and_by_its_own_answer_whatever_fits(
    tokens: list[int], limit: int, room: int
) -> None:
    device = ScriptedDevice(limit=max(limit, 500), room=room)

    seen = answers(flow(device), [picture(n, t) for n, t in enumerate(tokens)])

    assert sorted(seen) == list(range(len(tokens)))
    assert all(isinstance(s, Observed) and s.observation["name"] == str(n) for n, s in seen.items())


def test_nothing_is_asked_of_the_device_for_no_pictures() -> None:
    assert answers(flow(ScriptedDevice()), []) == {}


def test_later_pictures_are_prepared_while_the_device_is_busy() -> None:
    device = ScriptedDevice(room=200, gate=threading.Event())
    found: list[int] = []
    subject = flow(device)

    def consume() -> None:
        found.extend(position for position, _ in subject.observe([picture(n) for n in range(12)], nobody))

    thread = threading.Thread(target=consume)
    thread.start()
    assert device.inside.wait(20)
    assert device.wait_prepared(
        12
    )  # all of them, although nothing has been answered and the device is inside its first batch
    assert found == []
    assert device.gate is not None
    device.gate.set()
    thread.join(20)

    assert sorted(found) == list(range(12))


def test_the_device_is_called_from_one_thread_which_is_the_callers() -> None:
    device = ScriptedDevice(room=200)

    answers(flow(device), [picture(n) for n in range(20)])

    assert device.run_threads == {threading.get_ident()}


def test_a_device_waits_for_a_full_batch_if_more_will_come() -> None:
    device = ScriptedDevice(room=400)

    answers(flow(device), [picture(n) for n in range(12)])

    assert len(device.batches[0]) == 4


def test_what_is_prepared_is_bounded_by_bytes() -> None:
    million = 1_000_000
    device = ScriptedDevice(room=200, holds=24 * PIXELS)
    settings = replace(SETTINGS, prepared_bytes=100 * million)

    answers(flow(device, settings), [picture(n) for n in range(30)])

    assert device.most_held <= 100 * million


def test_a_picture_larger_than_all_room_goes_alone() -> None:
    device = ScriptedDevice(holds=24 * PIXELS)

    seen = answers(flow(device, replace(SETTINGS, prepared_bytes=10)), [picture(n) for n in range(5)])

    assert len(seen) == 5
    assert device.most_held == device.holds


def test_pictures_are_made_when_a_thread_asks_for_them() -> None:
    asked: list[int] = []

    class Lazy(Sequence[Picture]):
        def __len__(self) -> int:
            return 8

        @overload
        def __getitem__(self, index: int) -> Picture: ...
        @overload
        def __getitem__(self, index: slice) -> Sequence[Picture]: ...
        def __getitem__(self, index: int | slice) -> Picture | Sequence[Picture]:
            assert isinstance(index, int)
            asked.append(index)
            return picture(index)

    assert len(answers(flow(ScriptedDevice()), Lazy())) == 8
    assert sorted(asked) == list(range(8))


def test_what_begins_is_told_before_each_piece() -> None:
    device = ScriptedDevice(room=300)
    begun: list[list[int]] = []

    def begin(positions: Sequence[int]) -> None:
        if threading.current_thread() is threading.main_thread():  # the threads that prepare tell of theirs
            begun.append(list(positions))

    for _ in flow(device).observe([picture(n) for n in range(7)], begin):
        assert len(begun) == len(device.batches)

    assert [[str(n) for n in positions] for positions in begun] == device.batches


def test_each_picture_is_told_before_it_is_read_because_its_decoder_may_end_the_process() -> None:
    told: set[int] = set()
    untold: list[int] = []

    class Watched(Sequence[Picture]):
        def __len__(self) -> int:
            return 9

        @overload
        def __getitem__(self, index: int) -> Picture: ...
        @overload
        def __getitem__(self, index: slice) -> Sequence[Picture]: ...
        def __getitem__(self, index: int | slice) -> Picture | Sequence[Picture]:
            assert isinstance(index, int)
            if index not in told:
                untold.append(index)
            return picture(index)

    for _ in flow(ScriptedDevice(room=300)).observe(Watched(), told.update):
        pass

    assert untold == []


class TestOutOfMemory:
    """The ladder: half of the batch, half of the pixels, no answer, a fresh process."""

    def test_a_batch_that_does_not_fit_runs_in_halves_and_the_next_ones_are_smaller(self) -> None:
        device = ScriptedDevice(limit=450, room=800)

        seen = answers(flow(device), [picture(n) for n in range(64)])

        assert all(isinstance(s, Observed) for s in seen.values())
        assert [len(names) for names in device.refused] == [8, 5]  # the first guess, one try to grow, and then no more
        assert max(len(names) for names in device.batches) == 4
        assert device.prepared == [*dict.fromkeys(device.prepared)]  # the same inputs: none was prepared twice

    def test_what_was_learned_lasts_until_the_next_flow(self) -> None:
        device = ScriptedDevice(limit=450, room=800)
        subject = flow(device)
        answers(subject, [picture(n) for n in range(16)])
        refused = len(device.refused)

        answers(subject, [picture(n) for n in range(16)])

        assert len(device.refused) == refused

    def test_one_that_does_not_fit_alone_is_seen_with_fewer_pixels_and_says_so(self) -> None:
        device = ScriptedDevice(limit=300)

        seen = answers(flow(device), [picture(0, 100), picture(1, 1000), picture(2, 100)])

        one = seen[1]
        assert isinstance(one, Observed)
        assert one.provenance == {"tokens": 250, "pixel_budget": PIXELS // 4, "pixel_budget_asked": PIXELS}
        other = seen[0]
        assert isinstance(other, Observed)
        assert other.provenance == {"tokens": 100, "pixel_budget": PIXELS, "pixel_budget_asked": PIXELS}

    def test_one_that_does_not_fit_at_the_floor_ends_unanswered_and_is_charged(self) -> None:
        device = ScriptedDevice(limit=300)

        seen = answers(flow(device), [picture(0, 100), picture(1, 4000)])

        assert seen[1] == Unanswered(
            "gpu_out_of_memory",
            {
                "message": "1 pictures want more than 300 tokens",
                "tokens": 1000,
                "pixel_budget": PIXELS // 4,
                "pixel_budget_asked": PIXELS,
            },
        )
        assert isinstance(seen[0], Observed)

    def test_a_budget_below_the_floor_is_not_raised_to_it(self) -> None:
        settings = replace(SETTINGS, pixels=PIXELS // 8)
        device = ScriptedDevice(limit=10)

        seen = answers(flow(device, settings), [picture(0, 1000)])

        assert evidence(seen[0])["pixel_budget"] == PIXELS // 8
        assert len(device.refused) == 1

    def test_after_some_of_those_the_process_says_that_it_is_worn(self) -> None:
        device = ScriptedDevice(limit=10)
        subject = flow(device)
        answers(subject, [picture(0), picture(1)])
        assert subject.worn() is None

        answers(subject, [picture(2)])

        assert "does not come back" in (subject.worn() or "")

    def test_a_device_that_shrinks_under_the_flow_still_answers_everything(self) -> None:
        device = ScriptedDevice(limit=2000, room=2000)
        subject, found = flow(device), 0
        for _, seen in subject.observe([picture(n) for n in range(100)], nobody):
            found += isinstance(seen, Observed)
            device.limit = 2000 if found < 40 else 150

        assert found == 100


def test_a_slow_device_is_given_less_at_a_time_before_a_supervisor_would_end_it() -> None:
    clock = ManualClock()

    class Slow(ScriptedDevice):
        def run(self, batch: Sequence[ScriptedPrepared]) -> Sequence[Seen]:
            clock.advance_ms(10_000 * len(batch))
            return super().run(batch)

    device = Slow(room=1600)

    seen = answers(flow(device, clock=clock), [picture(n) for n in range(40)])

    assert len(seen) == 40
    assert len(device.batches[0]) == 16  # 160 s
    assert max(len(names) for names in device.batches[1:]) <= 7
