"""Time, chance and identifiers enter through tbie.core alone, so that a test or a simulation can own them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.tidy.repository import in_tests, relative, sources, tree

CLOCKS = {
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.perf_counter_ns",
}
WAITS = {"time.sleep", "asyncio.sleep"}
DATES = {"datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"}
CHANCE = {"random", "numpy.random", "secrets", "os.urandom", "uuid.uuid1", "uuid.uuid4"}
#: Generators: they repeat themselves when handed a seed, and only then.
SEEDED = {"random.Random", "numpy.random.default_rng", "numpy.random.Generator"}

SOURCES_OF_TIME_AND_CHANCE = {
    "packages/tbie/src/tbie/core/clock.py",
    "packages/tbie/src/tbie/core/ids.py",
    "packages/tbie/src/tbie/testing/aws/launcher.py",  # replaces the clock of another process: tests own that one too
}


def names_in(module: ast.Module) -> dict[str, str]:
    """Local name → dotted name, for everything that *module* imports."""
    names: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.split(".")[0]
                names[alias.asname or root] = alias.name if alias.asname else root
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def dotted(node: ast.AST, names: dict[str, str]) -> str | None:
    """``np.random.rand`` → ``numpy.random.rand``; None for what does not begin with an imported name."""
    match node:
        case ast.Name(id=name):
            return names.get(name)
        case ast.Attribute(value=value, attr=attr):
            base = dotted(value, names)
            return f"{base}.{attr}" if base else None
        case _:
            return None


def uses(module: ast.Module, banned: set[str]) -> list[tuple[int, str]]:
    """Line and dotted name of each use of something *banned* or below it."""
    names = names_in(module)
    nodes = list(ast.walk(module))
    inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    unseeded = {id(node.func) for node in nodes if isinstance(node, ast.Call) and not (node.args or node.keywords)}
    found = []
    for node in nodes:
        if not isinstance(node, ast.Name | ast.Attribute) or id(node) in inner:
            continue
        name = dotted(node, names)
        if name is None or (name in SEEDED and id(node) not in unseeded):
            continue
        if any(name == ban or name.startswith(f"{ban}.") for ban in banned):
            found.append((node.lineno, name))
    return found


def offences(paths: list[Path], banned: set[str]) -> list[str]:
    return [
        f"{relative(path)}:{line} {name}"
        for path in paths
        if relative(path) not in SOURCES_OF_TIME_AND_CHANCE
        for line, name in uses(tree(path), banned)
    ]


def test_the_packages_take_time_from_the_clock_they_are_handed() -> None:
    assert offences(sources(), CLOCKS | WAITS | DATES) == []


def test_the_packages_take_chance_and_identifiers_from_what_they_are_handed() -> None:
    assert offences(sources(), CHANCE) == []


def test_a_test_never_sleeps() -> None:
    assert offences(in_tests(), WAITS) == []


@pytest.mark.parametrize(
    "code",
    [
        "import time\ntime.sleep(1)",
        "import time as t\nt.time()",
        "from time import monotonic as m\nm()",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime\ndatetime.now()",
        "import random\nrandom.random()",
        "import random\nrandom.Random()",
        "import numpy as np\nnp.random.default_rng()",
        "from uuid import uuid4\nuuid4()",
        "import os\nos.urandom(8)",
    ],
)
def test_the_rule_sees_through_aliases(code: str) -> None:
    assert uses(ast.parse(code), CLOCKS | WAITS | DATES | CHANCE)


@pytest.mark.parametrize(
    "code",
    [
        "import random\nrandom.Random(7)",
        "import numpy as np\nrng = np.random.default_rng(seed)",
        "import random\ndef draw(chance: random.Random) -> None: ...",
        "clock.sleep(1)",
        "from datetime import datetime\ndatetime.fromtimestamp(0)",
    ],
)
def test_the_rule_lets_seeded_generators_and_handed_in_clocks_pass(code: str) -> None:
    assert uses(ast.parse(code), CLOCKS | WAITS | DATES | CHANCE) == []
