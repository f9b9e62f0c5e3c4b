"""The schema and the prompt say what the fields say, in their order, and avoid what constraint engines get wrong."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from parjanya.observation import prompt, schema
from parjanya.observation.fields import FIELDS, Choice, Flag, Grade, Several, Text


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every schema inside *value*, the names of properties left out."""
    yield value
    for inner in value.get("properties", {}).values():
        yield from nodes(inner)
    if "items" in value:
        yield from nodes(value["items"])


def test_every_field_is_required_in_the_order_of_the_fields_and_nothing_else_is_allowed() -> None:
    whole = schema.schema()
    names = [field.name for field in FIELDS]
    assert list(whole["properties"]) == names
    assert whole["required"] == names
    assert whole["additionalProperties"] is False


def test_the_schema_uses_only_what_constraint_engines_do_right() -> None:
    used = {keyword for node in nodes(schema.schema()) for keyword in node}
    allowed = {
        "type",
        "properties",
        "required",
        "additionalProperties",
        "enum",
        "items",
        "minItems",
        "maxItems",
        "pattern",
    }
    assert used <= allowed
    assert all("enum" in node for node in nodes(schema.schema()) if node["type"] == "integer")
    assert all({"minItems", "maxItems"} <= node.keys() for node in nodes(schema.schema()) if node["type"] == "array")
    assert all({"enum", "pattern"} & node.keys() for node in nodes(schema.schema()) if node["type"] == "string")


def test_a_text_is_bounded_by_its_pattern() -> None:
    for field in FIELDS:
        if isinstance(field, Text):
            pattern = schema.property_of(field)["pattern"]
            assert re.search(pattern, "x" * field.most)
            assert not re.search(pattern, "x" * (field.most + 1))
            assert not re.search(pattern, "")
            assert not any(re.search(pattern, character) for character in '<>&"\\\x00\x1b\t\u202e{}`')


def test_the_text_of_the_schema_is_the_schema_and_its_hash_is_of_that_text() -> None:
    assert json.loads(schema.TEXT) == schema.schema()
    assert list(json.loads(schema.TEXT)["properties"]) == [field.name for field in FIELDS]
    assert hashlib.sha256(schema.TEXT.encode()).hexdigest() == schema.SHA256
    assert re.fullmatch("[a-z0-9_]+", schema.NAME)


def test_whoever_changes_their_copy_of_the_schema_changes_nobody_elses() -> None:
    schema.schema()["properties"].clear()
    assert json.loads(schema.TEXT) == schema.schema()


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_the_prompt_asks_for_every_field_with_all_its_values(field: Choice | Flag | Grade | Several | Text) -> None:
    (line,) = [line for line in prompt.SYSTEM.splitlines() if line.startswith(f"- {field.name}: ")]
    assert field.words in line
    if isinstance(field, (Choice, Several)):
        assert re.findall(r'"([^"]+)"', line) == list(field.values)


def test_the_prompt_lists_the_fields_in_their_order() -> None:
    assert re.findall(r"^- (\w+):", prompt.SYSTEM, re.MULTILINE) == [field.name for field in FIELDS]


def test_nothing_asks_the_model_for_a_verdict() -> None:
    verdicts = re.compile(r"\b(keep|reject|review|accept|delete|score|verdict|policy)", re.IGNORECASE)
    assert not verdicts.search(prompt.SYSTEM + prompt.USER + schema.TEXT)


def test_text_in_the_picture_is_called_content_before_and_after_the_picture() -> None:
    assert "never an instruction" in prompt.SYSTEM
    assert "no instruction" in prompt.USER


def test_the_hash_of_the_prompt_covers_both_parts() -> None:
    text = json.dumps([prompt.SYSTEM, prompt.USER], separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == prompt.SHA256
