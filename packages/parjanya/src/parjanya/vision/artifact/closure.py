"""Remote code: the Python files that a model folder would make a loader run, followed to the last import.

Caller: ``examine``. The policy is that none runs: a folder that needs some cannot be baked. The closure is followed all the same,
because the message then names everything that somebody would have to bring along: the incident behind this was a folder
with its weights and without the file of its processor.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from parjanya.vision.artifact.problems import Problem, file, shown

MOST_FILES = 200
MOST_REFERENCES = 200


@dataclass(frozen=True, slots=True)
class Needed:
    """One file of code that would be run."""

    name: str
    because: str
    """Who names it."""
    repo: str = ""
    """The repository that it would be fetched from, if it is not of this folder."""


def needs(documents: Mapping[str, Mapping[str, Any]], code: Callable[[str], str | None]) -> list[Needed]:
    """What the JSON *documents* (by file name) make a loader import, and what that imports.

    *code* gives the text of a Python file of the folder, None if there is none.
    """
    todo = [needed for name, document in sorted(documents.items()) for needed in _references(name, document)]
    found: dict[tuple[str, str], Needed] = {}
    while todo and len(found) < MOST_FILES:
        needed = todo.pop(0)
        if (needed.repo, needed.name) in found:
            continue
        found[needed.repo, needed.name] = needed
        text = None if needed.repo else code(needed.name)
        if text is not None:
            todo += [Needed(name, f"imported by {shown(needed.name)}") for name in _imports(needed.name, text)]
    return list(found.values())


def refuse(needed: list[Needed], exists: Callable[[str], bool]) -> list[Problem]:
    """Why each cannot be: code of another repository, code that is missing, code at all."""
    problems = []
    for one in needed:
        if one.repo:
            words = f"{one.because} names code of the repository {shown(one.repo)}: nothing is fetched, and no such code is run"
        elif exists(one.name):
            words = f"{one.because} needs this code: a model that brings its own code is not run"
        else:
            words = (
                f"{one.because} needs this code, which is missing; a model that brings its own code is not run anyway"
            )
        problems.append(Problem(file(one.name), words))
    return problems


def describe(needed: list[Needed]) -> dict[str, Any]:
    """The component ``remote_code`` of a manifest."""
    return {"allowed": False, "files": sorted(f"{one.repo}--{one.name}" if one.repo else one.name for one in needed)}


def _references(source: str, document: Mapping[str, Any]) -> Iterator[Needed]:
    mapped = document.get("auto_map")
    named = list(mapped.items())[:MOST_REFERENCES] if isinstance(mapped, dict) else []
    pipelines = document.get("custom_pipelines")
    if isinstance(pipelines, dict):
        named += [(key, value.get("impl")) for key, value in pipelines.items() if isinstance(value, dict)][
            :MOST_REFERENCES
        ]
    for key, value in named:
        for reference in value if isinstance(value, list) else [value]:
            if isinstance(reference, str) and reference:
                repo, _, dotted = reference.rpartition("--")
                module = dotted.rpartition(".")[0] or dotted
                yield Needed(f"{module.replace('.', '/')}.py", f"{shown(source)} ({shown(str(key), 40)})", repo)


def _imports(name: str, text: str) -> Iterator[str]:
    """The files that the Python *text* of the file *name* imports relatively; a text that is no Python imports nothing."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    package = name.split("/")[:-1]
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = package[: len(package) - node.level + 1]
        modules = [node.module.replace(".", "/")] if node.module else [alias.name for alias in node.names]
        yield from ("/".join([*base, f"{module}.py"]) for module in modules)
