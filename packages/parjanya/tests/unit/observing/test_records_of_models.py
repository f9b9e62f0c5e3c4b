"""How people and programs read what a model saw: records, tables, selections, the summary."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from parjanya.cli.report import Reported, summary_lines
from parjanya.export.csv import write_csv
from parjanya.export.record import ImageRecord
from parjanya.views.records import seen_by
from parjanya.views.where import parse

CLASSICAL: dict[str, Any] = {"engine": "classical", "medium": "unsure", "confidence": 0.1, "evidence": {}}
EXECUTION = {"engine": "openai", "model": "qwen", "pixel_budget": 1_048_576}
MODEL: dict[str, Any] = {
    "observation": {
        "medium": "slide",
        "medium_sure": "certain",
        "eyes": "na",
        "sharp": 4,
        "note": "=cmd|' /c calc'!A1",
    },
    "grades": {"sharp": {"expected": 4.2, "entropy": 0.3}},
    "execution": EXECUTION,
}


def record(facts: dict[str, Any], name: str = "a.jpg") -> ImageRecord:
    return ImageRecord(id=name, tenant="t", path=name, source=Path(name), status="completed", **seen_by(facts))


def test_without_a_model_a_record_says_what_the_classical_engine_saw() -> None:
    told = record(CLASSICAL).to_json()

    assert (told["engine"], told["model"], told["medium"], told["medium_confidence"]) == (
        "classical",
        None,
        "unsure",
        0.1,
    )
    assert (told["observed"], told["execution"], told["witness"]) == ({}, {}, None)


def test_with_a_model_a_record_says_what_it_saw_and_keeps_the_witness() -> None:
    told = record({**CLASSICAL, "model": MODEL}).to_json()

    assert (told["engine"], told["model"], told["medium"], told["medium_confidence"]) == (
        "openai",
        "qwen",
        "slide",
        None,
    )
    assert told["observed"] == {**MODEL["observation"], "grades": MODEL["grades"]}
    assert told["execution"] == EXECUTION
    assert told["witness"] == {"engine": "classical", "medium": "unsure", "confidence": 0.1}


def test_a_model_in_process_is_named_by_its_manifest() -> None:
    execution = {"engine": "transformers", "manifest": "ab" * 32}

    assert record({**CLASSICAL, "model": {**MODEL, "execution": execution}}).model == f"manifest {'ab' * 6}"


def test_before_anything_looked_nothing_is_known() -> None:
    told = record({}).to_json()

    assert {told[name] for name in ("engine", "model", "medium", "medium_confidence", "witness")} == {None}


def test_selections_read_what_the_model_saw_and_what_is_unknown_selects_nothing() -> None:
    seen, unseen = record({**CLASSICAL, "model": MODEL}), record(CLASSICAL)

    where = parse('observed.sharp >= 4 and observed.grades.sharp.expected > 4 and engine == "openai"')

    assert where(seen)
    assert not where(unseen)
    assert parse('witness.medium == "unsure"')(seen)


def test_tables_hold_the_observation_as_json_and_are_no_formulas(tmp_path: Path) -> None:
    write_csv([record({**CLASSICAL, "model": MODEL}), record(CLASSICAL, "b.jpg")], tmp_path / "images.csv")
    with (tmp_path / "images.csv").open(encoding="utf-8-sig", newline="") as stream:
        first, second = csv.DictReader(stream)

    assert (first["engine"], first["model"], first["medium"]) == ("openai", "qwen", "slide")
    assert json.loads(first["observed"])["note"] == MODEL["observation"]["note"]
    assert json.loads(first["execution"]) == EXECUTION
    assert (second["engine"], second["observed"], second["execution"]) == ("classical", "", "")


def test_the_summary_says_who_saw_how_many() -> None:
    reported = Reported(Path("a.csv"), Path("a.json"))
    reported.engines.update({"openai qwen": 3})
    assert "seen by: openai qwen" in summary_lines(reported)

    reported.engines.update({"classical": 2})

    assert "seen by: openai qwen (3), classical (2)" in summary_lines(reported)
