"""The pytest plugin: asserts inside the shipped suite explain themselves like those of a test file.

Loaded by its entry point where ``tbie`` is installed, by ``-p tbie.testing.plugin``, or by importing it in a
``conftest.py``; it has to come before the first import of ``tbie.testing.conformance``.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tbie.testing.builders", "tbie.testing.conformance")
