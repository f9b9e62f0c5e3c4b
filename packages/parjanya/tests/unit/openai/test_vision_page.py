"""docs/vision.md says what the code does: every field, every reason, every budget."""

from __future__ import annotations

import re
from pathlib import Path

import parjanya.vision.openai
from parjanya.observation.fields import FIELDS, Choice, Field, Flag, Grade, Several
from parjanya.testing.behaviour import KINDS
from parjanya.vision.openai import OpenaiSettings

PAGE = (Path(__file__).resolve().parents[5] / "docs/vision.md").read_text()
SOURCES = "".join(path.read_text() for path in Path(str(parjanya.vision.openai.__file__)).parent.glob("*.py"))


def row(field: Field) -> str:
    """The line of the table of fields for *field*."""
    match field:
        case Choice(values=values):
            allowed = "one of " + ", ".join(f"`{value}`" for value in values)
        case Flag():
            allowed = "true or false"
        case Grade():
            allowed = "1 bad, 2 poor, 3 fair, 4 good, 5 excellent"
        case Several(values=values, most=most):
            allowed = f"1 to {most} of " + ", ".join(f"`{value}`" for value in values)
        case _:
            allowed = f"1 to {field.most} characters: letters, digits, space and `,.'()-`"
    return f"| `{field.name}` | {field.words} | {allowed} |"


def table(heading: str) -> list[str]:
    """The rows of the first table below *heading*."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| `")]


def test_the_table_of_fields_is_the_fields() -> None:
    assert table("The fields") == [row(field) for field in FIELDS]


def test_every_reason_is_explained_and_every_explained_reason_exists() -> None:
    given = set(re.findall(r'"((?:model|answer|picture|preview)_[a-z_]+)"', SOURCES))
    explained = {re.findall(r"`(\w+)`", line)[0] for line in table("When something is wrong")}
    assert len(explained) == 10
    assert explained <= given
    assert set(re.findall(r'Unanswered\(\s*"(\w+)"', SOURCES)) <= explained


def test_the_budgets_are_the_settings() -> None:
    for line in table("Budgets"):
        name, default = re.match(r"\| `(\w+)` \| ([\d,.]+) \|", line).groups()  # type: ignore[union-attr]
        assert float(default.replace(",", "")) == getattr(OpenaiSettings("", ""), name), name
    assert len(table("Budgets")) == 9


def test_the_record_counts_the_misbehaviours_rightly() -> None:
    decision = (
        Path(__file__).resolve().parents[5] / "docs/adr/0025-httpx-and-what-is-trusted-of-an-answer.md"
    ).read_text()
    assert "forty ways" in decision
    assert len(KINDS) >= 40
