"""When a process should make room for a fresh one."""

from __future__ import annotations

from parjanya.vision.flow.worn import Wear
from tbie.core.clock import ManualClock


def wear(clock: ManualClock) -> Wear:
    return Wear(clock, ooms=3, window_s=600, failures=3)


def test_a_picture_that_never_fitted_wears_nothing_out() -> None:
    subject = wear(ManualClock())
    subject.fitted(1000)
    for _ in range(10):
        subject.did_not_fit(1001, smallest=False)

    assert subject.words is None


def test_memory_that_was_there_and_is_gone_wears_out_at_the_third_time() -> None:
    subject = wear(ManualClock())
    subject.fitted(1000)
    subject.did_not_fit(900, smallest=False)
    subject.did_not_fit(900, smallest=False)
    assert subject.words is None

    subject.did_not_fit(900, smallest=False)

    assert subject.words is not None
    assert "3 pictures" in subject.words


def test_pictures_that_do_not_fit_at_the_smallest_budget_wear_out_whatever_fitted_before() -> None:
    subject = wear(ManualClock())
    for _ in range(3):
        subject.did_not_fit(5000, smallest=True)

    assert subject.words is not None


def test_three_in_a_night_are_no_wear() -> None:
    clock = ManualClock()
    subject = wear(clock)
    for _ in range(30):
        subject.did_not_fit(5000, smallest=True)
        clock.advance_ms(301_000)

    assert subject.words is None


def test_what_is_worn_stays_so() -> None:
    subject = wear(ManualClock())
    for _ in range(3):
        subject.did_not_fit(5000, smallest=True)
    subject.fitted(9000)

    assert subject.words is not None


def test_failures_in_a_row_mean_that_the_device_is_broken_and_one_success_that_it_is_not() -> None:
    subject = wear(ManualClock())
    subject.failed("RuntimeError: one")
    subject.failed("RuntimeError: two")
    subject.fitted(10)
    subject.failed("RuntimeError: three")
    assert not subject.broken

    subject.failed("RuntimeError: four")
    subject.failed("RuntimeError: five")

    assert subject.broken
    assert "RuntimeError: five" in (subject.words or "")
