"""``docs/formats.md`` names every code, warning, limit and format there is, and none that there is not."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import parjanya.imaging
from parjanya.imaging.limits import Limits
from parjanya.imaging.refusal import CODES, WARNINGS

PAGE = Path(__file__).parents[5] / "docs" / "formats.md"
SOURCES = Path(str(parjanya.imaging.__file__)).parent


def rows(heading: str) -> dict[str, str]:
    """The table under *heading*: first column in backquotes → second column."""
    section = PAGE.read_text("utf-8").split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", section, re.MULTILINE))


def test_every_refusal_is_documented_with_its_meaning() -> None:
    assert rows("Refusals") == dict(CODES)


def test_every_warning_is_documented_with_its_meaning() -> None:
    assert rows("Warnings") == dict(WARNINGS)


def test_every_limit_is_documented() -> None:
    assert set(rows("Limits")) == {field.name for field in fields(Limits)}


def test_every_code_and_warning_in_the_source_is_a_known_one_and_each_is_used() -> None:
    texts: set[str] = set()
    for path in [*SOURCES.glob("*.py"), *(SOURCES.parent / "stages").glob("*.py")]:
        if path.name != "refusal.py":
            tree = ast.parse(path.read_text("utf-8"))
            texts |= {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    assert (set(CODES) | set(WARNINGS)) - texts == set()
