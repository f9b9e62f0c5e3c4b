"""A model folder that passes every check that needs no loading is still refused when it does not load to what it says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from parjanya.vision.engine import Observed
from parjanya.vision.local import folder
from parjanya.vision.local.settings import LocalSettings
from tbie.core.clock import SystemClock

sys.path.insert(0, str(Path(__file__).parents[2]))
from engines_present import require_engines
from local_models import edit, picture

PIXELS = 72 * 32 * 32
pytestmark = pytest.mark.timeout(240)  # importing torch alone may take a minute on a machine that does much else


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model, below 2 MB."""
    require_engines("torch", "transformers", "llguidance")
    from parjanya.testing.tiny_qwen3vl import build

    return build(tmp_path_factory.mktemp("model"))


def opened(path: Path, **changes: Any) -> Any:
    from parjanya.vision.local.engine import open_model

    settings = LocalSettings(path, pixels=PIXELS, pixels_floor=PIXELS // 4, device="cpu", **changes)
    return open_model(settings, SystemClock())


def refused(path: Path) -> str:
    with pytest.raises(folder.ModelFolderError) as caught:
        opened(path)
    return str(caught.value)


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(tiny, tmp_path / "copy"))


def test_tensors_that_were_dropped_are_not_replaced_by_random_ones(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = copy / "model.safetensors"
    kept = {name: tensor for name, tensor in load_file(weights).items() if "visual.blocks.1.mlp" not in name}
    save_file(kept, weights, {"format": "pt"})
    assert "4 tensors are missing" in refused(copy)
    save_file({**load_file(weights), "more": next(iter(kept.values()))}, weights, {"format": "pt"})
    assert "tensors are" in refused(copy)


def test_special_tokens_of_another_model_are_refused(copy: Path) -> None:
    edit(copy, "config.json", lambda content: content.update(image_token_id=9))
    assert "config.json says image_token_id 9, the tokenizer has <|image_pad|> at 6" in refused(copy)


def test_a_tokenizer_that_is_damaged_is_refused(copy: Path) -> None:
    (copy / "tokenizer.json").write_text("{}")
    assert "tokenizer" in refused(copy)


@pytest.mark.parametrize("template", ["{{ messages[0].content }}", "{% for %}", "no place for anything"])
def test_a_chat_template_that_loses_the_prompt_is_refused(copy: Path, template: str) -> None:
    (copy / "chat_template.jinja").write_text(template)
    assert "the chat template" in refused(copy)


def test_loading_asks_nobody(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_: object) -> None:
        raise AssertionError("something wants the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    opened(tiny)


def test_a_model_that_shares_its_embeddings_is_complete(tmp_path: Path) -> None:
    require_engines("torch", "transformers", "llguidance")
    from parjanya.testing.tiny_qwen3vl import Shape, build

    tied = opened(build(tmp_path / "tied", Shape(tied=True)))
    assert isinstance(tied.run([tied.prepare(picture(1), PIXELS)])[0], Observed)


def test_bfloat16_runs_and_says_so(tiny: Path) -> None:
    narrow = opened(tiny, dtype="bfloat16")
    (one,) = narrow.run([narrow.prepare(picture(5), PIXELS)])
    assert isinstance(one, Observed)
    assert one.provenance["dtype"] == "bfloat16"
