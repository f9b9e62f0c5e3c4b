"""Whether what a model engine needs is installed: a test that wants it is skipped with the reason, or fails in CI.

Tests add this folder to ``sys.path``, as for ``makers``, and call ``require_engines("torch", "transformers", "llguidance")`` in
the module, in a fixture or in the test.
"""

from __future__ import annotations

import importlib.util
import os

import pytest

REQUIRED = "PARJANYA_REQUIRE_ENGINES"
"""Environment variable: ``1`` makes a missing engine a failure. ``.ci/run`` sets it, so that nothing is skipped in silence."""


def missing(modules: tuple[str, ...]) -> list[str]:
    """The top-level *modules* that are not installed. Nothing is imported: PyTorch alone takes seconds."""
    return [name for name in modules if importlib.util.find_spec(name) is None]


def require_engines(*modules: str) -> None:
    """Skip the calling test, or module, when one of *modules* is not installed; fail instead where engines are required."""
    lacking = missing(modules)
    if not lacking:
        return
    reason = f"not installed: {', '.join(lacking)} (./run engines)"
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)
