"""The guard of engine tests itself, and what the level ``engines`` must hold where it is installed."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from engines_present import REQUIRED, require_engines


def test_what_is_there_is_no_reason_to_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRED, "1")
    require_engines("json", "pytest")


def test_what_is_missing_skips_with_its_name_and_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"no_such_engine \(\./run engines\)"):
        require_engines("json", "no_such_engine")


def test_where_engines_are_required_it_fails_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match="no_such_engine"):
        require_engines("no_such_engine")


def test_the_engines_level_is_whole_and_brings_nothing_for_a_gpu() -> None:
    require_engines("torch", "transformers", "tokenizers", "safetensors", "llguidance", "httpx")
    names = {(found.metadata["Name"] or "").lower() for found in importlib.metadata.distributions()}
    assert sorted(name for name in names if name.startswith(("nvidia", "cuda", "triton"))) == []
    if sys.platform == "linux":
        assert importlib.metadata.version("torch").endswith("+cpu")
