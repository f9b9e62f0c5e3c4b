"""From the start of the process to the first image processed: what somebody waits who types `parjanya curate`.

    python benchmarks/startup.py [--runs 5] [--pixels 24] [IMAGE]

Each run curates one image (a synthetic one of *pixels* megapixels, or IMAGE) in a fresh home and prints when, after the
process was started, each mark was reached, and what processor time the whole run took (``cpu``: on a busy machine, the
rest is waiting for a processor). Marks inside come from Truth's own history, whose times are of the same clock. The
goal is 2 s to the first image through every stage that looks at it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image

GOAL_S = 2.0
MARKS = ("ingested", "technical", "observe", "curate", "finished", "cpu")


def synthetic(path: Path, megapixels: float) -> None:
    """A photograph-like JPEG: soft colour with grain, three by two."""
    height = int((megapixels * 1e6 / 1.5) ** 0.5)
    rng = np.random.default_rng(7)
    soft = Image.fromarray(rng.integers(0, 255, (40, 60, 3), dtype=np.uint8))
    pixels = np.asarray(soft.resize((int(height * 1.5), height), Image.Resampling.BICUBIC)).astype(np.int16)
    pixels += rng.integers(-6, 6, pixels.shape, dtype=np.int16)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)


def one_run(image: Path) -> dict[str, float]:
    """Seconds from the start of the process to each mark."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        command = [sys.executable, "-m", "parjanya.cli.main", "curate", str(image), "--home", str(home)]
        before, started_ms = os.times(), time.time_ns() // 1_000_000
        subprocess.run(command, check=True, capture_output=True)
        after, marks = os.times(), {"finished": time.time_ns() / 1e6 - started_ms}
        used = after.children_user + after.children_system - before.children_user - before.children_system
        marks["cpu"] = used * 1000
        with closing(sqlite3.connect(home / "truth.db")) as truth:
            (marks["ingested"],) = truth.execute("SELECT min(at_ms) - ? FROM history", (started_ms,)).fetchone()
            rows = truth.execute("SELECT stage, updated_ms - ? FROM stage WHERE state = 'completed'", (started_ms,))
            marks.update(rows.fetchall())
    return {name: marks[name] / 1000 for name in MARKS}


def bare_start() -> float:
    """Seconds for an interpreter that does nothing: the floor of this machine."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - started


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", nargs="?", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--pixels", type=float, default=24, help="megapixels of the synthetic image")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.jpg"
        if given.image is not None:
            shutil.copy(given.image, image)
        else:
            synthetic(image, given.pixels)
        floor = statistics.median(bare_start() for _ in range(given.runs))
        runs = [one_run(image) for _ in range(given.runs)]
        print(f"{image.stat().st_size / 1e6:.1f} MB, {given.runs} runs, {os.cpu_count()} cores, seconds")
    print(f"{'mark':12} {'median':>7} {'min':>7} {'max':>7}")
    print(f"{'(bare start)':12} {floor:7.2f}")
    for name in MARKS:
        values = [run[name] for run in runs]
        print(f"{name:12} {statistics.median(values):7.2f} {min(values):7.2f} {max(values):7.2f}")
    reached = statistics.median(run["observe"] for run in runs)
    print(f"first image through every stage that looks at it: {reached:.2f} s; goal {GOAL_S:.0f} s")


if __name__ == "__main__":
    main()
