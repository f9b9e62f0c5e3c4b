"""Small enough to be read in one sitting. The aims are 150 lines and 40; these are the limits."""

from __future__ import annotations

import ast

from tests.tidy.repository import python, relative, tree

LINES_OF_A_MODULE = 300
LINES_OF_A_FUNCTION = 70

#: Longer modules, each with the reason why splitting it would make it harder to read.
LONGER: dict[str, str] = {
    "run": "one file that needs nothing installed: it is there before anything it could import",
    "benchmarks/medium/pages.py": "templates of pages to draw: text, not logic",
    "packages/tbie/src/tbie/truth.py": "the contract of Truth in one place: values, commands, protocol; half is docstrings",
    "packages/parjanya/tests/unit/imaging/test_decode.py": "one list: each way a file can be wrong, with its answer",
}


def test_a_module_has_at_most_300_lines() -> None:
    long = {relative(path): len(path.read_text().splitlines()) for path in python()}
    long = {name: lines for name, lines in long.items() if lines > LINES_OF_A_MODULE and name not in LONGER}
    assert not long, f"split by concern, or add to LONGER with the reason: {long}"


def test_an_exception_from_the_length_is_still_needed() -> None:
    lengths = {relative(path): len(path.read_text().splitlines()) for path in python()}
    assert [name for name in LONGER if lengths.get(name, 0) <= LINES_OF_A_MODULE] == []


def test_a_function_has_at_most_70_lines() -> None:
    long = [
        f"{relative(path)}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path in python()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= LINES_OF_A_FUNCTION
    ]
    assert long == []


def test_a_module_says_what_it_is_for() -> None:
    silent = [relative(path) for path in python() if tree(path).body and not ast.get_docstring(tree(path))]
    assert silent == []
