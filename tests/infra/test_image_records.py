"""What is installed into an image, and the record of what was published."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "infra/image"))
from machine import Places, RefusedError  # noqa: E402 - the path comes first
from recipe import install, installing  # noqa: E402
from record import Image, ImageError, parse, to_text  # noqa: E402

REGION = "eu-central-1"


# -- programs


def test_programs_come_by_the_hashes_of_the_lock_and_nothing_is_compiled(tmp_path: Path) -> None:
    commands = list(installing(Places(tmp_path), [ROOT / "requirements/runtime.txt"], [tmp_path / "tbie-1.whl"]))
    asked = commands[1]
    assert {"--require-hashes", "--only-binary=:all:"} < set(asked)
    assert {"--no-deps", "--no-index"} < set(commands[2])
    assert commands[-1][-2:] == ["pip", "check"]


def test_wheels_of_the_project_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "other-1-py3-none-any.whl").touch()
    with pytest.raises(RefusedError, match="must hold the wheels of tbie and parjanya"):
        install(Places(tmp_path), ROOT, tmp_path, None)


# -- records


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": "parjanya-images/1"}', '{"format": "parjanya-images/1", "images": [{}]}', "x" * (2 << 20)]
)  # fmt: skip
def test_what_is_no_list_of_images_is_refused(text: str) -> None:
    with pytest.raises(ImageError):
        parse(text, "images.json")


@pytest.mark.parametrize(
    "changed",
    [{"tag": "../x"}, {"manifest": "latest"}, {"lock": ""}, {"amis": {}}, {"amis": {REGION: "ami-x"}}],
)
def test_an_image_that_cannot_be_is_refused(changed: dict[str, Any]) -> None:
    fine = {"pool": "vision", "tag": "v1", "architecture": "arm64", "lock": "b" * 64, "manifest": "a" * 64}
    with pytest.raises(ImageError, match=r"cannot be|no image"):
        Image(**{**fine, "amis": {REGION: "ami-0123456789abcdef0"}, **changed})


def test_records_come_back_as_they_were_written() -> None:
    image = Image("vision", "v1", "arm64", "b" * 64, None, {REGION: "ami-0123456789abcdef0"})
    assert parse(to_text([image]), "images.json") == (image,)
