"""Images as a table: RFC 4180 CSV, one row each, written as the records arrive.

Called by ``parjanya export`` and ``parjanya curate``. Two choices need a reason:

- **UTF-8 with a byte order mark.** Without it Excel reads the file in the local 8-bit code page and ``Küste.jpg`` turns
  into ``KÃ¼ste.jpg``; LibreOffice, Numbers, pandas (``encoding="utf-8-sig"``) and DuckDB accept the mark.
- **Text is defused, numbers are not.** A spreadsheet runs a cell that starts with ``=``, ``+``, ``-``, ``@``, tab or
  return as a formula, and file names are chosen by strangers. Such text gets a leading apostrophe. A rating of -1 is
  a number that we wrote ourselves and stays a number.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from parjanya.export.files import replacing
from parjanya.export.record import ImageRecord, readable

SCORES = (
    "sharpness",
    "subject_sharpness",
    "contrast",
    "noise",
    "colourfulness",
    "clipped_highlights",
    "clipped_shadows",
)
"""Scores that get a column of their own; the column ``scores`` holds all of them as JSON."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

COLUMNS = (
    *("id", "tenant", "path", "sha256", "status", "verdict", "reasons", "because", "rating", "label"),
    *("medium", "medium_confidence", "group", "group_kind", "group_size", "group_rank", "group_best"),
    *("policy_version", "failure_stage", "failure_code", "failure_message", "failure_retriable"),
    *("width", "height", "taken", "camera", "lens", "iso", "f_number", "exposure_s", "focal_length_mm"),
    *SCORES,
    "scores",
    *("engine", "model", "observed", "execution"),
    *("decided_by", "policy_verdict", "conflict", "decision_who", "decision_reason"),
    *("scene", "scene_size", "scene_rank", "policy", "policy_tag"),
)

Cell = str | int | float | bool | None


def write_csv(records: Iterable[ImageRecord], target: Path) -> int:
    """Write *records* to *target* and return how many there were. Unknown values are empty cells."""
    count = 0
    with replacing(target) as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="", write_through=True)
        writer = csv.writer(text, dialect="excel", lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for record in records:
            row = _row(record)
            writer.writerow([_cell(row[name]) for name in COLUMNS])
            count += 1
        text.detach()  # the wrapper must not close the stream before it is synced
    return count


def _row(record: ImageRecord) -> dict[str, Cell]:
    group: Mapping[str, object] = record.group or {}
    scene: Mapping[str, object] = record.scene or {}
    failure = record.failure
    plain = {name: value for name, value in record.to_json().items() if isinstance(value, Cell)}
    return {
        **dict.fromkeys(COLUMNS),
        **{name: value for name, value in plain.items() if name in COLUMNS},
        **{name: record.scores.get(name) for name in SCORES},
        "reasons": " ".join(reason.code for reason in record.reasons),
        "because": " ".join(reason.text for reason in record.reasons),
        "group": record.group_id,
        **{f"group_{name}": _scalar(group.get(name)) for name in ("kind", "size", "rank", "best")},
        "scene": _scalar(scene.get("name")),
        **{f"scene_{name}": _scalar(scene.get(name)) for name in ("size", "rank")},
        "failure_stage": failure.stage if failure else None,
        "failure_code": failure.code if failure else None,
        "failure_message": failure.message if failure else None,
        "failure_retriable": failure.retriable if failure else None,
        **{f"decision_{name}": _scalar((record.override or {}).get(name)) for name in ("who", "reason")},
        "scores": json.dumps(dict(record.scores), sort_keys=True) if record.scores else None,
        "observed": json.dumps(dict(record.observed)) if record.observed else None,
        "execution": json.dumps(dict(record.execution)) if record.execution else None,
    }


def _scalar(value: object) -> Cell:
    return value if isinstance(value, Cell) else str(value)


def _cell(value: Cell) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            text = readable(value).replace("\0", "\ufffd")
            return f"'{text}" if text.startswith(FORMULA_STARTS) else text
