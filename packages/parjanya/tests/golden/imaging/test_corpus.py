"""Every file of the test images ends as a picture or as a refusal with its code, in a worker under its limits.

Real files from cameras, fuzzers and bug reports; skipped where they are not at hand.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from parjanya.imaging.refusal import CODES, WARNINGS

FOLDERS = ("pngsuite", "malformed", "heif", "raw", "exif", "exif_golden", "nearduplicate", "nonphoto", "photo")
SLOWEST_S = 10.0  # one HEIC of 16 megapixels takes one second on a quiet core

WORKER = """
import json, os, sys, time
from pathlib import Path
from parjanya.imaging.limits import DEFAULT_LIMITS, apply_process_limits
apply_process_limits()
from parjanya.catalog.paths import path_to_key
from parjanya.stages import technical
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed
from tbie.execution import Work
handle = technical.make_handler()
for name in json.load(sys.stdin):
    started = time.process_time()
    try:
        outcome = handle(Work(ItemKey("t", "i"), "technical", 1, "", Address("file", path_to_key(name)), {}, {}))
        if isinstance(outcome, Completed):
            answer = {"facts": outcome.facts}
        else:
            answer = {"code": outcome.reason, "evidence": dict(outcome.evidence)}
    except BaseException as error:
        answer = {"raised": repr(error)}
    print(json.dumps({"name": name, "seconds": time.process_time() - started, **answer}), flush=True)
"""


def data_folder() -> Path:
    beside = Path(__file__).parents[6] / "shared" / "data"
    folder = Path(os.environ.get("PARJANYA_TEST_DATA", beside))
    if not folder.is_dir():
        pytest.skip("no folder of test images; set PARJANYA_TEST_DATA")
    return folder


@cache
def answers(folder: Path) -> Mapping[str, Mapping[str, object]]:
    """What the stage said about each file, by path relative to *folder*; one child process for all."""
    names = [
        str(path)
        for sub in FOLDERS
        for path in sorted((folder / sub).rglob("*"))
        if path.is_file() and path.suffix not in (".txt", ".csv", ".md")
    ]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    done = subprocess.run(
        [sys.executable, "-c", WORKER], input=json.dumps(names), env=env, capture_output=True, text=True, check=False
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == len(names), f"the worker died on {names[len(told)]}: {done.stderr[-2000:]}"
    return {str(Path(answer["name"]).relative_to(folder)): answer for answer in told}


@pytest.fixture(scope="module")
def told() -> Mapping[str, Mapping[str, object]]:
    found = answers(data_folder())
    assert len(found) > 500
    return found


def code_of(answer: Mapping[str, object]) -> str | None:
    code = answer.get("code")
    return code if isinstance(code, str) else None


def test_every_file_ends_as_a_picture_or_with_its_code(told: Mapping[str, Mapping[str, object]]) -> None:
    assert {name: answer for name, answer in told.items() if "raised" in answer} == {}
    assert {code for answer in told.values() if (code := code_of(answer)) is not None} <= set(CODES)


def test_no_file_takes_longer_than_its_bound(told: Mapping[str, Mapping[str, object]]) -> None:
    slow = {name: answer["seconds"] for name, answer in told.items() if float(str(answer["seconds"])) > SLOWEST_S}
    assert slow == {}


def test_of_pngsuite_exactly_the_broken_ones_are_refused(told: Mapping[str, Mapping[str, object]]) -> None:
    suite = {Path(name).name: code_of(answer) for name, answer in told.items() if name.startswith("pngsuite/")}
    assert len(suite) > 170
    assert {name for name, code in suite.items() if code} == {name for name in suite if name.startswith("x")}


def test_photographs_are_all_seen(told: Mapping[str, Mapping[str, object]]) -> None:
    good = [name for name in told if name.split("/")[0] in ("photo", "nonphoto", "nearduplicate", "raw")]
    assert [name for name in good if code_of(told[name])] == []


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("heif/truncated.heic", "truncated"),
        ("heif/corrupted.hif", "truncated"),
        ("heif/corrupted.heic", "corrupt"),
        ("heif/empty.heic", "empty_file"),
        ("malformed/pillow/decompression_bomb.gif", "too_many_pixels"),
        ("malformed/pillow/badwidth.bmp", "too_many_pixels"),
        ("malformed/pillow/truncated_jpeg.jpg", "truncated"),
        ("malformed/pillow/truncated_image.png", "truncated"),
        ("malformed/pillow/truncated_end_chunk.png", "truncated"),
        ("malformed/pillow/broken_data_stream.png", "corrupt"),
        ("malformed/pillow/decompression_bomb.ico", "unsupported_format"),
        ("malformed/pillow/bad_palette_file.gpl", "not_an_image"),
    ],
)
def test_a_known_case_has_its_true_code(told: Mapping[str, Mapping[str, object]], name: str, code: str) -> None:
    if name not in told:
        pytest.skip(f"{name} is not among the test images")
    assert code_of(told[name]) == code


def test_exif_fields_equal_the_expected_ones(told: Mapping[str, Mapping[str, object]]) -> None:
    """The text beside each file was written by another program; the fields that have one plain form are compared."""
    folder, compared = data_folder(), 0
    wrong = []
    for name, answer in told.items():
        expected = folder / f"{name}.txt"
        facts = answer.get("facts")
        if not name.startswith("exif_golden/") or not expected.exists() or not isinstance(facts, dict):
            continue
        for field, value in golden_fields(expected).items():
            compared += 1
            if " ".join(str(facts["exif"][field]).split()) != value:
                wrong.append((name, field, value, facts["exif"][field]))
    assert wrong == []
    assert compared > 120


_GOLDEN = {
    "[Exif IFD0 - 0x010f] Make = ": "make",
    "[Exif IFD0 - 0x0110] Model = ": "model",
    "[Exif IFD0 - 0x0131] Software = ": "software",
    "[Exif SubIFD - 0x8827] ISO Speed Ratings = ": "iso",
}


def golden_fields(path: Path) -> dict[str, str]:
    """The expected fields that are compared: first mention of each, blanks and zeros left out."""
    found: dict[str, str] = {}
    for line in path.read_text("utf-8", "replace").splitlines():
        for prefix, field in _GOLDEN.items():
            value = " ".join(line.removeprefix(prefix).split()) if line.startswith(prefix) else ""
            if value not in ("", "0") and "\ufffd" not in value:
                found.setdefault(field, value)
    return found


def test_warnings_are_of_the_contract(told: Mapping[str, Mapping[str, object]]) -> None:
    found: set[str] = set()
    for answer in told.values():
        facts = answer.get("facts")
        found |= set(facts["warnings"]) if isinstance(facts, dict) else set()
    assert found <= set(WARNINGS)
    assert found >= {"exif_damaged", "gps_invalid", "suffix_mismatch"}
