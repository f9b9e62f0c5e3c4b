"""An export that was damaged, made up, or meant to harm is refused, with the line and what to do."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from packages.tbie.tests.unit.moving.exports import bodies, examined, exported, filled, sealed
from tbie.core.errors import MovingError
from tbie.moving import examine
from tbie.moving.lines import AFTER, BEFORE, BETWEEN, link

EXPORT = exported(filled())
LINES = EXPORT.splitlines(keepends=True)


def test_an_export_that_nobody_touched_is_whole() -> None:
    found = examined(EXPORT)
    assert found.counts.to_json() == {"items": 3, "changes": 6, "documents": 1, "settings": 1}
    assert found.head.workflow == "chain"
    assert json.loads(LINES[-1])["chain"] == found.seal


def test_the_same_truth_gives_the_same_file() -> None:
    assert exported(filled()) == EXPORT


@pytest.mark.parametrize("number", range(len(LINES)))
def test_a_line_that_is_lost_is_missed(number: int) -> None:
    with pytest.raises(MovingError, match=r"line \d+ of the export"):
        examined(b"".join(LINES[:number] + LINES[number + 1 :]))


@pytest.mark.parametrize("number", range(len(LINES)))
def test_a_file_that_was_cut_off_is_told_as_such(number: int) -> None:
    with pytest.raises(MovingError, match=r"cut off|empty"):
        examined(b"".join(LINES[:number]))
    with pytest.raises(MovingError, match=f"line {number + 1} of the export ends in the middle: the file was cut off"):
        examined(b"".join(LINES[:number]) + LINES[number][:-1])


@pytest.mark.parametrize("number", range(len(LINES) - 1))
def test_lines_that_changed_places_are_noticed(number: int) -> None:
    swapped = [*LINES[:number], LINES[number + 1], LINES[number], *LINES[number + 2 :]]
    with pytest.raises(MovingError, match=f"line {number + 1} of the export does not follow"):
        examined(b"".join(swapped))


@pytest.mark.parametrize("number", range(len(LINES)))
def test_a_line_that_is_there_twice_is_noticed(number: int) -> None:
    with pytest.raises(MovingError, match=r"does not follow|stands behind the end"):
        examined(b"".join([*LINES[: number + 1], *LINES[number:]]))


@pytest.mark.parametrize("step", [1, 2])
def test_one_byte_that_changed_is_noticed_wherever_it_is(step: int) -> None:
    for at in range(step, len(EXPORT), 37):
        edited = bytearray(EXPORT)
        edited[at] ^= step
        with pytest.raises(MovingError, match=r"line \d+ of the export"):
            examined(bytes(edited))


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"{}\n", b"[]", b"\x00" * 100, b"\xff\xfe\n", b"PK\x03\x04\n", b"{" * 10_000]
)
def test_what_is_no_export_is_refused(data: bytes) -> None:
    with pytest.raises(MovingError, match="line 1 of the export"):
        examined(data)


def test_a_compressed_file_that_was_cut_off_is_refused() -> None:
    packed = gzip.compress(EXPORT)
    with (
        gzip.GzipFile(fileobj=io.BytesIO(packed[:-40])) as cut,
        pytest.raises(MovingError, match=r"cannot be read|cut off"),
    ):
        examine(cut)  # type: ignore[arg-type]


def test_a_line_that_never_ends_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tbie.moving.reading.LINE_BYTES", 1_000)
    file = io.BytesIO(b"x" * 5_000)
    with pytest.raises(MovingError, match="line 1 of the export is longer than"):
        examine(file)
    assert file.tell() == 1_001


def changed(index: int, **values: Any) -> Callable[[list[Any]], None]:
    def change(said: list[Any]) -> None:
        said[index].update(values)

    return change


def record(**values: Any) -> Callable[[list[Any]], None]:
    def change(said: list[Any]) -> None:
        said[3]["stages"]["a"].update(values)

    return change


def nested(depth: int) -> Any:
    found: Any = 1
    for _ in range(depth):
        found = [found]
    return found


CRAFTED: dict[str, tuple[Callable[[list[Any]], None], str]] = {
    "another format": (changed(0, format="other"), "not the head of an export"),
    "a newer format": (changed(0, version=2), r"version 2; this program reads version 1"),
    "a version that is no number": (changed(0, version=True), "version True"),
    "a head without a workflow": (changed(0, workflow=None), "no text of at most"),
    "a kind that there is not": (changed(1, kind="odd"), "is a 'odd', which has no place here"),
    "a document without a body": (changed(1, body=[]), "no object as 'body'"),
    "a setting that is a number": (changed(2, value=7), "no text .* as 'value'"),
    "an item without address": (changed(3, address=["one"]), "no bucket and key"),
    "a name that is endless": (changed(3, item="x" * 70_000), "no text of at most 65536 characters as 'item'"),
    "a time that is a text": (changed(3, created_ms="now"), "no whole number as 'created_ms'"),
    "more changes than there are": (changed(3, changes=9), "should be change"),
    "fewer changes than there are": (changed(3, changes=1), "whose digest is not"),
    "a negative number of changes": (changed(3, changes=-1), "says -1 changes"),
    "endless changes": (changed(3, changes=10**9), "says 1000000000 changes"),
    "changes that are no number": (changed(3, changes=None), "says None changes"),
    "another digest": (changed(3, digest="0" * 64), "whose digest is not the one that line 4 names"),
    "a history that was edited": (changed(5, why="nobody did this"), "whose digest is not"),
    "a change without a cause": (changed(5, who=None), "no text of at most 65536 characters as 'who'"),
    "a change of no record": (changed(5, after={"a": 1}), "a change of something that is no record"),
    "a row that was edited": (record(attempts=7), "does not give the row of its item in line 4"),
    "attributes that were edited": (changed(3, attributes={"size": 4}), "does not give the row"),
    "a state that there is not": (record(state="done"), "in a state that there is not: 'done'"),
    "a state that is a list": (record(state=[]), "in a state that there is not"),
    "a record with a field too many": (record(odd=1), "with the fields of one"),
    "a generation that is true": (record(generation=True), "no whole number as 'generation'"),
    "a number without bounds": (record(attempts=2**63), "no whole number as 'attempts'"),
    "facts that nest without end": (record(facts={"a": nested(90)}), "nests deeper than 64"),
    "counts that are wrong": (changed(-1, items=4), r"counts \{'items': 4"),
    "a document behind the items": (
        lambda said: said.insert(-1, said.pop(1)),
        "is a 'document', which has no place here",
    ),
    "items out of order": (lambda said: said.__setitem__(slice(3, 10), said[7:10] + said[3:7]), "should stand before"),
}


@pytest.mark.parametrize("name", CRAFTED)
def test_what_was_made_up_is_refused_although_every_hash_of_a_line_is_right(name: str) -> None:
    change, words = CRAFTED[name]
    said = bodies(EXPORT)
    change(said)
    with pytest.raises(MovingError, match=words) as refused:
        examined(sealed(said))
    assert str(refused.value).startswith("line ")
    assert "Nothing was changed." in str(refused.value)


def test_brackets_in_their_thousands_are_refused_before_they_end_the_process() -> None:
    said = bodies(EXPORT)[:1]
    text = '{"kind":"document","of":"a","name":"b","body":{"x":' + "[" * 200_000 + "]" * 200_000 + "}}"
    data = sealed(said)
    chain = link(json.loads(data)["chain"], text)
    with pytest.raises(MovingError, match=r"line 2 of the export is not JSON|nests deeper"):
        examined(data + f"{BEFORE}{chain}{BETWEEN}{text}{AFTER}\n".encode())


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1" * 5_000])
def test_numbers_that_no_store_could_give_back_are_refused(text: str) -> None:
    data = sealed(bodies(EXPORT)[:1])
    body = '{"kind":"document","of":"a","name":"b","body":{"x":' + text + "}}"
    chain = link(json.loads(data)["chain"], body)
    with pytest.raises(MovingError, match="line 2 of the export is not JSON"):
        examined(data + f"{BEFORE}{chain}{BETWEEN}{body}{AFTER}\n".encode())
