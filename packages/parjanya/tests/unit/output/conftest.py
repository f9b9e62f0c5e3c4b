"""One record to start from; tests change what they are about with `dataclasses.replace`."""

from __future__ import annotations

from pathlib import Path

import pytest

from parjanya.export.record import ImageRecord, Reason


@pytest.fixture
def record(tmp_path: Path) -> ImageRecord:
    source = tmp_path / "IMG_1.jpg"
    source.write_bytes(b"not opened by any exporter")
    return ImageRecord(
        id="img-1",
        tenant="studio",
        path="shoot/IMG_1.jpg",
        source=source,
        status="completed",
        verdict="reject",
        reasons=(Reason("blur.severe", "Nothing is sharp.", {"sharpness": 0.08}),),
        rating=-1,
        label="Red",
        medium="photo",
        scores={"sharpness": 0.08, "noise": 2.5},
        policy_version="photo@1",
        versions={"quality": "q1"},
    )
