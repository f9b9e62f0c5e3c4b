"""What goes into the next batch, and what a budget learns: pure decisions, over generated lengths."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from parjanya.vision.flow.plan import FORGET_AFTER, Budget, fewer_pixels, halves, next_batch, padded


@dataclass(frozen=True)
class Prompt:
    name: int
    tokens: int


lengths = st.lists(st.integers(1, 3000), min_size=1, max_size=40)
budgets = st.integers(1, 20_000)
counts = st.integers(1, 16)


def prompts(tokens: list[int]) -> list[Prompt]:
    return [Prompt(name, length) for name, length in enumerate(tokens)]


@given(lengths, budgets, counts)
def test_a_batch_keeps_to_the_budget_and_the_count_unless_it_is_one_picture(
    tokens: list[int], budget: int, most: int
) -> None:
    batch = next_batch(prompts(tokens), budget, most)

    assert len(batch) == 1 or (padded(batch) <= budget and len(batch) <= most)


@given(lengths, budgets, counts)
def test_the_one_that_waits_longest_is_in_every_batch(tokens: list[int], budget: int, most: int) -> None:
    waiting = prompts(tokens)

    assert waiting[0] in next_batch(waiting, budget, most)


@given(lengths, budgets, counts)
def test_every_picture_goes_exactly_once(tokens: list[int], budget: int, most: int) -> None:
    waiting, gone = prompts(tokens), []
    while waiting:
        batch = next_batch(waiting, budget, most)
        gone += batch
        waiting = [one for one in waiting if one not in batch]

    assert sorted(one.name for one in gone) == list(range(len(tokens)))


@given(lengths, counts)
def test_with_room_for_all_all_go_up_to_the_count(tokens: list[int], most: int) -> None:
    batch = next_batch(prompts(tokens), len(tokens) * max(tokens), most)

    assert len(batch) == min(most, len(tokens))


def test_pictures_go_with_those_of_their_length() -> None:
    batch = next_batch(prompts([100, 1000, 110, 1010, 90, 990]), 400, 16)

    assert [one.tokens for one in batch] == [90, 100, 110]


def test_nothing_goes_where_nothing_waits() -> None:
    assert next_batch([], 1000, 16) == []


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 50_000)), max_size=200), st.integers(1, 100_000))
def test_a_budget_stays_between_its_floor_and_its_ceiling(steps: list[tuple[bool, int]], room: int) -> None:
    budget = Budget.first(room, 1000, 40_000)
    for fits, used in steps:
        budget = budget.fitted(used) if fits else budget.failed(used)

        assert 1000 <= budget.tokens <= 40_000


def test_a_budget_grows_by_steps_when_it_was_mostly_used_and_not_otherwise() -> None:
    budget = Budget.first(1600, 100, 10_000)

    assert budget.fitted(1599).tokens == 1700
    assert budget.fitted(800).tokens == 1600


def test_a_budget_is_halved_at_once_below_what_did_not_fit() -> None:
    assert Budget.first(8000, 100, 10_000).failed(8000).tokens == 4000
    assert Budget.first(8000, 100, 10_000).failed(3000).tokens == 1500


def test_a_batch_that_took_too_long_makes_the_next_one_as_much_smaller() -> None:
    assert Budget.first(8000, 100, 10_000).slow(6000, took_s=180, most_s=60).tokens == 2000
    assert Budget.first(8000, 100, 10_000).slow(6000, took_s=60_000, most_s=60).tokens == 100


def test_a_budget_does_not_run_into_the_same_wall_at_each_step() -> None:
    budget = Budget.first(8000, 100, 100_000).failed(8000)
    for _ in range(FORGET_AFTER - 1):
        budget = budget.fitted(budget.tokens)

    assert budget.tokens == 7000  # seven eighths of what did not fit


def test_a_wall_is_tried_again_after_a_while() -> None:
    budget = Budget.first(8000, 100, 100_000).failed(8000)
    for _ in range(FORGET_AFTER + 3):
        budget = budget.fitted(budget.tokens)

    assert budget.tokens > 7000


@given(st.lists(st.integers(), min_size=2, max_size=50))
def test_halves_hold_everything_and_neither_is_empty(batch: list[int]) -> None:
    first, second = halves(batch)

    assert first + second == batch
    assert first
    assert second


@given(st.integers(1, 1 << 24), st.integers(1, 1 << 24))
def test_the_pixel_budget_goes_down_to_its_floor_and_ends_there(pixels: int, floor: int) -> None:
    tried = [pixels]
    while (fewer := fewer_pixels(tried[-1], floor)) is not None:
        assert floor <= fewer < tried[-1]
        tried.append(fewer)

    assert len(tried) <= 26
    assert tried[-1] == min(pixels, floor) or tried[-1] == floor
