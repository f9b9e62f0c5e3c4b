"""What the walk takes and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

from parjanya.catalog.discover import OURS, Walk, discover
from parjanya.export.sheet.folder import MARKER
from parjanya.home import Home


def test_previews_in_another_home_and_pictures_of_a_contact_sheet_are_not_taken_for_photographs(tmp_path: Path) -> None:
    for name in (
        "a.jpg",
        ".parjanya/truth.db",
        ".parjanya/objects/ab/ab.jpg",
        "sheet/parjanya-sheet.json",
        "sheet/media/ab/c.jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xff\xd8\xff")
    walk = Walk()

    found = list(discover([tmp_path], [], walk))

    assert [file.path.name for file in found] == ["a.jpg"]
    assert walk.ignored == {"(made by this program)": 2}
    assert not walk.problems


def test_the_marks_of_a_home_and_of_a_contact_sheet_are_known_to_the_walk(tmp_path: Path) -> None:
    assert (Home(tmp_path).truth.name, MARKER) == OURS
