"""The engine ``transformers`` before any model is loaded: identity, settings, what is asked too early. Needs no torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parjanya.vision.declared import Transformers
from parjanya.vision.local.engine import TransformersEngine
from parjanya.vision.local.settings import LocalSettings
from tbie.core.clock import ManualClock

sys.path.insert(0, str(Path(__file__).parents[2]))
from local_models import edit, picture, write_folder

PIXELS = 72 * 32 * 32


def settings_for(path: Path, **changes: Any) -> LocalSettings:
    return LocalSettings(path, pixels=PIXELS, pixels_floor=PIXELS // 4, device="cpu", **changes)


def nobody(positions: Sequence[int]) -> None:
    """Nobody wants to know what begins."""


def test_a_folder_that_was_refused_is_not_read_again_at_every_heartbeat(tmp_path: Path) -> None:
    path, clock = write_folder(tmp_path / "model"), ManualClock()
    edit(path, "config.json", lambda content: content.update(model_type="llava"))
    opened: list[int] = []

    def counted(*_: object) -> Any:
        opened.append(1)
        raise ValueError("no model")

    subject = TransformersEngine(settings_for(path), clock, open_with=counted)
    first = subject.attest()
    assert first is not None
    assert subject.attest() is first
    clock.advance_ms(61_000)
    assert subject.attest() is not first
    assert len(opened) == 2


def test_nothing_is_observed_before_the_engine_was_attested(tmp_path: Path) -> None:
    subject = TransformersEngine(settings_for(write_folder(tmp_path / "model")), ManualClock())
    with pytest.raises(RuntimeError, match="call attest"):
        next(iter(subject.observe([picture(0)], nobody)))


def test_an_identity_needs_no_folder_when_the_manifest_is_declared(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "elsewhere", manifest="a" * 64)
    identity = TransformersEngine(settings, ManualClock()).identity()
    assert identity["model"] == {"manifest": "a" * 64}
    for change in ({"pixels": 2 * PIXELS}, {"temperature": 0.5}, {"dtype": "float32"}, {"manifest": "b" * 64}):
        assert TransformersEngine(replace(settings, **change), ManualClock()).identity() != identity
    for same in ({"threads": 7}, {"batch_items": 3}, {"device": "mps"}):
        assert TransformersEngine(replace(settings, **same), ManualClock()).identity() == identity


def test_an_engine_is_what_was_declared() -> None:
    declared = Transformers("/models/one", "c" * 64)
    assert TransformersEngine(declared.settings(), ManualClock()).identity() == declared.identity()


def test_without_a_manifest_the_identity_follows_the_folder_and_the_packages(tmp_path: Path) -> None:
    identity = TransformersEngine(settings_for(write_folder(tmp_path / "model")), ManualClock()).identity()
    assert identity["model"].keys() == {"sketch", "packages"}


def test_declaring_an_engine_imports_no_torch() -> None:
    code = "import sys, parjanya.vision.local.engine as e; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"device": "tpu"},
        {"dtype": "int4"},
        {"pixels": 10},
        {"temperature": 0.0},
        {"batch_items": 0},
        {"most_tokens": 0},
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        LocalSettings(tmp_path, **wrong)
