"""A model folder is refused, in clear words, for everything that can be seen without loading it. No torch is needed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parjanya.vision.local import folder

sys.path.insert(0, str(Path(__file__).parents[2]))
from local_models import edit, safetensors, write_folder


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "model")


def refused(path: Path) -> str:
    with pytest.raises(folder.ModelFolderError) as caught:
        folder.read(path)
    return str(caught.value)


def test_a_complete_folder_is_read(good: Path) -> None:
    found = folder.read(good)

    assert found.images == folder.ImageRules(16, 2, 2, 65_536, (0.5,) * 3, (0.5,) * 3, 1 / 255, 3)
    assert (found.stops, found.pad, found.tensors) == ((2, 0), 0, frozenset("ab"))


@pytest.mark.parametrize(
    "name",
    ["config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"],
)
def test_a_file_that_is_missing_is_named(good: Path, name: str) -> None:
    (good / name).unlink()
    assert f"lacks {name}" in refused(good)


def test_missing_weights_are_named(good: Path) -> None:
    (good / "model.safetensors").unlink()
    assert "lacks the weights model.safetensors" in refused(good)


def test_weights_that_were_cut_off_are_told_by_their_length(good: Path) -> None:
    weights = good / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    assert "cut off or damaged" in refused(good)


@pytest.mark.parametrize(
    "beginning", [b"", b"\x05", b"\xff" * 64, b"\x02" + bytes(7) + b"{}", b"\x02" + bytes(7) + b"[]"]
)
def test_what_is_no_safetensors_file_is_refused(good: Path, beginning: bytes) -> None:
    (good / "model.safetensors").write_bytes(beginning)
    assert "is no safetensors file" in refused(good)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "extra.pt", "weights.pkl"])
def test_a_file_that_could_run_code_when_loaded_is_refused(good: Path, name: str) -> None:
    (good / name).write_bytes(b"")
    assert f"{name} can run code" in refused(good)


@pytest.mark.parametrize("name", ["modeling_custom.py", "sub/hidden.py"])
def test_code_in_the_folder_is_refused(good: Path, name: str) -> None:
    (good / name).parent.mkdir(exist_ok=True)
    (good / name).touch()
    assert "is code" in refused(good)


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "tokenizer_config.json"])
def test_a_folder_that_wants_its_own_code_run_is_refused(good: Path, name: str) -> None:
    edit(good, name, lambda content: content.update(auto_map={"AutoModel": "modeling_custom.Custom"}))
    assert f"{name} names code of its own" in refused(good)


def test_quantised_weights_are_refused_with_what_runs_them(good: Path) -> None:
    edit(good, "config.json", lambda content: content.update(quantization_config={"quant_method": "fp8"}))
    assert "use the engine openai" in refused(good)


def test_another_family_is_refused_with_what_is_supported(good: Path) -> None:
    edit(good, "config.json", lambda content: content.update(model_type="llava"))
    assert "model_type 'llava'; supported is 'qwen3_vl'" in refused(good)


def change(name: str, **values: Any) -> tuple[str, Callable[[dict[str, Any]], object]]:
    return name, lambda content: content.update(values)


def without(name: str, key: str) -> tuple[str, Callable[[dict[str, Any]], object]]:
    return name, lambda content: content.pop(key)


IMAGES, CONFIG = "preprocessor_config.json", "config.json"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (without(IMAGES, "image_mean"), "image_mean is None"),
        (without(IMAGES, "image_std"), "image_std is None"),
        (change(IMAGES, image_std=[0.5, 0.0, 0.5]), "must be above 0"),
        (change(IMAGES, image_mean=[0.5, 0.5]), "not 3 numbers"),
        (change(IMAGES, image_mean=[0.5, 0.5, float("nan")]), "not 3 numbers"),
        (change(IMAGES, do_normalize=False), "do_normalize is False"),
        (change(IMAGES, resample=2), "resample is 2"),
        (without(IMAGES, "size"), "lacks size"),
        (change(IMAGES, size={"height": 3}), "shortest_edge is None"),
        (change(IMAGES, patch_size=14), "not of one model"),
        (change(IMAGES, merge_size="2"), "merge_size is '2'"),
        (change(IMAGES, image_processor_type="CLIPImageProcessor"), "known are"),
        (change("generation_config.json", eos_token_id=None), "must give eos_token_id"),
        (change("tokenizer_config.json", chat_template=""), "no chat template"),
        (without(CONFIG, "vision_config"), "has no vision_config"),
        (
            (CONFIG, lambda content: content["vision_config"].update(deepstack_visual_indexes=[1, 0])),
            "are not rising numbers below 2",
        ),
    ],
)
def test_what_a_library_would_silently_replace_is_an_error(
    good: Path, fault: tuple[str, Callable[[dict[str, Any]], object]], words: str
) -> None:
    edit(good, *fault)
    assert words in refused(good)


@pytest.mark.parametrize("content", ["[", "[1]", "nul", "[" * 100_000])
def test_a_file_that_is_not_a_json_object_is_refused(good: Path, content: str) -> None:
    (good / "config.json").write_text(content)
    assert "is not" in refused(good)


def test_a_file_that_is_far_too_long_is_not_read(good: Path) -> None:
    (good / "config.json").write_text(" " * (5 << 20))
    assert "no more than" in refused(good)


def test_weights_in_parts_must_hold_what_their_index_says(good: Path) -> None:
    (good / "model.safetensors").unlink()
    (good / "one.safetensors").write_bytes(safetensors({"a": [2]}))
    (good / "two.safetensors").write_bytes(safetensors({"b": [2]}))
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (good / "model.safetensors.index.json").write_text(json.dumps(index))
    assert folder.read(good).tensors == {"a", "b"}

    (good / "two.safetensors").write_bytes(safetensors({"c": [2]}))
    assert "disagree about b" in refused(good)
    (good / "two.safetensors").unlink()
    assert "lacks the weights two.safetensors" in refused(good)


def test_an_index_cannot_name_a_file_outside(good: Path) -> None:
    (good / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../other.safetensors"}}))
    assert "outside of the folder" in refused(good)


def test_the_sketch_tells_two_models_apart(good: Path) -> None:
    before = folder.read(good).sketch
    assert folder.read(good).sketch == before
    (good / "model.safetensors").write_bytes(safetensors({"a": [2, 3], "b": [5]}))
    assert folder.read(good).sketch != before


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    assert "is not a folder" in refused(tmp_path / "nowhere")
