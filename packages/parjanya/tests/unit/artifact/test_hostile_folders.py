"""Folders and headers that somebody made to do harm: everything is bounded, refused by name, and shown without its tricks."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
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
from parjanya.vision.artifact.tensors import MOST_HEADER_BYTES, HeaderError, Tensor, parse_header, read_header

sys.path.insert(0, str(Path(__file__).parents[2]))
from model_folders import complete, edit, write_json, write_raw

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


class TestHeaders:
    @pytest.mark.parametrize(
        ("spoil", "words"),
        [
            (lambda path: write_raw(path, b"{}", b"", 2**63), "its header should have 9223372036854775808 bytes"),
            (lambda path: write_raw(path, b"{}", b"", 3), "its header should have 3 bytes, the file has 10"),
            (lambda path: path.write_bytes(b""), "is no safetensors file: it has 0 bytes"),
            (lambda path: path.write_bytes(b"1234567"), "is no safetensors file: it has 7 bytes"),
            (lambda path: write_raw(path, b"[]", b""), "has a header that is no object"),
            (lambda path: write_raw(path, b"\xff\xff", b""), "has a header that cannot be read"),
            (lambda path: write_raw(path, b"[" * 90_000, b""), "has a header that cannot be read"),
            (lambda path: write_raw(path, b"{}", b"x"), "is cut short or was appended to"),
        ],
    )
    def test_a_file_that_is_no_safetensors_is_refused(
        self, tmp_path: Path, spoil: Callable[[Path], object], words: str
    ) -> None:
        spoil(tmp_path / "x.safetensors")
        with pytest.raises(HeaderError) as caught:
            read_header(tmp_path, "x.safetensors")
        assert words in str(caught.value)

    def test_a_header_is_not_read_beyond_its_bound(self, tmp_path: Path) -> None:
        path = tmp_path / "x.safetensors"
        write_raw(path, b"{}", b"", MOST_HEADER_BYTES + 1)
        os.truncate(path, MOST_HEADER_BYTES * 4)  # a hole: it takes no space
        with pytest.raises(HeaderError, match=f"and a header at most {MOST_HEADER_BYTES}"):
            read_header(tmp_path, "x.safetensors")

    @pytest.mark.parametrize(
        ("tensors", "data_bytes", "words"),
        [
            ({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, 4, "needs 64 bits and is given 4 bytes"),
            ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, 8, "tensor a begins at byte 4 instead of 0"),
            ({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, 4, "a shape or place that cannot be"),
            ({"a": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}}, 4, "a shape or place that cannot be"),
            ({"a": {"dtype": "F32", "shape": [1] * 9, "data_offsets": [0, 4]}}, 4, "a shape or place that cannot be"),
            ({"a": {"dtype": "F32", "shape": [2**64], "data_offsets": [0, 4]}}, 4, "a shape or place that cannot be"),
            ({"a": {"dtype": "Q9", "shape": [1], "data_offsets": [0, 4]}}, 4, "of the unknown kind Q9"),
            ({"a": {"dtype": "F4", "shape": [1], "data_offsets": [0, 1]}}, 1, "needs 4 bits"),
            ({"a": {"dtype": "F32", "shape": [1]}}, 4, "is not described as a tensor is"),
            ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], "x": 1}}, 4, "is not described as a tensor is"),
            ({"a\x1b": 7}, 4, "tensor a\\x1b is not described"),
            ({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
              "b": {"dtype": "U8", "shape": [4], "data_offsets": [2, 6]}}, 6, "tensor b begins at byte 2 instead of 4"),
        ],
    )  # fmt: skip
    def test_a_header_that_contradicts_itself_is_refused(
        self, tensors: dict[str, object], data_bytes: int, words: str
    ) -> None:
        with pytest.raises(HeaderError) as caught:
            parse_header(json.dumps(tensors).encode(), data_bytes)
        assert words in str(caught.value)

    def test_a_name_that_occurs_twice_is_refused(self) -> None:
        entry = '"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
        with pytest.raises(HeaderError, match="uses a name twice"):
            parse_header(f"{{{entry},{entry}}}".encode(), 0)

    def test_free_text_scalars_and_empty_tensors_are_allowed(self) -> None:
        header = {
            "__metadata__": {"format": "pt"},
            "scalar": {"dtype": "BF16", "shape": [], "data_offsets": [0, 2]},
            "empty": {"dtype": "F32", "shape": [3, 0], "data_offsets": [2, 2]},
        }
        found = parse_header(json.dumps(header).encode(), 2)
        assert found == {"scalar": Tensor("BF16", ()), "empty": Tensor("F32", (3, 0))}

    @given(st.binary(max_size=200), st.integers(0, 300))
    def test_no_bytes_raise_anything_else(self, header: bytes, data_bytes: int) -> None:
        said = "nothing"
        try:
            parse_header(header, data_bytes)
        except HeaderError as error:
            said = str(error)
        assert said.isprintable()


class TestCode:
    def test_the_closure_is_followed_to_the_last_import_and_remote_code_is_refused(self, folder: Path) -> None:
        edit(folder / "config.json", lambda j: j.update(auto_map={"AutoModel": "modeling_own.Model"}))
        edit(folder / "tokenizer_config.json", lambda j: j.update(auto_map={"AutoTokenizer": ["tok.Slow", None]}))
        edit(folder / "preprocessor_config.json", lambda j: j.update(auto_map={"X": "else/where--image.Processor"}))
        (folder / "modeling_own.py").write_text("from .layers import X\nfrom . import helpers\nimport torch\n")
        (folder / "layers.py").write_text("from .modeling_own import Y\nfrom .deep.er import Z\n")
        said = refused(folder)
        assert "file modeling_own.py: config.json (AutoModel) needs this code: a model that brings its own" in said
        assert "file layers.py: imported by modeling_own.py needs this code: a model" in said
        assert "file helpers.py: imported by modeling_own.py needs this code, which is missing" in said
        assert "file deep/er.py: imported by layers.py needs this code, which is missing" in said
        assert "file tok.py: tokenizer_config.json (AutoTokenizer) needs this code, which is missing" in said
        assert "names code of the repository else/where: nothing is fetched" in said

    def test_code_that_cannot_be_parsed_is_code_all_the_same(self, folder: Path) -> None:
        edit(folder / "config.json", lambda j: j.update(auto_map={"AutoModel": "own.Model"}))
        (folder / "own.py").write_text("def (")
        assert "file own.py: config.json (AutoModel) needs this code" in refused(folder)

    def test_a_thousand_references_are_bounded(self, folder: Path) -> None:
        many = {f"Auto{number}": f"module_{number}.X" for number in range(10_000)}
        write_json(folder / "processor_config.json", {"auto_map": many})
        assert refused(folder).count("needs this code") == 200
