"""The product as its users meet it: real processes, real files, real signals, in a folder of each test's own."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import forking
from product import Product

# A shell starts what it puts in the background with Ctrl-C ignored, and children inherit that, also the programs under test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    product = Product(tmp_path)
    yield product
    product.end()


@pytest.fixture(scope="session", autouse=True)
def _mold() -> Iterator[None]:
    """Whatever commands were forked from ends with the session."""
    yield
    forking.end()
