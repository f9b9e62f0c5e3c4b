"""Headers of weight files that a stranger wrote: each claim is held against the size of the file."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parjanya.vision.artifact.tensors import MOST_HEADER_BYTES, HeaderError, Tensor, parse_header, read_header

sys.path.insert(0, str(Path(__file__).parents[2]))
from model_folders import write_raw


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
