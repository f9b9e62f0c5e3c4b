"""A setting carries its unit in its name and its reason beside it. 30 what, and why 30?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tidy.repository import relative, sources, tree

SETTINGS = re.compile(r"(Settings|Limits|Options|Budget)$")
#: Words that announce a quantity with a unit …
QUANTITY = re.compile(
    r"(^|_)(timeout|deadline|visibility|retention|interval|period|delay|backoff|age|ttl|lease|cooldown|duration|wait|budget|grace"
    r"|size|memory|side|width|height|length|space|quota|lag|window)(_|$)"
)
#: … and the units that a name may end in. A share, a rate and a count are units too.
UNIT = re.compile(r"_(s|ms|us|ns|min|h|days|px|mpx|bytes|kib|mib|gib|per_s|share|ratio|count|items|rows|lines)$")

Field = tuple[int, str, bool]
"""Line, name, whether a reason stands beside it."""


def fields(source: str) -> Iterator[Field]:
    """The numeric fields of every settings dataclass in *source*."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and SETTINGS.search(node.name) and node.decorator_list:
            for field, following in zip(node.body, [*node.body[1:], None], strict=True):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    documented = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
                    last = lines[(field.end_lineno or field.lineno) - 1]
                    commented = "# " in last or lines[field.lineno - 2].lstrip().startswith("#")
                    yield field.lineno, field.target.id, documented or commented


def unitless(source: str) -> list[tuple[int, str]]:
    """Fields that name a quantity and no unit."""
    return [(line, name) for line, name, _ in fields(source) if QUANTITY.search(name) and not UNIT.search(name)]


def unexplained(source: str) -> list[tuple[int, str]]:
    """Fields without a comment or a docstring beside them."""
    return [(line, name) for line, name, explained in fields(source) if not explained]


def settings_files() -> list[Path]:
    return [
        path
        for path in sources()
        if any(isinstance(node, ast.ClassDef) and SETTINGS.search(node.name) for node in ast.walk(tree(path)))
    ]


def test_a_setting_carries_its_unit() -> None:
    found = {relative(path): found for path in settings_files() if (found := unitless(path.read_text()))}
    assert found == {}


def test_a_setting_gives_its_reason() -> None:
    found = {relative(path): found for path in settings_files() if (found := unexplained(path.read_text()))}
    assert found == {}


HEAD = "@dataclass(frozen=True)\nclass LeaseSettings:\n"


@pytest.mark.parametrize(
    "field", ["visibility_timeout: float = 30", "max_size: int = 3", "retention_days_limit: int = 4"]
)
def test_a_quantity_without_unit_is_found(field: str) -> None:
    assert unitless(f"{HEAD}    {field}  # a reason")


@pytest.mark.parametrize("field", ["visibility_timeout_s: float = 30", "max_size_bytes: int = 3", "retries: int = 4"])
def test_a_quantity_with_unit_and_a_count_pass(field: str) -> None:
    assert unitless(f"{HEAD}    {field}  # a reason") == []


@pytest.mark.parametrize(
    ("field", "explained"),
    [
        ("    timeout_s: int = 3", False),
        ("    timeout_s: int = 3  # longer than the slowest camera", True),
        ("    # longer than the slowest camera\n    timeout_s: int = 3", True),
        ('    timeout_s: int = 3\n    """Longer than the slowest camera."""', True),
    ],
)
def test_a_reason_is_a_comment_or_a_docstring_beside_the_field(field: str, explained: bool) -> None:
    assert (unexplained(HEAD + field) == []) is explained
