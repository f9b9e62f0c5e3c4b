"""The checkout as data, for the house rules: which files are ours, and what their syntax trees say.

Callers: the tests of this folder. Only tracked files are read: a build output or an editor's leftovers never count.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KERNEL = ROOT / "packages/tbie/src/tbie"
APPLICATION = ROOT / "packages/parjanya/src/parjanya"


@cache
def tracked() -> tuple[Path, ...]:
    """Files that git knows or would add, without symbolic links; in a source archive, every file but caches."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
        files = [ROOT / name for name in listing if name]
    except (OSError, subprocess.CalledProcessError):
        hidden = (".venv", ".git", "__pycache__", "node_modules")
        files = [path for path in ROOT.rglob("*") if not set(hidden) & set(path.relative_to(ROOT).parts)]
    return tuple(sorted(path for path in files if path.is_file() and not path.is_symlink()))


def relative(path: Path) -> str:
    """*path* as the repository names it."""
    return path.relative_to(ROOT).as_posix()


def python(*under: str) -> list[Path]:
    """Tracked Python files below the folders *under* (repository-relative); everywhere without arguments."""
    prefixes = under or ("",)
    found = [path for path in tracked() if path.suffix == ".py" or path == ROOT / "run"]
    return [path for path in found if relative(path).startswith(prefixes)]


def sources() -> list[Path]:
    """The Python files of both packages, tests left out."""
    return python("packages/tbie/src/", "packages/parjanya/src/")


def in_tests() -> list[Path]:
    """Every Python file of every tests folder."""
    return [path for path in python() if "tests" in path.relative_to(ROOT).parts]


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of *path*."""
    return ast.parse(path.read_text(), filename=str(path))


def texts() -> Iterator[tuple[Path, str]]:
    """Every tracked file that is text, with its text."""
    for path in tracked():
        data = path.read_bytes()
        if b"\0" not in data:
            yield path, data.decode()


def module_name(path: Path) -> str:
    """``packages/tbie/src/tbie/core/keys.py`` → ``tbie.core.keys``."""
    parts = list(path.with_suffix("").parts)
    parts = parts[parts.index("src") + 1 :]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Dotted names that *path* imports anywhere in it; ``from a import b`` counts as ``a`` and ``a.b``."""
    package = module_name(path).split(".")
    package = package if path.stem == "__init__" else package[:-1]
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            prefix = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*prefix, *([node.module] if node.module else [])])
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found
