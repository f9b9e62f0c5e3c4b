"""Truth moves to another home: the same images, the same verdicts, the same stories."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
from product import BROKE, NOT_WELL, USAGE, Product, pictures

from tests.tidy.repository import ROOT


@pytest.fixture
def moved(product: Product) -> tuple[Product, Path]:
    """A home with judged images and decisions of people about them, and its export."""
    pictures(product.shoot, 3)
    (product.shoot / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more than this")
    product.curate(code=NOT_WELL)
    image = product.images()["img000.jpg"]
    product.look("override", image["id"], "reject", "--reason", "mine")
    product.look("policy", "activate", "strict", "--tenant", "other", code=None)
    file = product.root / "truth.jsonl.gz"
    product.look("truth", "export", str(file))
    return product, file


def test_another_home_says_the_same_of_every_image(moved: tuple[Product, Path]) -> None:
    product, file = moved
    new = Product(product.root / "new")
    told = json.loads(new.look("truth", "import", str(file), "--objects", str(product.home / "objects"), "--json").out)
    assert (told["items"], told["written"], told["there"], told["kept"]) == (4, 4, 0, [])
    assert told["objects"] == {"copied": 6, "there": 0, "missing": 0}
    assert new.look("images", "--json").out == product.look("images", "--json").out
    assert new.look("policy", "list", code=None).out == product.look("policy", "list", code=None).out
    image = product.images()["img000.jpg"]
    assert _changes(new, image["id"]) == _changes(product, image["id"])
    again = new.look("truth", "verify", str(file))
    assert again.out.strip() == "4 of 4 items are the same"
    assert product.look("truth", "verify", str(file)).out == again.out


def _changes(product: Product, image: str) -> list[object]:
    story = product.look("explain", image, "--json").json
    return [{name: value for name, value in change.items() if name != "seq"} for change in story["timeline"]]


def test_work_goes_on_in_the_new_home(moved: tuple[Product, Path]) -> None:
    product, file = moved
    new = Product(product.root / "new")
    new.shoot = product.shoot
    try:
        new.look("truth", "import", str(file), code=0)
        before = product.images()
        new.look("replay", "--where", "failure == None", "--from", "preview", "--reason", "the previews stayed behind")
        new.curate(code=NOT_WELL)
        after = new.images()
        assert {name: image["verdict"] for name, image in after.items()} == {
            name: image["verdict"] for name, image in before.items()
        }
        found = new.look("truth", "verify", str(file), code=NOT_WELL)
        assert "gone on" in found.out
    finally:
        new.end()


def test_importing_again_changes_nothing_and_another_home_is_refused(moved: tuple[Product, Path]) -> None:
    product, file = moved
    new = Product(product.root / "new")
    new.look("truth", "import", str(file))
    told = json.loads(new.look("truth", "import", str(file), "--json").out)
    assert (told["written"], told["there"]) == (0, 4)
    other = product.root / "other.jsonl"
    new.look("truth", "export", str(other))
    refused = product.look("truth", "import", str(other), code=None)
    assert refused.code in (0, BROKE)
    foreign = Product(product.root / "foreign")
    pictures(foreign.shoot, 1)
    foreign.look("ingest", str(foreign.shoot))
    said = foreign.look("truth", "import", str(file), code=BROKE)
    assert "this store holds items already" in said.err
    assert len(foreign.images()) == 1


def test_a_file_that_was_edited_or_is_there_already_is_refused(moved: tuple[Product, Path]) -> None:
    product, file = moved
    lines = gzip.decompress(file.read_bytes()).replace(b'"who":"operator', b'"who":"0perator', 1)
    edited = product.root / "edited.jsonl"
    edited.write_bytes(lines)
    new = Product(product.root / "new")
    said = new.look("truth", "import", str(edited), code=BROKE)
    assert re.search(r"line \d+ of the export does not follow .* Nothing was changed", said.err)
    assert not (new.home / "truth.db").exists(), "nothing is begun for a file that is damaged"
    assert "exists; an export replaces nothing" in product.look("truth", "export", str(file), code=USAGE).err
    said = new.look("truth", "import", str(file), "--sha256", "0" * 64, code=BROKE)
    assert "is sealed" in said.err


def test_an_export_to_standard_output_is_the_file(moved: tuple[Product, Path]) -> None:
    product, file = moved
    assert product.look("truth", "export", "-").out.encode() == gzip.decompress(file.read_bytes())


def test_every_kind_of_document_that_is_written_either_moves_or_is_known_to_stay() -> None:
    moves = {"KIND", "POLICY", "ACTIVATION", "PAUSE", "kind_of(item.key.tenant)"}
    stays = {"TERM", "PLACE", "PROBE", "REFUSED", "kind", "moved.kind"}
    found = set()
    for path in [*(ROOT / "packages/tbie/src").rglob("*.py"), *(ROOT / "packages/parjanya/src").rglob("*.py")]:
        if not {"sim", "testing", "backends"} & set(path.parts):
            found |= set(re.findall(r"\.write_document\(\s*([^,]+),", path.read_text()))
    assert found <= moves | stays, "say in parjanya/profiles/moving.py whether it moves"
