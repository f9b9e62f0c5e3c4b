"""Remote code: followed to its last import, and refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from parjanya.vision.artifact.bake import bake
from parjanya.vision.artifact.problems import BakeRefusedError

sys.path.insert(0, str(Path(__file__).parents[2]))
from model_folders import complete, edit, write_json


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return complete(tmp_path / "model")


def refused(folder: Path) -> str:
    with pytest.raises(BakeRefusedError) as caught:
        bake(folder)
    return "\n".join(map(str, caught.value.problems))


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
