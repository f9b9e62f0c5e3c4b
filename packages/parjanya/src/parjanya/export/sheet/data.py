"""What the page reads: a small index of all images and the details of a hundred images at a time.

Called by `writer`. The page cannot fetch anything from ``file:``, so data travels as classic scripts that call one
function. The index is packed (tables and positions), because all of it is parsed before the first picture is seen;
details are loaded when somebody looks at them. ASCII only, so no name can end a script or turn its text around.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from parjanya.export.record import ImageRecord, readable

DETAILS_PER_FILE = 100
SHARPNESS = ("subject_sharpness", "sharpness")

ROW = ("id", "path", "verdict", "failure", "status", "medium", "codes", "group", "rank", "best", "taken", "thumb")
ROW_EXTRA = ("width", "height", "sharpness", "rating")


class Table:
    """Gives every distinct text a position; None is -1."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._positions: dict[str, int] = {}

    def position(self, text: str | None) -> int:
        if text is None:
            return -1
        if text not in self._positions:
            self._positions[text] = len(self.texts)
            self.texts.append(readable(text))
        return self._positions[text]


class Index:
    """The packed index of one sheet, filled record by record."""

    def __init__(self) -> None:
        self._tables = {name: Table() for name in ("verdict", "failure", "status", "medium", "code", "group", "kind")}
        self._rows: list[list[object]] = []
        self._group_kinds: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, record: ImageRecord, thumb: str | None) -> None:
        """Append *record*, whose thumbnail lies at *thumb*."""
        facts: Mapping[str, object] = record.group or {}
        group = self._tables["group"].position(record.group_id)
        if group >= 0:
            self._group_kinds[group] = self._tables["kind"].position(_text(facts.get("kind")))
        sharpness = next((v for name in SHARPNESS if (v := record.scores.get(name)) is not None), None)
        self._rows.append(
            [
                readable(record.id),
                readable(record.path),
                self._tables["verdict"].position(record.verdict),
                self._tables["failure"].position(record.failure.code if record.failure else None),
                self._tables["status"].position(record.status),
                self._tables["medium"].position(record.medium),
                [self._tables["code"].position(reason.code) for reason in record.reasons],
                group,
                plain(facts.get("rank")),
                int(bool(facts.get("best"))),
                record.taken,
                thumb,
                record.width,
                record.height,
                plain(sharpness),
                record.rating,
            ]
        )

    def script(self, meta: Mapping[str, object]) -> bytes:
        """The script that hands the index to the page."""
        tables = {name: table.texts for name, table in self._tables.items()}
        kinds = [self._group_kinds[i] for i in range(len(self._tables["group"].texts))]
        body = {
            "meta": plain(meta),
            "columns": [*ROW, *ROW_EXTRA],
            "tables": tables,
            "groupKinds": kinds,
            "detailsPerFile": DETAILS_PER_FILE,
            "rows": self._rows,
        }
        return b"ParjanyaSheet.receiveIndex(" + encode(body) + b");\n"


def details_of(record: ImageRecord, large: str | None) -> dict[str, object]:
    """Everything about *record* that the index leaves out."""
    whole = record.to_json()
    for name in ("id", "path", "status", "verdict", "medium", "width", "height", "taken", "rating"):
        del whole[name]
    return {"large": large, **{name: plain(value) for name, value in whole.items() if value not in (None, {}, [])}}


def details_script(number: int, details: Sequence[Mapping[str, object]]) -> bytes:
    """The script that hands the details of one file to the page."""
    return b"ParjanyaSheet.receiveDetails(%d, " % number + encode(list(details)) + b");\n"


def plain(value: object) -> object:
    """*value* as something that JSON can hold: NaN and infinity are unknown (None), strangers are spelled out."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return round(value, 6) if math.isfinite(value) else None
        case str():
            return readable(value)
        case Mapping():
            return {readable(str(name)): plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case _:
            return readable(str(value))


def encode(value: object) -> bytes:
    """Compact ASCII JSON; ``<`` is escaped too, so that no text in it can be read as markup."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c").encode("ascii")


def _text(value: object) -> str | None:
    return None if value is None else str(value)
