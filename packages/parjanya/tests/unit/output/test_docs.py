"""The pages say what the code does: every refusal has a row, every figure its test."""

from __future__ import annotations

import re
from pathlib import Path

import parjanya.export.sidecar
import parjanya.export.sidecar_edit
import parjanya.export.xmp
import parjanya.imaging.xmp

ROOT = Path(__file__).resolve().parents[5]
MODULES = (parjanya.export.sidecar, parjanya.export.sidecar_edit, parjanya.export.xmp, parjanya.imaging.xmp)


def test_every_refusal_of_a_sidecar_is_documented() -> None:
    sources = "".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in MODULES)
    codes = set(re.findall(r'XmpRefused\(\s*"([a-z_0-9]+)"', sources)) | set(re.findall(r'f"(sidecar_\w+):', sources))
    page = (ROOT / "docs" / "xmp.md").read_text(encoding="utf-8")
    assert len(codes) >= 11
    assert {code for code in codes if f"`{code}`" not in page} == set()
