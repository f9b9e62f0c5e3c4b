"""What a tracked file may hold: the project's own text, on nobody's machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tidy.repository import ROOT, relative, texts, tracked

#: Where build machines keep things, this checkout, and the home of whoever runs this. An invented path is fine.
OWN = [str(path) for path in (ROOT, Path.home()) if len(path.parts) > 2]
MACHINE = re.compile("|".join([r"(?<![\w./-])/(?:root|work|workspace)/[a-z]", *map(re.escape, OWN)]))
#: Hosts of package registries: a lock or a script that names one ties the project to it.
REGISTRY = re.compile("|".join(["pypi" + r"\.org", "python" + "hosted", "registry" + r"\.npmjs"]))
UNFINISHED = re.compile(r"\b(?:TO" + "DO|FIX" + "ME|XX" + "X)\b")
PICTURES = {
    *(".jpg", ".jpeg", ".heic", ".heif", ".avif", ".jxl", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *(".dng", ".nef", ".cr2", ".cr3", ".arw", ".raf", ".rw2", ".orf"),
}
LIMIT_BYTES = 1 << 20


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{relative(path)}:{number} {line.strip()[:100]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert lines_with(MACHINE) == []


def test_no_file_names_a_package_registry() -> None:
    assert lines_with(REGISTRY) == []


def test_nothing_is_left_for_later_in_a_comment() -> None:
    assert lines_with(UNFINISHED) == [], "finish it, or write an issue"


@pytest.mark.parametrize("text", ["open('/ro" + "ot/x/y')", "cd /work" + "space/x", f"see {ROOT}/run"])
def test_a_machine_path_is_recognised(text: str) -> None:
    assert MACHINE.search(text)


def test_a_text_ends_with_one_newline_and_no_line_with_a_space() -> None:
    wrong = [relative(path) for path, text in texts() if text and (not text.endswith("\n") or text.endswith("\n\n"))]
    wrong += [
        f"{relative(path)}:{number}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if line != line.rstrip() and path.name != "LICENSE"
    ]
    assert wrong == []


def test_no_photograph_is_in_the_repository() -> None:
    assert [relative(path) for path in tracked() if path.suffix.lower() in PICTURES] == []


def test_a_file_is_smaller_than_a_mebibyte() -> None:
    assert [relative(path) for path in tracked() if path.stat().st_size > LIMIT_BYTES] == []


def test_both_packages_ship_the_licence_of_the_repository() -> None:
    licence = (ROOT / "LICENSE").read_bytes()
    assert b"Apache License" in licence
    assert all((ROOT / "packages" / name / "LICENSE").read_bytes() == licence for name in ("tbie", "parjanya"))
