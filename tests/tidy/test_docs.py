"""Docs are tested: a link leads somewhere, a command that exists is described, a path that is named is there."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
from cyclopts import CycloptsError

from tests.tidy.repository import ROOT, relative, texts, tracked

LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)|!\[[^\]]*\]\((?P<image>[^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} (?P<text>.+)$", re.MULTILINE)
#: `packages/…` in backticks is a promise that it exists; a star stands for any name.
PATH = re.compile(r"`(?P<path>(?:packages|tests|docs|benchmarks|requirements|examples|\.ci)/[\w./*-]+)`")
COMMANDS = ROOT / "docs/commands.md"
SHELL = re.compile(r"^```(?:sh|console|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: A line of a shell that runs the program, as an installed one or from a checkout: `$ ./run aws demo FOLDER --keep`.
RUNS = re.compile(
    r"(?P<prompt>\$ )?(?:[A-Z_]+=\S+ )*(?:\./run (?P<short>parjanya|aws|demo)|parjanya)(?= |$)(?P<rest>.*)"
)
ENDS = {"|", "||", "&", "&&", ";", ">", "2>"}


@cache
def pages() -> dict[Path, str]:
    """Every tracked Markdown page with its text, code blocks left out."""
    return {path: FENCE.sub("", text) for path, text in texts() if path.suffix == ".md"}


def anchor(heading: str) -> str:
    """The name that a heading gets in a rendered page."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {anchor(match["text"]) for match in HEADING.finditer(FENCE.sub("", page.read_text()))}


def broken(page: Path, text: str) -> list[str]:
    """The targets in *text* that lead nowhere; addresses outside of the repository are not followed."""
    found = []
    for match in LINK.finditer(text):
        target = match["target"] or match["image"]
        place, _, fragment = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.parent / unquote(place)).resolve() if place else page
        if not file.exists() or (fragment and file.suffix == ".md" and fragment not in anchors(file)):
            found.append(f"{relative(page)}: {target}")
    return found


def test_every_link_inside_the_repository_leads_somewhere() -> None:
    assert [target for page, text in pages().items() for target in broken(page, text)] == []


@pytest.mark.parametrize("target", ["no-such-page.md", "README.md#no-such-heading", "docs/no-such/"])
def test_a_link_that_leads_nowhere_is_found(target: str) -> None:
    assert broken(ROOT / "README.md", f"see [this]({target})")


def test_every_path_in_backticks_is_there() -> None:
    missing = [
        f"{relative(page)}: {match['path']}"
        for page, text in pages().items()
        if page.name != "CHANGELOG.md"  # it tells of files that have gone
        for match in PATH.finditer(text)
        if not any(ROOT.glob(match["path"].rstrip("/")))
    ]
    assert missing == []


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    headings = [match["text"] for match in HEADING.finditer((ROOT / "CHANGELOG.md").read_text())]
    assert headings[:2] == ["Changelog", "[Unreleased]"]


def test_every_decision_is_listed_and_numbered_without_gaps() -> None:
    records = sorted(path.name for path in tracked() if path.parent == ROOT / "docs/adr" and path.name[0].isdigit())
    index = (ROOT / "docs/adr/README.md").read_text()
    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))
    assert [name for name in records if f"]({name})" not in index] == []


def test_every_decision_gives_its_reasons_and_what_it_costs() -> None:
    records = [path for path in pages() if path.parent == ROOT / "docs/adr" and path.name != "README.md"]
    wanted = {"context", "decision", "consequences", "what-would-change-it"}
    assert {path.name: wanted - anchors(path) for path in records if wanted - anchors(path)} == {}


def test_every_command_of_the_program_is_described() -> None:
    if not (ROOT / "packages/parjanya/src/parjanya/cli/main.py").exists():
        pytest.skip("there is no command line yet")
    app = importlib.import_module("parjanya.cli.main").app
    commands = [name for name in app if not name.startswith("-")]
    described = set(re.findall(r"^#+ `(?:parjanya )?([a-z][a-z-]*)", COMMANDS.read_text(), re.MULTILINE))
    assert commands
    assert sorted(set(commands) - described) == []
    assert sorted(described - set(commands)) == []


def test_every_run_command_that_a_page_shows_exists() -> None:
    known = set(re.findall(r"^  ([a-z-]+) ", (ROOT / "run").read_text(), re.MULTILINE))
    shown = {
        (relative(path), name)
        for path, text in texts()
        if path.suffix == ".md"
        for name in re.findall(r"\./run ([a-z-]+)", text)
    }
    assert {name for _, name in shown} >= {"demo", "test", "check"}
    assert sorted(pair for pair in shown if pair[1] not in known) == []


def shown(text: str) -> Iterator[list[str]]:
    """The arguments of every command of the program that a page shows."""
    for block in SHELL.findall(text):
        lines = block.replace("\\\n", " ").splitlines()
        console = any(line.startswith("$ ") for line in lines)
        for line in lines:
            found = RUNS.match(line)
            if found is None or (console and not found["prompt"]):
                continue
            words = shlex.split(found["rest"], comments=True)
            words = words[: next((place for place, word in enumerate(words) if word in ENDS), len(words))]
            if "…" not in words:
                yield [found["short"], *words] if found["short"] in ("aws", "demo") else words


def wrong(words: list[str]) -> str | None:
    """Why the program would not take *words*; nothing is run."""
    app = importlib.import_module("parjanya.cli.main").app
    try:
        app.parse_args(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        return type(error).__name__
    return None


def test_every_command_line_that_a_page_shows_is_one_that_the_program_takes() -> None:
    lines = [(relative(path), words) for path, text in texts() if path.suffix == ".md" for words in shown(text)]
    assert len(lines) > 40
    assert [(page, words, why) for page, words in lines if (why := wrong(words)) is not None] == []


@pytest.mark.parametrize("line", ["./run aws FOLDER", "parjanya status --every", "$ ./run parjanya curat DIR # so"])
def test_a_command_line_that_the_program_does_not_take_is_found(line: str) -> None:
    (words,) = shown(f"```sh\n{line}\n```")
    assert wrong(words)
