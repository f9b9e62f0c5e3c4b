"""Which modules a module reaches by imports, read from the sources without running them.

Imports inside functions count: a function that is called once a year must not miss a file then. What a package leaves out on
purpose it names (``without``).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple


class Reached(NamedTuple):
    """What belongs into a package."""

    files: list[tuple[Path, Path]]
    """(folder of sources, file in it), in order."""
    foreign: set[str]
    """Top-level modules that are neither ours nor Python's."""


def reach(entry: str, sources: Sequence[Path], without: frozenset[str] = frozenset()) -> Reached:
    """Everything that *entry* imports, directly or not, of the packages in *sources*."""
    found: dict[str, tuple[Path, Path]] = {}
    foreign: set[str] = set()
    waiting = [entry]
    ours = {path.name for source in sources for path in source.iterdir() if path.is_dir()}
    while waiting:
        name = waiting.pop()
        if name in found or name in without:
            continue
        if name.split(".")[0] not in ours:
            if name.split(".")[0] not in sys.stdlib_module_names:
                foreign.add(name.split(".")[0])
            continue
        place = _file(name, sources)
        if place is None:
            continue  # a name inside a module
        found[name] = place
        waiting += [name.rpartition(".")[0]] if "." in name else []
        waiting += _imports(place[1])
    return Reached([found[name] for name in sorted(found)], foreign)


def _file(name: str, sources: Sequence[Path]) -> tuple[Path, Path] | None:
    relative = Path(*name.split("."))
    for source in sources:
        for path in (source / relative / "__init__.py", source / relative.with_suffix(".py")):
            if path.exists():
                return source, path
    return None


def _imports(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_bytes())
    typing_only = {id(inner) for node in ast.walk(tree) if _is_typing(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_typing(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
