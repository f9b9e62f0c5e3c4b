"""``./run``: what it promises about environments, without installing anything."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from tests.tidy.repository import ROOT


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, its environment in *tmp_path*, with installing replaced by a note of what was asked."""
    monkeypatch.setenv("PARJANYA_VENV", str(tmp_path / "env"))
    loader = SourceFileLoader("run", str(ROOT / "run"))
    spec = importlib.util.spec_from_loader("run", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader.exec_module(module)
    module.asked = []  # type: ignore[attr-defined]

    def environment() -> None:
        module.asked.append("anew")
        module.PYTHON.parent.mkdir(parents=True, exist_ok=True)
        module.PYTHON.touch()

    monkeypatch.setattr(module, "start_anew", environment)
    monkeypatch.setattr(module, "has_pip", module.PYTHON.exists)
    monkeypatch.setattr(module, "pip", lambda *_: True)
    monkeypatch.setattr(module, "install", module.asked.append)
    return module


def test_the_first_call_installs_and_the_second_does_not(run: ModuleType) -> None:
    run.prepare("runtime")
    run.prepare("runtime")
    assert run.asked == ["anew", "runtime"]


def test_the_development_environment_serves_the_program_too(run: ModuleType) -> None:
    run.prepare("dev")
    run.prepare("runtime")
    assert run.asked == ["anew", "dev"]


def test_tests_after_the_program_add_what_they_need_to_the_same_environment(run: ModuleType) -> None:
    run.prepare("runtime")
    run.prepare("dev")
    assert run.asked == ["anew", "runtime", "dev"]


def test_the_engines_serve_tests_and_program_too(run: ModuleType) -> None:
    run.prepare("dev")
    run.prepare("engines")
    for level in run.LEVELS:
        run.prepare(level)
    assert run.asked == ["anew", "dev", "engines"]


def test_a_changed_lock_keeps_engines_that_were_asked_for_once(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.prepare("engines")
    before = run.digest
    monkeypatch.setattr(run, "digest", lambda level: f"changed {before(level)}")
    run.prepare("dev")
    assert run.asked == ["anew", "engines", "engines"]


def test_without_a_cpu_build_of_pytorch_the_environment_stays_as_it_was(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run.prepare("dev")
    monkeypatch.setattr(run, "pip", lambda *_: False)
    with pytest.raises(SystemExit, match="1"):
        run.prepare("engines")
    run.prepare("dev")
    assert run.asked == ["anew", "dev"]
    assert "the CPU build of PyTorch is needed" in capsys.readouterr().err


def test_a_changed_lock_installs_again(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    run.prepare("runtime")
    before = run.digest
    monkeypatch.setattr(run, "digest", lambda level: f"changed {before(level)}")
    run.prepare("runtime")
    assert run.asked == ["anew", "runtime", "runtime"]


def test_an_installation_cut_short_starts_anew(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(level: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "install", killed)
        with pytest.raises(KeyboardInterrupt):
            run.prepare("runtime")
    run.prepare("runtime")
    assert run.asked == ["anew", "anew", "runtime"]


def test_a_python_that_was_upgraded_away_starts_anew(run: ModuleType) -> None:
    run.prepare("runtime")
    run.PYTHON.unlink()
    run.prepare("runtime")
    assert run.asked == ["anew", "runtime", "anew", "runtime"]


def test_a_folder_of_somebody_else_is_left_alone(run: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    run.ENV.mkdir()
    (run.ENV / "letters.txt").touch()
    with pytest.raises(SystemExit, match="1"):
        run.prepare("runtime")
    assert run.asked == []
    assert "was not made by ./run" in capsys.readouterr().err


def test_where_byte_code_is_not_wanted_beside_sources_it_goes_into_the_environment(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", "")  # so that it is put back after the test
    monkeypatch.delenv("PYTHONPYCACHEPREFIX")
    run.keep_byte_code()
    assert "PYTHONDONTWRITEBYTECODE" not in os.environ
    assert os.environ["PYTHONPYCACHEPREFIX"].startswith(str(run.ENV))


@pytest.mark.parametrize("setting", [None, ""])
def test_otherwise_byte_code_goes_where_python_puts_it(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, setting: str | None
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", "")
    monkeypatch.delenv("PYTHONPYCACHEPREFIX")
    if setting is None:
        monkeypatch.delenv("PYTHONDONTWRITEBYTECODE")
    run.keep_byte_code()
    assert "PYTHONPYCACHEPREFIX" not in os.environ


@pytest.mark.parametrize("arguments", [["fly"], [], ["check", "everything"], ["bench", "no-such-benchmark"]])
def test_what_it_does_not_know_is_a_usage_error(arguments: list[str]) -> None:
    finished = subprocess.run([sys.executable, ROOT / "run", *arguments], check=False, capture_output=True, text=True)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr


def test_an_old_python_can_read_far_enough_to_say_that_it_is_too_old() -> None:
    ast.parse((ROOT / "run").read_text(), feature_version=(3, 6))
