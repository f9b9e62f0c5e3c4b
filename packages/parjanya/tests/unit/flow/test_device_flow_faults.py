"""What goes wrong on a device that follows a script, and what stops: who is charged, who goes on, what is left behind."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

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


class TestErrors:
    """Whatever a batch raises that is not about memory: who is at fault is found out, the others proceed."""

    def test_the_picture_at_fault_keeps_the_error_and_its_batch_mates_are_answered(self) -> None:
        device = ScriptedDevice(fails=lambda names: ValueError("bad \x1b[31mgrid") if "3" in names else None)

        seen = answers(flow(device), [picture(n) for n in range(8)])

        assert seen[3] == Unanswered("model_error", {"type": "ValueError", "message": "bad  [31mgrid"})
        assert all(isinstance(s, Observed) for n, s in seen.items() if n != 3)

    def test_an_answer_too_few_is_an_error_and_no_answer_is_given_to_the_wrong_picture(self) -> None:
        class Short(ScriptedDevice):
            def run(self, batch: Sequence[ScriptedPrepared]) -> Sequence[Seen]:
                return super().run(batch)[: max(1, len(batch) - 1)]

        seen = answers(flow(Short()), [picture(n) for n in range(4)])

        assert [s.observation["name"] for n, s in sorted(seen.items()) if isinstance(s, Observed)] == list("0123")

    def test_a_device_that_fails_for_everything_charges_three_and_leaves_the_rest_uncharged(self) -> None:
        device = ScriptedDevice(fails=lambda names: RuntimeError("device-side assert"))
        subject = flow(device)

        seen = answers(subject, [picture(n) for n in range(20)])

        charged = [s for s in seen.values() if isinstance(s, Unanswered) and s.counted]
        left = [s for s in seen.values() if isinstance(s, Unanswered) and not s.counted]
        assert (len(charged), len(left)) == (3, 17)
        assert {s.reason for s in left} == {"device_failing"}
        assert "device-side assert" in (subject.worn() or "")

    def test_what_cannot_be_decoded_is_terminal_and_a_bug_of_the_decoder_is_not(self) -> None:
        pictures = [picture(0), Picture("1", b"GIF87a"), Picture("2", b"broken=1"), picture(3)]

        seen = answers(flow(ScriptedDevice()), pictures)

        assert seen[1] == Unanswered(
            "preview_unreadable", {"type": "UnreadableError", "message": "this is no picture [2J"}, terminal=True
        )
        assert seen[2] == Unanswered("preparation_failed", {"type": "RuntimeError", "message": "the decoder has a bug"})
        assert isinstance(seen[0], Observed)
        assert isinstance(seen[3], Observed)

    def test_pictures_of_which_none_can_be_decoded_are_all_told(self) -> None:
        seen = answers(flow(ScriptedDevice()), [Picture(str(n), b"nothing") for n in range(10)])

        assert {s.reason for s in seen.values() if isinstance(s, Unanswered)} == {"preview_unreadable"}
        assert len(seen) == 10


class TestStopping:
    """Closing begins nothing more, and leaves nothing behind."""

    def test_closing_runs_no_further_batch(self) -> None:
        device = ScriptedDevice(room=200)
        iterator = flow(device).observe([picture(n) for n in range(50)], nobody)
        next(iterator)
        iterator.close()  # type: ignore[attr-defined]

        assert len(device.batches) == 1

    def test_closing_before_the_first_answer_prepares_nothing(self) -> None:
        device = ScriptedDevice()
        iterator = flow(device).observe([picture(0)], nobody)
        iterator.close()  # type: ignore[attr-defined]

        assert device.prepared == []

    def test_an_exception_of_the_caller_ends_the_threads(self) -> None:
        def interrupted(positions: Sequence[int]) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            list(flow(ScriptedDevice()).observe([picture(n) for n in range(9)], interrupted))

    def test_what_is_raised_to_a_thread_that_prepares_reaches_the_caller(self) -> None:
        def over(positions: Sequence[int]) -> None:
            if threading.current_thread() is not threading.main_thread():
                raise ValueError("the flow is over")

        with pytest.raises(ValueError, match="the flow is over"):
            list(flow(ScriptedDevice()).observe([picture(n) for n in range(9)], over))
