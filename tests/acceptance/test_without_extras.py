"""A new user's installation: the core, with none of the libraries that the model engines need.

Elsewhere the libraries are hidden from the processes under test. ``.ci/run`` names in ``PARJANYA_CORE`` the Python of an
environment into which it has installed the two wheels and requirements/runtime.txt, and nothing is hidden.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from product import DONE, NOT_WELL, PROGRAM, USAGE, Ran, Running, picture

sys.path.insert(0, str(Path(__file__).parents[2] / "packages" / "parjanya" / "tests"))
from model_folders import complete

from parjanya.policy.loading import builtin_text

HIDING = Path(__file__).parent / "core_alone"

Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Begins a command of the core on a home of this test's own."""
    started: list[Running] = []
    core = os.environ.get("PARJANYA_CORE")
    variables = {**os.environ, "PARJANYA_HOME": str(tmp_path / "home"), "PARJANYA_WORKERS": "1"}
    if core is None:
        variables["PYTHONPATH"] = str(HIDING)

    def begin(*arguments: str | Path) -> Running:
        started.append(Running([core or sys.executable, *PROGRAM, *arguments], variables))
        return started[-1]

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.kill_everything()
        running.close()


def shoot(folder: Path) -> Path:
    """A folder with one picture."""
    picture(folder / "one.jpg")
    return folder


def test_the_libraries_of_the_engines_are_really_absent(start: Start) -> None:
    core = os.environ.get("PARJANYA_CORE")
    names = "torch", "transformers", "tokenizers", "safetensors", "llguidance", "httpx"
    question = f"import importlib.util, sys; sys.exit(any(importlib.util.find_spec(n) for n in {names!r}))"
    variables = dict(os.environ) if core else {**os.environ, "PYTHONPATH": str(HIDING)}
    Running([core or sys.executable, "-c", question], variables).finish(DONE)


@pytest.mark.parametrize("command", [(), ("policy",), ("model", "verify")])
def test_a_command_explains_itself(start: Start, command: tuple[str, ...]) -> None:
    assert "Usage: parjanya" in start(*command, "--help").finish(DONE).out


def test_images_are_judged(start: Start, tmp_path: Path) -> None:
    assert start("curate", shoot(tmp_path / "shoot"), "--json").finish(DONE).json["images"]


def test_a_policy_is_checked(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text(builtin_text("culling"))
    start("policy", "check", file).finish(DONE)
    file.write_text("rules: soon")
    start("policy", "check", file).finish(NOT_WELL)


def test_a_model_folder_is_described_and_verified(start: Start, tmp_path: Path) -> None:
    folder = complete(tmp_path / "model")
    start("model", "bake", folder, "--skip-golden").finish(DONE)
    start("model", "verify", folder).finish(DONE)
    (folder / "config.json").write_text("{}")
    start("model", "verify", folder).finish(NOT_WELL)


def test_golden_answers_say_what_they_need(start: Start, tmp_path: Path) -> None:
    ran = start("model", "bake", complete(tmp_path / "model")).finish(USAGE)
    assert "parjanya[transformers]" in ran.line


def told(running: Running, words: str) -> Ran:
    """Let it run until it has said *words*, then interrupt it."""
    running.until(lambda: words in running.err)
    running.signal(signal.SIGINT)
    return running.finish(NOT_WELL)


def test_the_engine_openai_says_what_to_install(start: Start, tmp_path: Path) -> None:
    server = ("--base-url", "http://127.0.0.1:9/v1", "--model", "any")  # nobody listens there, and nobody is asked
    told(start("curate", shoot(tmp_path / "shoot"), "--engine", "openai", *server), "pip install 'parjanya[openai]'")


def test_the_engine_transformers_says_what_to_install(start: Start, tmp_path: Path) -> None:
    folder = complete(tmp_path / "model")
    start("model", "bake", folder, "--skip-golden").finish(DONE)
    running = start("curate", shoot(tmp_path / "shoot"), "--engine", "transformers", "--model", folder)
    told(running, "pip install 'parjanya[transformers]'")
