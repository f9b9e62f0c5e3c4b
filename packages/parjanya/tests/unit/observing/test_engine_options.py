"""What the options of `curate` and `serve` declare, and what they refuse."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from parjanya.cli.common import UsageError
from parjanya.cli.engine import EngineOptions, asked, choose
from parjanya.home import Home
from parjanya.profiles.system import System, open_system
from parjanya.vision.declared import Classical, OpenAI, Transformers

URL = "http://127.0.0.1:9/v1"
SERVED = OpenAI(URL, "qwen")
SERVER = EngineOptions("openai", "qwen", URL)


def test_nothing_asked_is_nothing_changed() -> None:
    assert not EngineOptions().any
    assert asked(EngineOptions(), SERVED) == SERVED


def test_an_engine_is_declared_with_what_it_needs() -> None:
    assert asked(SERVER, Classical()) == SERVED
    assert asked(EngineOptions("classical"), SERVED) == Classical()


def test_a_single_option_changes_that_of_the_declared_engine() -> None:
    assert asked(EngineOptions(in_flight=3), SERVED) == OpenAI(URL, "qwen", in_flight=3)
    assert asked(EngineOptions("openai", model="other"), SERVED) == OpenAI(URL, "other")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (EngineOptions("oracle"), "classical, openai, transformers"),
        (EngineOptions("openai"), "needs --base-url and --model: --engine openai --base-url"),
        (EngineOptions("openai", model="qwen"), "needs --base-url"),
        (EngineOptions("openai", "qwen", "example.org"), "must begin with http"),
        (EngineOptions("openai", "qwen", URL, in_flight=0), "in_flight must be between"),
        (EngineOptions("openai", "qwen", URL, pixel_budget_px=3), "must be between"),
        (EngineOptions("transformers"), "needs --model DIR"),
        (EngineOptions("transformers", "/nowhere"), "is no folder"),
        (EngineOptions("transformers", "/nowhere", URL), "--base-url means nothing to the engine transformers"),
        (EngineOptions(model="qwen"), "--model means nothing to the engine classical"),
        (EngineOptions("classical", pixel_budget_px=100_000), "--pixel-budget means nothing"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_be_right(options: EngineOptions, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        asked(options, Classical())

    assert words in str(refused.value)


def test_a_model_folder_without_a_manifest_is_to_be_baked_first(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="model bake"):
        asked(EngineOptions("transformers", str(tmp_path)), Classical())


def test_a_pixel_budget_below_the_floor_lowers_the_floor() -> None:
    loaded = Transformers("/models/qwen", "ab" * 32)

    found = asked(EngineOptions(pixel_budget_px=100_000), loaded)

    assert isinstance(found, Transformers)
    assert (found.pixel_budget, found.pixel_budget_floor) == (100_000, 100_000)


@pytest.fixture
def system(tmp_path: Path) -> System:
    return open_system(Home(tmp_path / "home"))


class TestChoosing:
    """Declared in the home, for every process that opens it from now on."""

    def test_it_lasts(self, system: System, tmp_path: Path) -> None:
        choose(system, SERVER)
        system.close()
        again = open_system(Home(tmp_path / "home"))

        assert again.declared == SERVED
        assert again.workflow["observe"].pool == "vision"
        assert again.engine is not None
        again.close()

    def test_a_server_that_does_not_answer_is_told_at_once_and_declared_all_the_same(
        self, system: System, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with socket.socket() as closed:  # bound and not listening: nobody else gets the port, and nobody answers
            closed.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
            choose(system, EngineOptions("openai", "qwen", url))

        told = capsys.readouterr().err
        assert url in told
        assert "does not answer" in told
        assert "nothing is lost" in told
        assert system.declared == OpenAI(url, "qwen")
        system.close()

    def test_it_is_not_changed_under_an_engine_that_leads(self, system: System, tmp_path: Path) -> None:
        other = Home(tmp_path / "home")
        assert other.lead()

        with pytest.raises(UsageError, match="another engine leads"):
            choose(system, SERVER)

        assert system.declared == Classical()
        other.resign()
        system.close()

    def test_what_is_declared_already_needs_no_lead(self, system: System, tmp_path: Path) -> None:
        choose(system, SERVER)
        system.home.resign()
        other = Home(tmp_path / "home")
        assert other.lead()
        choose(system, SERVER)
        other.resign()
        system.close()

    def test_another_process_follows_what_was_declared(self, system: System, tmp_path: Path) -> None:
        other = open_system(Home(tmp_path / "home"))
        choose(system, SERVER)

        assert other.adopt()
        assert other.workflow.fingerprint == system.workflow.fingerprint
        assert not other.adopt()
        other.close()
        system.close()
