"""Finding codes, rules and runbook belong together: a code without a page, or a rule with a code nobody knows, fails here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tbie.core.finding import PAGES
from tbie.diagnose.catalogue import CATALOGUE, found
from tbie.diagnose.readings import PUT_RIGHT
from tbie.diagnose.verdict import EXPLAINS
from tests.tidy.repository import ROOT, python, tree

HEADINGS = ("What you see", "Why it happens", "What the system does by itself", "What you do", "Try it")
RUNBOOK = ROOT / "docs/operations/README.md"
#: Calls whose first argument, or whose argument ``code``, is a finding code.
NAMING = {"found", "Fate", "_replace"}


def emitted(module: ast.AST) -> Iterator[str]:
    """The codes that *module* names where it makes a finding, or says what became of an intent."""
    for node in ast.walk(module):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
        if name not in NAMING:
            continue
        arguments = [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg == "code")]
        for argument in arguments:
            yield from (c.value for c in ast.walk(argument) if isinstance(c, ast.Constant) and isinstance(c.value, str))


def rules() -> set[str]:
    modules = [*python("packages/tbie/src/tbie/diagnose/"), *python("packages/parjanya/src/parjanya/views/")]
    named = {code for path in modules for code in emitted(tree(path))}
    assert len(named) > 15, "the search for codes has gone blind"
    return named | set(PUT_RIGHT) | {"undiscovered_tenant"}  # chosen by an expression, and by a table


def test_a_rule_emits_only_codes_that_the_catalogue_has() -> None:
    assert sorted(rules() - set(CATALOGUE)) == []


def test_every_code_of_the_catalogue_is_emitted_by_a_rule() -> None:
    assert sorted(set(CATALOGUE) - rules()) == []


def test_a_code_that_nobody_knows_cannot_become_a_finding() -> None:
    assert list(emitted(ast.parse('found("no_such_code")'))) == ["no_such_code"]
    with pytest.raises(KeyError):
        found("no_such_code")


def test_every_code_has_its_page_and_every_page_its_code() -> None:
    assert {path.stem for path in (ROOT / PAGES).glob("*.md")} == set(CATALOGUE)


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_page_says_what_an_operator_has_to_know(code: str) -> None:
    page = (ROOT / PAGES / f"{code}.md").read_text()
    assert page.startswith(f"# `{code}`\n")
    assert tuple(re.findall(r"^## (.+)$", page, re.MULTILINE)) == HEADINGS
    sections = re.split(r"^## .+$", page, flags=re.MULTILINE)[1:]
    assert all(section.strip() for section in sections)
    meaning = " ".join(CATALOGUE[code].meaning.split())
    assert meaning in " ".join(page.split()), "the page and the catalogue say different things"


def test_the_runbook_lists_every_code_in_the_order_of_diagnosis() -> None:
    listed = re.findall(r"^\| \[`(\w+)`\]\(findings/\1\.md\)", RUNBOOK.read_text(), re.MULTILINE)
    assert listed == list(CATALOGUE)


def test_what_explains_and_what_is_explained_are_codes() -> None:
    assert set(EXPLAINS) <= set(CATALOGUE)
    assert {code for codes in EXPLAINS.values() for code in codes} <= set(CATALOGUE)
