"""What a function keeps open while Truth is away, and what it says when it cannot even begin."""

from __future__ import annotations

import importlib
import json
from typing import Any, cast

import pytest

from parjanya.functions.opening import LOOK_S, Opening
from parjanya.profiles import functions
from parjanya.profiles.function_stores import Stores
from tbie.core.clock import ManualClock
from tbie.core.errors import TbieError, TruthUnavailableError


class _Open:
    """As much of ``Stores`` as an opening looks at."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.answer, self.closed = clock, True, False
        self.away = False

    def fits(self) -> bool:
        if self.away:
            raise TruthUnavailableError("away")
        return self.answer

    def close(self) -> None:
        self.closed = True


def test_truth_being_away_does_not_say_that_what_is_open_no_longer_fits() -> None:
    clock, made = ManualClock(), list[_Open]()

    def open_() -> Stores:
        made.append(_Open(clock))
        return cast("Stores", made[-1])

    opened = Opening("sweep", open_)
    first = opened()
    made[0].away = True
    clock.advance_ms(int(LOOK_S * 1000))
    assert opened() is first
    made[0].away, made[0].answer = False, False
    clock.advance_ms(int(LOOK_S * 1000))
    assert opened() is not first
    assert (len(made), made[0].closed) == (2, True)


@pytest.mark.parametrize(
    ("name", "opens"), [("reconcile", "open_stores"), ("sweep", "open_sweeping"), ("intake", "open_intake")]
)
def test_a_function_that_cannot_begin_while_truth_is_away_says_that_it_is_blind_and_fails(
    name: str, opens: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(_: object) -> Any:
        raise TruthUnavailableError("Truth is away")

    monkeypatch.setattr(functions, opens, away)
    monkeypatch.setenv("PARJANYA_PREFIX", "studio")
    handler = importlib.import_module(f"parjanya.functions.{name}").handler
    for _ in range(2):  # nothing is remembered, and each pass has its line
        with pytest.raises(TruthUnavailableError, match="Truth is away"):
            handler({"Records": []}, None)
        (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
        assert (line["event"], line["System"], line["Component"]) == ("pass", "studio", name)
        assert (line["Heartbeat"], line["Blind"], line["blind"]) == (0, 1, ["Truth is away"])
        assert (line["finding"], line["opened"]) == ("control_plane_blind", False)
        told = {metric["Name"] for block in line["_aws"]["CloudWatchMetrics"] for metric in block["Metrics"]}
        assert told == {"Heartbeat", "Blind", "PassSeconds"}


def test_a_function_that_is_deployed_wrongly_says_how_under_no_name_that_it_does_not_have(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARJANYA_PREFIX", "No\nName")
    with pytest.raises(TbieError, match="cannot work as it is deployed"):
        importlib.import_module("parjanya.functions.sweep").handler({}, None)
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert (line["System"], line["Heartbeat"]) == ("unknown", 0)
    assert "PARJANYA_PREFIX" in line["blind"][0]
