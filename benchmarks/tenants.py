"""A tenant's first image beside another tenant's 50,000: how much longer does it take than alone?

The product as it is run: `parjanya serve` with its fleet, `parjanya ingest` for both tenants, real JPEG files (links to a
few, so that 50,000 fit a small disk). The time is between two entries of Truth: the image is there, and its first stage is
completed. `idle`: nothing was there and the fleet was at zero, as a first image finds it; `warm`: workers were there. Prints
each and the ratios of the medians; exits 1 if *loaded ÷ idle* exceeds 2.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import select
import shutil
import signal
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

PROGRAM = (sys.executable, "-m", "parjanya.cli.main")
LIMIT = 2.0
LOOK_S = 0.005
PATIENCE_S = 120.0


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--images", type=int, default=50_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="parjanya-tenants-"))
    try:
        found = measure(folder, asked.images, asked.rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    medians = {name: round(statistics.median(times), 3) for name, times in found.items()}
    ratios = {f"loaded/{name}": round(medians["loaded"] / medians[name], 2) for name in ("idle", "warm")}
    result = {"images": asked.images, "seconds": found, "medians_s": medians, "ratios": ratios, "limit": LIMIT}
    print(json.dumps(result) if asked.json else "\n".join(f"{name}: {value}" for name, value in result.items()))
    return 0 if ratios["loaded/idle"] <= LIMIT else 1


def measure(folder: Path, images: int, rounds: int) -> dict[str, list[float]]:
    """Seconds to a first image's first result: idle, warm, and beside a flood."""
    originals = draw(folder / "originals", 4)
    found: dict[str, list[float]] = {"idle": [], "warm": [], "loaded": []}
    for number in range(rounds):
        with Serving(folder / f"idle{number}") as home:
            found["idle"].append(home.first_image(f"i{number}", link(originals[0], folder / f"i{number}")))
            found["warm"].append(home.first_image(f"w{number}", link(originals[1], folder / f"w{number}")))
    flood = folder / "flood"
    flood.mkdir()
    for number in range(images):
        os.link(originals[number % len(originals)], flood / f"{number:06}.jpg")
    with Serving(folder / "loaded") as home:
        adding = subprocess.Popen([*PROGRAM, "ingest", str(flood), "--tenant", "flood", "--home", str(home.root)])
        home.until("SELECT 1 FROM stage WHERE state = 'completed' LIMIT 1")
        for number in range(rounds):  # the first ones come while the flood is still being taken in
            found["loaded"].append(home.first_image(f"l{number}", link(originals[2], folder / f"l{number}")))
        adding.wait(600)
        found["loaded"].append(home.first_image("late", link(originals[3], folder / "late")))
    return {name: [round(seconds, 3) for seconds in times] for name, times in found.items()}


def draw(folder: Path, count: int) -> list[Path]:
    """A few small JPEG files, all different."""
    folder.mkdir()
    paths = []
    for seed in range(count):
        cells = np.random.default_rng(seed).integers(0, 255, (12, 18, 3), dtype=np.uint8)
        paths.append(folder / f"{seed}.jpg")
        Image.fromarray(cells).resize((900, 600), Image.Resampling.BICUBIC).save(paths[-1], "JPEG")
    return paths


def link(original: Path, folder: Path) -> Path:
    """*original* alone in a folder of its own."""
    folder.mkdir()
    os.link(original, folder / "first.jpg")
    return folder


class Serving:
    """`parjanya serve` over a home of its own, stopped by process id."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __enter__(self) -> Serving:
        arguments = [*PROGRAM, "serve", "--port", "0", "--home", str(self.root)]
        self._process = subprocess.Popen(arguments, stderr=subprocess.PIPE)
        assert self._process.stderr is not None
        ready, _, _ = select.select([self._process.stderr], [], [], PATIENCE_S)
        said = self._process.stderr.readline().decode() if ready else ""
        assert re.search("serving", said), said
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def first_image(self, tenant: str, folder: Path) -> float:
        """Seconds from an image being in Truth to its first result being there."""
        command = [*PROGRAM, "ingest", str(folder), "--tenant", tenant, "--home", str(self.root)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        sql = (
            "SELECT s.updated_ms - i.created_ms FROM item i JOIN stage s ON s.item_id = i.id AND s.stage = 'technical'"
            f" WHERE i.tenant = '{tenant}' AND s.state = 'completed'"
        )
        return self.until(sql) / 1000

    def until(self, sql: str) -> int:
        """The first value of the first row that *sql* gives."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                with closing(sqlite3.connect(self.root / "truth.db", timeout=10)) as connection:
                    rows = connection.execute(sql).fetchall()
            except sqlite3.OperationalError:
                rows = []
            if rows:
                return int(rows[0][0])
            time.sleep(LOOK_S)
        raise SystemExit(f"nothing after {PATIENCE_S} s: {sql}")


if __name__ == "__main__":
    sys.exit(main())
