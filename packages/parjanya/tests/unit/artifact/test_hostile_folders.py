"""Folders and headers that somebody made to do harm: everything is bounded, refused by name, and shown without its tricks."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parjanya.vision.artifact import closure, components, weights
from parjanya.vision.artifact import digest as digests
from parjanya.vision.artifact.attest import attest
from parjanya.vision.artifact.bake import bake
from parjanya.vision.artifact.digest import content, digest, digest_all
from parjanya.vision.artifact.folder import MOST_ENTRIES, list_folder, open_file
from parjanya.vision.artifact.problems import BakeRefusedError
from parjanya.vision.artifact.tensors import Tensor

sys.path.insert(0, str(Path(__file__).parents[2]))
from model_folders import complete

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda x: st.lists(x, max_size=4) | st.dictionaries(st.text(), x, max_size=4),
    max_leaves=8,
)
KNOWN = (
    *("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "preprocessor_config.json"),
    "model.safetensors.index.json",
)
KEYS = (
    *("model_type", "vision_config", "text_config", "image_token_id", "eos_token_id", "added_tokens", "eos_token"),
    *("size", "patch_size", "image_mean", "image_std", "image_processor", "chat_template", "auto_map", "weight_map"),
    "custom_pipelines",
)


class Entry(NamedTuple):
    """What ``os.scandir`` tells of a plain file."""

    name: str
    status: os.stat_result

    def is_dir(self, *, follow_symlinks: bool) -> bool:
        return False

    def is_symlink(self) -> bool:
        return False

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        return self.status


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return complete(tmp_path / "model")


def refused(folder: Path) -> str:
    with pytest.raises(BakeRefusedError) as caught:
        bake(folder)
    return "\n".join(map(str, caught.value.problems))


class TestFiles:
    def test_a_hundred_thousand_files_are_not_looked_at_one_by_one(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = 0

        @contextmanager
        def many(_: Path) -> Iterator[Iterator[Entry]]:
            def entries() -> Iterator[Entry]:
                nonlocal asked
                for number in range(100_000):
                    asked += 1
                    yield Entry(f"{number}", (folder / "config.json").stat())

            yield entries()

        monkeypatch.setattr(os, "scandir", many)
        listing = list_folder(folder)
        assert asked == MOST_ENTRIES + 1
        assert len(listing.files) == MOST_ENTRIES
        assert [str(problem) for problem in listing.problems] == [
            f"folder: it has {MOST_ENTRIES} entries or more: that is no model folder"
        ]

    @pytest.mark.parametrize(
        ("target", "words"),
        [
            ("loop", "is a link that leads in a circle"),
            ("nowhere", "is a link that leads nowhere"),
            ("..", "is a link that leads out of the folder"),
            (".", "is a link that leads out of the folder"),
            ("/etc/hostname", "is a link that leads "),
            ("/dev/zero", "is a link that leads out of the folder"),
        ],
    )
    def test_a_link_that_leads_to_no_file_of_the_folder_is_refused(self, folder: Path, target: str, words: str) -> None:
        (folder / "loop").symlink_to(target)
        assert f"file loop: {words}" in refused(folder)

    def test_a_pipe_is_refused_and_waited_for_by_nobody(self, folder: Path) -> None:
        os.mkfifo(folder / "pipe")
        assert "file pipe: is no plain file" in refused(folder)
        (folder / "config.json").unlink()
        os.mkfifo(folder / "config.json")
        assert "file config.json: is no plain file" in refused(folder)

    def test_a_pipe_that_took_the_place_of_a_listed_file_is_not_waited_for(self, folder: Path) -> None:
        seen = list_folder(folder).files["config.json"]
        (folder / "config.json").unlink()
        os.mkfifo(folder / "config.json")
        with pytest.raises(OSError, match="is no plain file"):
            digest(folder, "config.json", seen)

    def test_a_socket_is_refused(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(folder)  # the path of a socket is short
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("socket")
            assert "file socket: is no plain file" in refused(folder)

    def test_a_file_that_may_not_be_read_is_named(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def opened(root: Path, name: str) -> int:
            if name == "config.json":
                raise PermissionError(13, "Permission denied")
            return open_file(root, name)

        monkeypatch.setattr(digests, "open_file", opened)  # whoever runs the tests as root may read everything
        assert refused(folder).startswith("file config.json: cannot be read: permission denied")

    def test_a_name_that_a_terminal_would_obey_is_refused_and_shown_escaped(self, folder: Path) -> None:
        (folder / "a\x1b[2J\nb").write_text("")
        said = refused(folder)
        assert "file a\\x1b[2J\\nb: has a name that is not printable" in said
        assert "\x1b" not in said

    def test_a_name_in_no_encoding_is_refused(self, folder: Path) -> None:
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe")).write_text("")
        assert "has a name that is not printable" in refused(folder)

    def test_hidden_and_deep_folders_are_refused(self, folder: Path) -> None:
        (folder / ".cache" / "download").mkdir(parents=True)
        (folder / "a" / "b" / "c" / "d").mkdir(parents=True)
        said = refused(folder)
        assert "file .cache: is a hidden folder, as downloads and version control leave them" in said
        assert "file a/b/c/d: is a folder more than 4 levels deep" in said

    def test_a_file_that_grows_while_it_is_read_has_no_hash(self, folder: Path) -> None:
        path = folder / "config.json"
        seen = list_folder(folder).files["config.json"]

        def grow(_: int) -> None:
            with path.open("a") as file:
                file.write(" ")

        with pytest.raises(OSError, match="changed while it was read"):
            digest(folder, "config.json", seen, grow)

    def test_a_file_that_another_takes_the_place_of_while_it_is_read_has_no_hash(self, folder: Path) -> None:
        path, other = folder / "config.json", folder / "other"
        seen = list_folder(folder).files["config.json"]
        other.write_bytes(path.read_bytes())

        def replace(_: int) -> None:
            if other.exists():
                other.replace(path)

        with pytest.raises(OSError, match="changed while it was read"):
            digest(folder, "config.json", seen, replace)

    def test_a_link_that_was_put_between_listing_and_reading_is_not_followed_out(
        self, folder: Path, tmp_path: Path
    ) -> None:
        seen = list_folder(folder).files
        (tmp_path / "secret").write_bytes((folder / "config.json").read_bytes())
        (folder / "config.json").unlink()
        (folder / "config.json").symlink_to(tmp_path / "secret")
        digests_, problems = digest_all(folder, seen)
        assert "config.json" not in digests_
        assert next(str(p) for p in problems if "config.json" in str(p)).startswith(
            "file config.json: is a link that leads out of the folder"
        )

    def test_a_gap_of_a_hundred_thousand_layers_is_not_filled_one_by_one(self) -> None:
        every = {f"model.layers.0.{n}": Tensor("U8", ()) for n in range(1000)} | {
            "model.layers.99999.x": Tensor("U8", ())
        }
        (problem,) = weights.agree({"model.safetensors": every}, None, {"model_type": "qwen3_vl"})
        assert problem.words.startswith(
            "tensors that other layers have are missing: model.layers.0.x; model.layers.1.0; "
        )
        assert len(problem.words) < 300

    def test_more_tensors_than_any_model_has_are_not_read(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(weights, "MOST_TENSORS", 8)
        assert "weights: there are more than 8 tensors: that is no model" in refused(folder)

    def test_a_text_that_is_far_too_large_is_not_read(self, folder: Path) -> None:
        seen = list_folder(folder).files["config.json"]
        with pytest.raises(OSError, match=f"is {seen.size} bytes: a file of this name has at most 10"):
            content(folder, "config.json", seen, 10)

    @pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 10_000, '{"vision_config": "x"}'])
    def test_json_that_is_deep_long_or_of_another_shape_is_a_problem_and_no_crash(
        self, folder: Path, text: str
    ) -> None:
        manifest = bake(folder)
        for name in ("config.json", "tokenizer.json", "preprocessor_config.json", "model.safetensors.index.json"):
            (folder / name).write_text(text)
        assert refused(folder)
        assert attest(folder, manifest) is not None

    @settings(deadline=None, max_examples=50)
    @given(
        st.dictionaries(
            st.sampled_from([*KNOWN, "processor_config.json", "chat_template.json"]),
            st.dictionaries(st.sampled_from(KEYS), JSON),
        )
    )
    def test_whatever_stands_for_a_value_the_readers_of_components_raise_nothing(
        self, documents: dict[str, dict[str, object]]
    ) -> None:
        readers = (components.model, components.tokenizer, components.processor, components.generation)
        problems = [problem for reader in readers for problem in reader(documents)[1]]
        problems += components.chat_template(documents, None)[1]
        index = documents.get("model.safetensors.index.json")
        problems += weights.agree({"a": {"b.0.c": Tensor("U8", ())}}, index, documents.get("config.json", {}))
        problems += closure.refuse(closure.needs(documents, lambda _: None), lambda _: False)
        assert all(str(problem).isprintable() for problem in problems)
