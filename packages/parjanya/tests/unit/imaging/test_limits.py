"""The limits of a worker process, tested in one: too much memory is a refusal, and the worker lives on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))
import makers

TESTS = Path(__file__).parents[2]

BEGIN = """
import resource, sys
from parjanya.imaging.limits import Limits, apply_process_limits
import makers
from PIL import Image
from parjanya.imaging.decode import decode
from parjanya.imaging.refusal import ImageRefused
from parjanya.imaging.sniff import sniff
MIB = 1024 * 1024
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()  # what the libraries take
limits = Limits(decode_memory_bytes=used + 200 * MIB)
apply_process_limits(limits)
def seen(data):
    return decode(data, sniff(data), limits)
"""


def in_worker(script: str, *arguments: str) -> str:
    path = os.pathsep.join([str(TESTS), *(entry for entry in sys.path if entry)])
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + script, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "GIF"])
def test_an_image_that_needs_more_memory_than_allowed_is_refused_and_the_worker_lives_on(
    tmp_path: Path, form: str
) -> None:
    options: dict[str, dict[str, Any]] = {
        "PNG": {},
        "WEBP": {"lossless": True, "method": 0},
        "TIFF": {"compression": "tiff_adobe_deflate"},
        "GIF": {},
    }
    (tmp_path / "wide").write_bytes(
        makers.encode(Image.new("P" if form == "GIF" else "RGBA", (8000, 7500)), form, **options[form])
    )
    script = """
data = open(sys.argv[1], "rb").read()
try:
    print(seen(data).width)
except ImageRefused as refused:
    print(refused.code)
print(seen(makers.jpeg()).width)
"""
    assert in_worker(script, str(tmp_path / "wide")).split() == ["decoder_memory", "320"]


def test_a_24_megapixel_jpeg_fits_well_below_the_limit() -> None:
    script = """
data = makers.jpeg(Image.effect_noise((6000, 4000), 40), quality=80)
print(seen(data).view.size)
"""
    assert in_worker(script) == "(2048, 1365)"


def test_a_crash_would_leave_no_core_file_and_libraries_use_one_thread() -> None:
    script = """
import os
print(resource.getrlimit(resource.RLIMIT_CORE)[0], os.environ["OMP_NUM_THREADS"], os.environ["OPENBLAS_NUM_THREADS"])
print(resource.getrlimit(resource.RLIMIT_AS)[0] == used + 200 * MIB)
apply_process_limits(Limits(decode_memory_bytes=used + 900 * MIB))
print(resource.getrlimit(resource.RLIMIT_AS)[0] == used + 200 * MIB)  # limits are only ever lowered
"""
    assert in_worker(script).split() == ["0", "1", "1", "True", "True"]
