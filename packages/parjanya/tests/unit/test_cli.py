"""The edges of the command line: usage, exit codes, and output that survives every name."""

from __future__ import annotations

import errno
import importlib
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parjanya.cli import main
from parjanya.cli.common import Common, Exit, UsageError, check_tenant, json_text, workers_or_default
from parjanya.home import DEFAULT_NAME


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["curate"], "PATHS"),
        (["curate", "x", "--engine", "oracle"], "classical"),
        (["curate", "x", "--engine", "openai"], "--base-url"),
        (["serve", "--model", "qwen"], "--engine openai"),
        (["curate", "x", "--policy", "astrology"], "culling"),
        (["curate", "x", "--workers", "0"], "at least 1"),
        (["curate", "x", "--tenant", ""], "tenant"),
        (["ingest", "x", "--tenant", "a\nb"], "tenant"),
        (["curat", "x"], "curat"),
        (["status"], "there is nothing in"),
        (["serve", "--port", "99999"], "a port is 0 (any free one) to 65535, not 99999"),
        (["serve", "--workers", "-1"], "at least 1"),
        (["replay", "--where", "colour == 1", "--from", "quality", "--reason", "r"], "no field 'colour'"),
        (["worker", "--pool", "gpu"], "images"),
        (["reconcile"], "--once"),
    ],
)
def test_wrong_usage_does_nothing_and_says_what_would_be_right(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    expected: str,
) -> None:
    monkeypatch.setenv("PARJANYA_HOME", str(tmp_path / "home"))
    assert main.run(arguments) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


@given(st.recursive(st.none() | st.booleans() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_json_output_says_exactly_what_it_is_given_in_printable_characters(value: object) -> None:
    text = json_text(value, indent=2)
    assert json.loads(text) == value
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "\n" not in json_text(value)


@given(st.binary())
def test_json_output_can_always_be_encoded_even_for_names_that_are_not_utf8(name: bytes) -> None:
    value = name.decode("utf-8", "surrogateescape")
    assert json.loads(json_text(value).encode("utf-8")) == value


def test_json_output_is_plain_where_the_terminal_knows_no_unicode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    assert json_text("Käfer 🪲") == r'"K\u00e4fer \ud83e\udeb2"'


@pytest.mark.parametrize("tenant", ["", "a\nb", "x" * 129, "\udcff", "\x1b[2J", "\u202e"])
def test_what_cannot_be_a_tenant(tenant: str) -> None:
    with pytest.raises(UsageError, match="printable"):
        check_tenant(tenant)


@pytest.mark.parametrize("tenant", ["default", "Müller & Söhne", "東京", "x" * 128])
def test_what_can_be_a_tenant(tenant: str) -> None:
    assert check_tenant(tenant) == tenant


@pytest.mark.parametrize(("text", "expected"), [("3", 3), (" 2 ", 2)])
def test_workers_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, text: str, expected: int) -> None:
    monkeypatch.setenv("PARJANYA_WORKERS", text)
    assert workers_or_default(None) == expected
    assert workers_or_default(7) == 7


@pytest.mark.parametrize("text", ["many", "0", "-2", "1.5"])
def test_a_number_of_workers_that_is_none_is_wrong_usage(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PARJANYA_WORKERS", text)
    with pytest.raises(UsageError):
        workers_or_default(None)


@pytest.mark.parametrize("home", [None, Path()])
def test_a_home_that_is_not_named_is_a_folder_of_its_own(home: Path | None) -> None:
    assert Common(home=home).root == Path.cwd() / DEFAULT_NAME


def test_what_the_machine_refuses_is_one_line_with_a_remedy() -> None:
    assert main.words(FileNotFoundError(errno.ENOENT, "No such file or directory", "a/b")) == (
        "a/b: no such file or directory"
    )
    full = main.words(OSError(errno.ENOSPC, "No space left on device"))
    assert full == "no space left on device. Free space and run the same command again; nothing committed is lost."


def test_a_command_loads_neither_other_commands_nor_what_works_on_pixels(tmp_path: Path) -> None:
    """Most of what a command costs on a small home is the import of what it uses."""
    looking = (
        "import sys; from parjanya.cli.main import run; run(['status', '--home', sys.argv[1]]);"
        "print([name for name in sys.argv[2:] if name in sys.modules])"
    )
    heavy = [
        "numpy",
        "rawpy",
        "rich.progress",
        "uvicorn",
        "multiprocessing",
        "parjanya.cli.policy",
        "parjanya.cli.drill",
    ]
    ran = subprocess.run(
        [sys.executable, "-c", looking, str(tmp_path), *heavy], check=True, capture_output=True, text=True
    )
    assert ran.stdout.strip() == "[]"
    assert "there is nothing in" in ran.stderr


def test_the_list_of_commands_says_what_each_does(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--help"], ["-h"]):
        assert main.run(arguments) == 0
        lines = capsys.readouterr().out.splitlines()
        described = {line.split()[1] for line in lines if len(line.split()) > 3}
        assert described >= main.COMMANDS.keys()


def test_the_errors_that_mean_wrong_usage_are_where_the_program_looks_for_them() -> None:
    for module, name in main.USAGE:
        assert issubclass(getattr(importlib.import_module(module), name), Exception)


def test_exit_codes_have_one_meaning() -> None:
    assert [main.DONE, main.BROKE, main.WRONG_USE, main.NOT_WELL] == [Exit.DONE, Exit.BROKE, Exit.USAGE, Exit.NOT_WELL]


def test_an_error_that_has_no_words_for_the_user_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(main, "_import", broken)
    with pytest.raises(ZeroDivisionError):
        main.run(["status"])
