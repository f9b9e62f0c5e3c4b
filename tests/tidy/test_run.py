"""``./run``: what it promises about environments, without installing anything."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
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
    monkeypatch.setattr(module, "pip", lambda *_, **__: True)
    monkeypatch.setattr(module, "install", module.asked.append)
    monkeypatch.setattr(module, "install_locked", lambda files, into: module.asked.append(into.parts[-3]))
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
    monkeypatch.setattr(run, "digest", lambda *locks: f"changed {before(*locks)}")
    run.prepare("dev")
    assert run.asked == ["anew", "engines", "engines"]


def test_without_a_cpu_build_of_pytorch_the_environment_stays_as_it_was(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run.prepare("dev")
    monkeypatch.setattr(run, "pip", lambda *_, **__: False)
    with pytest.raises(SystemExit, match="1"):
        run.prepare("engines")
    run.prepare("dev")
    assert run.asked == ["anew", "dev"]
    assert "the CPU build of PyTorch is needed" in capsys.readouterr().err


def test_a_changed_lock_installs_again(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    run.prepare("runtime")
    before = run.digest
    monkeypatch.setattr(run, "digest", lambda *locks: f"changed {before(*locks)}")
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


def test_a_side_environment_is_made_beside_its_level_once(run: ModuleType) -> None:
    run.prepare("aws", "aws-server")
    run.prepare("aws", "aws-server")
    assert run.asked == ["anew", "aws", "aws-server"]
    assert (run.ENV / "aws-server" / "bin" / "python").exists()


def test_the_tests_need_no_side_environment(run: ModuleType) -> None:
    run.prepare("dev")
    assert run.asked == ["anew", "dev"]


def test_a_side_environment_that_was_asked_for_once_is_kept_as_locked(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.prepare("aws", "aws-server")
    before = run.digest
    changed = run.SIDES["aws-server"]
    monkeypatch.setattr(run, "digest", lambda *locks: before(*locks) + "changed" * (changed in locks))
    run.prepare("runtime")
    run.prepare("runtime")
    assert run.asked == ["anew", "aws", "aws-server", "aws-server"]


def test_a_side_environment_cut_short_is_made_anew_and_the_others_stay(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(files: list[str], into: Path) -> None:
        (into.parent / "half-written").touch()
        raise KeyboardInterrupt

    run.prepare("runtime", "cdk")
    with monkeypatch.context() as patch:
        patch.setattr(run, "install_locked", killed)
        with pytest.raises(KeyboardInterrupt):
            run.prepare("runtime", "aws-server")
    run.prepare("runtime", "aws-server")
    assert run.asked == ["anew", "runtime", "cdk", "aws-server"]
    assert not (run.ENV / "aws-server" / "bin" / "half-written").exists()


def test_what_pip_was_told_uv_is_told(run: ModuleType) -> None:
    told = {"index-url": "https://a/simple", "extra-index-url": "https://b/simple\nfile:///c", "find-links": "/d /e"}
    assert run.for_uv(told | {"cert": "/f.pem", "retries": "3"}) == {
        "UV_DEFAULT_INDEX": "https://a/simple",
        "UV_EXTRA_INDEX_URL": "https://b/simple file:///c",
        "UV_FIND_LINKS": "/d,/e",
        "SSL_CERT_FILE": "/f.pem",
    }


def test_what_uv_has_no_word_for_is_left_to_pip(run: ModuleType) -> None:
    assert run.for_uv({"client-cert": "/me.pem"}) is None
    assert run.for_uv({"no-index": "true", "find-links": "/wheels"}) is None


def test_the_settings_of_pip_are_those_that_pip_goes_by(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Variables before the section ``[install]``, and that before ``[global]``."""
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nfind-links = /a\ntimeout = 5\ncert = /g\n[install]\nfind-links = /b\ntimeout = 6\n")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    monkeypatch.setenv("PIP_TIMEOUT", "7")
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setattr(run, "PYTHON", Path(sys.executable))
    found = run.pip_settings()
    assert {name: found.get(name) for name in ("find-links", "timeout", "cert", "target")} == {
        "find-links": "/b",
        "timeout": "7",
        "cert": "/g",
        "target": None,
    }


@pytest.mark.parametrize(
    ("there", "able", "asked"), [(True, True, "uv"), (True, False, "uv pip"), (False, True, "pip")]
)
def test_uv_installs_where_it_is_there_and_able_and_pip_where_it_is_not(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, there: bool, able: bool, asked: str
) -> None:
    called: list[str] = []

    def installer(name: str, able: bool) -> Callable[..., bool]:
        def install(*_: str, into: Path) -> bool:
            called.append(name)
            return able

        return install

    monkeypatch.setattr(run, "uv", installer("uv", able))
    monkeypatch.setattr(run, "pip", installer("pip", True))
    if there:
        run.UV.parent.mkdir(parents=True)
        run.UV.touch()
    assert run.added("--no-deps", "something")
    assert called == asked.split()


def test_no_setting_of_uv_itself_and_no_address_reaches_the_arguments(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Everyone on a machine can read the arguments of a process, and an address may hold a password."""
    seen = tmp_path / "seen"
    run.UV.parent.mkdir(parents=True)
    run.UV.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" > {seen}\nenv | grep ^UV_ | sort >> {seen}\n')
    run.UV.chmod(0o700)
    monkeypatch.setenv("UV_FIND_LINKS", "/somewhere")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", "/cache")
    monkeypatch.setattr(run, "pip_settings", lambda: {"index-url": "https://me:secret@mirror/simple"})
    assert run.uv("--require-hashes", "-r", "lock", into=Path("there"))
    arguments, *variables = seen.read_text().splitlines()
    assert "secret" not in arguments
    assert arguments.endswith("--python there --require-hashes -r lock")
    assert variables == ["UV_CACHE_DIR=/cache", "UV_DEFAULT_INDEX=https://me:secret@mirror/simple"]


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
