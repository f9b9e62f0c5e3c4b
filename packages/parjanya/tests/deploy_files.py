"""Reads the alert rules and takes expressions apart, without a YAML or PromQL library. Caller: the tests of metrics."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

RULES = Path(__file__).parents[3] / "deploy" / "prometheus" / "alerts.yml"
METRICS_IN = re.compile(r"\btbie_[a-z_]+\b")

_LINE = re.compile(r'(?P<indent> *)(?P<item>- )?(?P<key>\w+):(?: (?P<text>"(?:[^"\\]|\\.)*"))?')


def alerts() -> list[tuple[str, dict[str, Any]]]:
    """Group and rule of every alert. Reads the subset of YAML that the file keeps to: nested keys, JSON strings."""
    found: list[tuple[str, dict[str, Any]]] = []
    group, under = "", ""
    for number, line in enumerate(RULES.read_text().splitlines(), 1):
        if line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        assert match, f"line {number} is not of the form that tests can read: {line}"
        key, depth = match["key"], len(match["indent"])
        text = json.loads(match["text"]) if match["text"] else None
        match key, depth:
            case ("groups", 0) | ("rules", 4):
                assert text is None
            case "name", 2:
                group = str(text)
            case "alert", 6:
                found.append((group, {"alert": text}))
            case (("labels" | "annotations"), 8):
                under = key
                found[-1][1][key] = {}
            case _, 8:
                assert key not in found[-1][1], f"line {number} says {key} twice"
                found[-1][1][key] = text
            case _, 10:
                found[-1][1][under][key] = text
            case _:
                raise AssertionError(f"line {number} is at an odd depth: {line}")
    return found


def unbalanced(expression: str) -> bool:
    """Whether a bracket or a quotation mark of *expression* has no other half."""
    bare = re.sub(r'"[^"\\]*"', "", expression)
    if '"' in bare:
        return True
    open_ones: list[str] = []
    for character in bare:
        if character in "([{":
            open_ones.append(character)
        elif character in ")]}" and (not open_ones or "([{".index(open_ones.pop()) != ")]}".index(character)):
            return True
    return bool(open_ones)


def functions_in(expression: str) -> set[str]:
    """Names of everything that is followed by a round bracket, operators between expressions left out."""
    bare = re.sub(r'"[^"]*"', "", expression)
    return set(re.findall(r"\b([a-z_]+) ?\(", bare)) - {"and", "or"}


def labels_in(expression: str) -> list[tuple[str, set[str]]]:
    """Each series with the labels that select from it, and those that it is grouped by."""
    selected = re.findall(r"(tbie_\w+)\{([^}]*)\}", expression)
    found = [(name, set(re.findall(r"(\w+)(?:=|!=|=~|!~)\"", inner))) for name, inner in selected]
    grouped = re.findall(r"by \(([\w, ]+)\) \([^()]*?\(?(tbie_\w+)", expression)
    return [*found, *((name, set(labels.split(", "))) for labels, name in grouped)]
