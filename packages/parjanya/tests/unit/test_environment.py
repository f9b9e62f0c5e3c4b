"""``PARJANYA_SETTINGS``: what is taken, what is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parjanya.profiles.environment import VARIABLE, from_environment
from tbie.core.errors import SettingsError
from tbie.core.settings import Settings


@pytest.mark.parametrize("environment", [{}, {VARIABLE: ""}, {VARIABLE: " \n"}, {VARIABLE: "{}"}])
def test_nothing_given_means_the_defaults(environment: dict[str, str]) -> None:
    assert from_environment(environment) == Settings(visibility_timeout_s=400.0, barrier_patience_s=600.0)


def test_what_is_given_replaces_its_default_and_nothing_else() -> None:
    found = from_environment({VARIABLE: '{"idle_exit_s": 3, "stream_batch": 5}'})
    assert asdict(found) == {**asdict(from_environment({})), "idle_exit_s": 3, "stream_batch": 5}


@given(st.text() | st.from_type(object).map(repr) | st.dictionaries(st.text(), st.floats() | st.text()).map(json.dumps))
def test_any_text_gives_settings_or_words(text: str) -> None:
    with suppress(SettingsError):  # any other exception would be a traceback for the user
        assert isinstance(from_environment({VARIABLE: text}), Settings)


@pytest.mark.parametrize("value", [True, None, "1", float("nan"), float("inf"), -1, [1]])
def test_a_value_that_is_no_finite_number_from_zero_is_refused(value: object) -> None:
    with pytest.raises(SettingsError, match="idle_exit_s"):
        from_environment({VARIABLE: json.dumps({"idle_exit_s": value})})


def test_a_number_that_no_machine_can_hold_is_refused_in_words() -> None:
    with pytest.raises(SettingsError, match="stream_batch must be"):
        from_environment({"PARJANYA_SETTINGS": '{"stream_batch": 1%s}' % ("0" * 400)})
