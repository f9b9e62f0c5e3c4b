"""Reading a manifest: one that was edited, one of a newer program, one that is none."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parjanya.vision.artifact.attest import Level, attest
from parjanya.vision.artifact.bake import bake
from parjanya.vision.artifact.manifest import MOST_BYTES, Manifest, identify, parse, read
from parjanya.vision.artifact.problems import ArtifactError, EditedManifestError, NoManifestError

sys.path.insert(0, str(Path(__file__).parents[2]))
from model_folders import ScriptedModel, complete


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    folder = complete(tmp_path_factory.mktemp("baked") / "model")
    return folder, bake(folder, scoring={"prompt": "x"}, model=ScriptedModel)


@pytest.fixture(scope="module")
def manifest(baked: tuple[Path, Manifest]) -> Manifest:
    return baked[1]


def with_right_id(document: dict[str, Any]) -> str:
    return json.dumps({**document, "id": identify(document)})


def test_a_manifest_reads_as_it_was_written(manifest: Manifest) -> None:
    again = parse(manifest.to_text(), "here")
    assert (again, again.id) == (manifest, manifest.id)


def test_a_manifest_that_was_edited_by_hand_is_refused_with_both_ids(manifest: Manifest) -> None:
    document = json.loads(manifest.to_text())
    document["processor"]["mean"][0] = 0.4
    with pytest.raises(
        EditedManifestError, match=r"was changed after it was made: it says id [0-9a-f]{64}, its content"
    ):
        parse(json.dumps(document), "here")
    del document["id"]
    with pytest.raises(EditedManifestError, match="it says id None"):
        parse(json.dumps(document), "here")


@pytest.mark.parametrize(
    ("format_", "words"),
    [
        ("parjanya-model/2", "use the version of the program that made it"),
        ("other/1", "its format is other/1, not parjanya-model/1"),
        ("\x1b[2J", "its format is \\x1b[2J"),
    ],
)
def test_a_manifest_of_another_format_is_refused(manifest: Manifest, format_: str, words: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        parse(with_right_id({**manifest.document, "format": format_}), "here")
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", "[" * 100_000, '{"format": 1}', "\ud800"])
def test_what_is_no_manifest_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ArtifactError, match="here is no manifest"):
        parse(text, "here")


def test_a_manifest_without_one_of_its_parts_is_refused(manifest: Manifest) -> None:
    document = dict(manifest.document)
    del document["processor"], document["golden"]
    with pytest.raises(ArtifactError, match="it lacks processor, golden"):
        parse(with_right_id(document), "here")


@pytest.mark.parametrize(
    "files", [None, {}, [], {"a": 1}, {"a": {"sha256": "x", "bytes": 1}}, {"a": {"sha256": "0" * 64, "bytes": -1}}]
)
def test_a_list_of_files_that_is_none_is_refused(manifest: Manifest, files: object) -> None:
    with pytest.raises(ArtifactError, match="these parts are not what they should be: files"):
        parse(with_right_id({**manifest.document, "files": files}), "here")


def test_too_large_missing_and_unreadable_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="bytes are no manifest"):
        parse(b" " * (MOST_BYTES + 1), "here")
    with pytest.raises(NoManifestError, match="`parjanya model bake` makes it"):
        read(tmp_path / "none.json")
    with pytest.raises(ArtifactError, match="cannot be read: is a directory"):
        read(tmp_path)


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(["model", "tensors", "tokenizer", "processor", "packages", "image", "scoring", "golden"]),
    st.none() | st.dictionaries(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists)),
)
def test_whatever_a_right_id_stands_for_attesting_raises_nothing(
    baked: tuple[Path, Manifest], part: str, value: dict[str, object] | None
) -> None:
    folder, made = baked
    strange = parse(with_right_id({**made.document, part: value}), "here")
    drift = attest(folder, strange, Level.GOLDEN, scoring={"prompt": "x"}, model=ScriptedModel)
    assert drift is None or all(
        text is None or text.isprintable() for name, pair in drift.differences.items() for text in (name, *pair)
    )
