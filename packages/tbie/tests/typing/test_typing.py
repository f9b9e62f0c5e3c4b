"""The public types hold under ``mypy --strict``, and the public names are the documented ones."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import tbie
from tbie.core import errors

ROOT = Path(__file__).parents[4]


def test_what_a_user_writes_is_accepted_and_what_is_wrong_is_not() -> None:
    pytest.importorskip("mypy")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(Path(__file__).with_name("accepted.py"))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(tbie.__file__).parent / "py.typed").exists()


def modules() -> list[str]:
    return [found.name for found in pkgutil.walk_packages(tbie.__path__, "tbie.")]


def test_every_module_says_what_it_is_for() -> None:
    assert [name for name in modules() if not importlib.import_module(name).__doc__] == []


@pytest.mark.parametrize("name", modules())
def test_public_names_are_there_and_documented(name: str) -> None:
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", ()):
        assert hasattr(module, public), f"{name}.__all__ names {public}, which is not there"
    for public, value in vars(module).items():
        if isinstance(value, type) and value.__module__ == name and not public.startswith("_"):
            assert value.__doc__, f"{name}.{public} has no docstring"


def test_every_error_is_in_the_drawn_tree_and_tells_the_remedy() -> None:
    drawn = errors.__doc__ or ""
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert len(classes) > 10
    for each in classes:
        assert each.__name__ in drawn
        assert each.__doc__
        assert issubclass(each, errors.TbieError)


def test_the_public_surface_is_this_list() -> None:
    """A name added or taken away is a decision: it belongs into the changelog."""
    assert tbie.__all__ == [
        *(
            "Address",
            "Cause",
            "Completed",
            "Engine",
            "ItemKey",
            "NewItem",
            "OneByOne",
            "Outcome",
            "Reconciler",
            "Retry",
        ),
        *(
            "RetryPolicy",
            "Settings",
            "Stage",
            "StageState",
            "TerminalFailure",
            "Together",
            "Work",
            "Worker",
            "Workflow",
        ),
    ]
