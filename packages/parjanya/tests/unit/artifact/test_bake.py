"""Baking: what a manifest holds, and every way in which a folder is no complete model."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from parjanya.vision.artifact.bake import Origin, bake, write
from parjanya.vision.artifact.manifest import FORMAT, NAME, read
from parjanya.vision.artifact.problems import BakeRefusedError

sys.path.insert(0, str(Path(__file__).parents[2]))
from model_folders import CHAT_TEMPLATE, PREPROCESSOR, WEIGHTS, ScriptedModel, complete, edit, write_json, write_weights

FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return complete(tmp_path / "model")


def refused(folder: Path) -> str:
    """What is said of a folder that cannot be baked."""
    with pytest.raises(BakeRefusedError) as caught:
        bake(folder)
    return "\n".join(map(str, caught.value.problems))


def test_a_manifest_names_every_file_every_tensor_and_what_decides_an_answer(folder: Path) -> None:
    manifest = bake(folder, Origin("owner/model", "ab" * 20), scoring={"pixel_budget": 1000}, model=ScriptedModel)
    assert manifest.document["format"] == FORMAT
    assert set(manifest.files) == {path.name for path in folder.iterdir()}
    assert set(manifest.part("tensors")["index"]) == set(WEIGHTS)
    assert manifest.part("tensors")["index"]["lm_head.weight"] == "F32 [4, 4]"
    assert (manifest.part("tensors")["count"], manifest.part("tensors")["parameters"]) == (9, 9 * 16)
    assert manifest.part("model")["repo"] == "owner/model"
    assert manifest.part("model")["vision"]["deepstack_visual_indexes"] == [0, 1]
    assert manifest.part("tokenizer")["special"]["image_token_id"] == {"id": 4, "token": "<|image_pad|>"}
    assert manifest.part("tokenizer")["special"]["eos_token"] == {"id": 1, "token": "<|im_end|>"}
    assert manifest.part("chat_template")["source"] == "chat_template.jinja"
    assert manifest.part("processor")["mean"] == [0.5, 0.5, 0.5]
    assert manifest.part("remote_code") == {"allowed": False, "files": []}
    assert manifest.scoring == {"pixel_budget": 1000}
    assert manifest.part("packages")["pillow"] is not None
    assert [canary["picture"] for canary in manifest.part("golden")["canaries"]] == ["evening", "sign"]


def test_a_manifest_that_was_written_is_the_one_that_is_read_and_lies_in_the_folder_without_changing_it(
    folder: Path,
) -> None:
    first = bake(folder, model=ScriptedModel)
    write(first, folder / NAME)
    assert read(folder / NAME).id == first.id
    assert bake(folder, model=ScriptedModel).id == first.id
    assert (folder / NAME).stat().st_mode & 0o777 == 0o644
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_the_id_changes_with_every_byte_and_with_where_it_came_from(folder: Path) -> None:
    ids = {bake(folder).id, bake(folder, Origin(revision="cd" * 20)).id, bake(folder, scoring={"prompt": "x"}).id}
    (folder / "README.md").write_text("a")
    ids.add(bake(folder).id)
    (folder / "README.md").write_text("b")
    ids.add(bake(folder).id)
    assert len(ids) == 5


def test_everything_that_is_missing_is_said_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    said = refused(empty)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        assert f"file {name}: is missing" in said
    assert "file preprocessor_config.json: is missing" in said
    assert "no prompt can be made" in said
    assert "there is no .safetensors file" in said
    assert list(empty.iterdir()) == []


def without(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def preprocessor_without(key: str) -> Callable[[Path], object]:
    return lambda folder: edit(folder / "preprocessor_config.json", lambda j: j.pop(key))


def changed(name: str, **values: object) -> Callable[[Path], object]:
    return lambda folder: edit(folder / name, lambda j: j.update(values))


def vision(**values: object) -> Callable[[Path], object]:
    return lambda folder: edit(folder / "config.json", lambda j: j["vision_config"].update(values))


def added(name: str, text: str = "x") -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


INCOMPLETE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a weight file": (without(SECOND), f"names weight files that are missing or cannot be read: {SECOND} (model.lang"),
    "the index": (without("model.safetensors.index.json"), "is missing, and there are 2 weight files"),
    "the template": (without("chat_template.jinja"), "file chat_template.jinja: is missing"),
    "the size": (preprocessor_without("size"), "lacks size (shortest_edge and longest_edge, in pixels)"),
    "the patch": (preprocessor_without("patch_size"), "lacks patch_size"),
    "the merge": (preprocessor_without("merge_size"), "lacks merge_size"),
    "the mean": (preprocessor_without("image_mean"), "lacks image_mean (three numbers): a loader would take those of"),
    "the deviation": (preprocessor_without("image_std"), "lacks image_std (three numbers)"),
    "two channels": (changed("preprocessor_config.json", image_mean=[0.5, 0.5]), "has [0.5, 0.5] as image_mean"),
    "a wrong patch": (
        changed("preprocessor_config.json", patch_size=14),
        "says patch_size 14, config.json says patch_size 16",
    ),
    "no vision": (changed("config.json", vision_config=None), "this model sees nothing"),
    "no kind": (changed("config.json", model_type=""), "names no model_type"),
    "a deep layer": (
        vision(deepstack_visual_indexes=[0, 2]),
        "takes deepstack features from layers that are not there (2 l",
    ),
    "a wrong token": (
        changed("config.json", image_token_id=7),
        "says image_token_id 7, but tokenizer.json has no added tok",
    ),
    "no picture token": (
        added("chat_template.jinja", "{{ messages }}"),
        "has no place for a picture (<|image_pad|> does no",
    ),
    "no end": (changed("generation_config.json", eos_token_id=None), "lacks eos_token_id"),
    "no JSON": (added("config.json", "{"), "file config.json: is no JSON"),
    "no object": (added("tokenizer.json", "[]"), "file tokenizer.json: is JSON, but no object"),
    "no text": (lambda folder: (folder / "config.json").write_bytes(b"\xff"), "is no text in UTF-8"),
    "a pickle": (added("pytorch_model.bin"), "file pytorch_model.bin: can run code when it is loaded"),
    "code": (added("modeling_x.py"), "file modeling_x.py: is code"),
    "a hole": (
        lambda folder: write_weights(folder / FIRST, {name: [4, 4] for name in WEIGHTS[:3]}),
        "tensors that other layers have are missing: model.visual.blocks.1.norm.weight",
    ),
    "a stray tensor": (
        lambda folder: write_weights(folder / FIRST, {name: [4, 4] for name in (*WEIGHTS[:4], "stray")}),
        f"does not know that {FIRST} has these tensors (stray)",
    ),
    "a tensor twice": (
        lambda folder: write_weights(folder / FIRST, {name: [4, 4] for name in (*WEIGHTS[:4], "lm_head.weight")}),
        f"tensors that are in two files: lm_head.weight in {FIRST}, {SECOND}",
    ),
}


@pytest.mark.parametrize("what", INCOMPLETE)
def test_a_folder_that_is_no_complete_model_is_refused_with_the_reason(folder: Path, what: str) -> None:
    spoil, words = INCOMPLETE[what]
    spoil(folder)
    assert words in refused(folder)


def test_a_processor_inside_of_processor_config_is_found(folder: Path) -> None:
    (folder / "preprocessor_config.json").unlink()
    write_json(folder / "processor_config.json", {"image_processor": PREPROCESSOR})
    assert bake(folder).part("processor")["source"] == "processor_config.json"


@pytest.mark.parametrize("name", ["chat_template.json", "tokenizer_config.json"])
def test_a_template_in_another_place_is_found(folder: Path, name: str) -> None:
    (folder / "chat_template.jinja").unlink()
    content = json.loads((folder / name).read_text()) if (folder / name).exists() else {}
    write_json(folder / name, {**content, "chat_template": CHAT_TEMPLATE})
    assert bake(folder).part("chat_template")["source"] == name


def test_a_single_weight_file_needs_no_index(folder: Path) -> None:
    for name in (FIRST, SECOND, "model.safetensors.index.json"):
        (folder / name).unlink()
    write_weights(folder / "model.safetensors", {name: [4, 4] for name in WEIGHTS})
    assert bake(folder).part("tensors")["count"] == len(WEIGHTS)


def test_links_within_the_folder_are_followed_and_those_out_of_it_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "README.txt").write_text("x")
    (folder / "notes.txt").symlink_to("README.txt")
    files = bake(folder).files
    assert files["notes.txt"] == files["README.txt"]
    outside = tmp_path / "outside"
    shutil.move(folder / FIRST, outside)
    (folder / FIRST).symlink_to(outside)
    assert "is a link that leads out of the folder (a download cache keeps its files elsewhere)" in refused(folder)


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        (Origin(image_digest="latest"), "image digest: latest is not sha256: and 64 hex digits"),
        (Origin(repo="a\nb"), "repo: a\\nb is not 1 to 300 printable characters"),
        (Origin(revision=""), "revision:  is not 1 to 300 printable characters"),
    ],
)
def test_what_is_said_of_the_origin_is_checked(folder: Path, origin: Origin, words: str) -> None:
    with pytest.raises(BakeRefusedError) as caught:
        bake(folder, origin)
    assert words in str(caught.value)


def test_a_model_that_gives_every_picture_the_same_logits_is_not_baked(folder: Path) -> None:
    blind = ScriptedModel(top=tuple((token, 9.0 - token) for token in range(16)))
    with pytest.raises(BakeRefusedError, match="it does not look at what it is shown"):
        bake(folder, model=lambda: blind)


def test_a_model_that_answers_another_thing_a_moment_later_is_not_baked(folder: Path) -> None:
    class Moody(ScriptedModel):
        def glimpse(self, picture: bytes):  # type: ignore[no-untyped-def]
            self._changed = {"answer": {"medium": f"{self.asked}"}}
            return super().glimpse(picture)

    with pytest.raises(BakeRefusedError, match="answers that vary cannot be compared"):
        bake(folder, model=Moody)


def test_a_model_that_cannot_be_loaded_is_a_reason_and_not_a_crash(folder: Path) -> None:
    def load() -> ScriptedModel:
        raise RuntimeError("no kernel\x1b[2J")

    with pytest.raises(BakeRefusedError) as caught:
        bake(folder, model=load)
    assert "golden answers: the model cannot be asked: RuntimeError: no kernel\\x1b[2J" in str(caught.value)


def test_a_model_is_not_loaded_before_the_folder_is_complete(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(BakeRefusedError, match=r"tokenizer\.json: is missing"):
        bake(folder, model=lambda: pytest.fail("loaded"))


def test_a_manifest_is_written_whole_or_not_at_all(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    manifest = bake(folder)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(manifest, tmp_path / NAME)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
