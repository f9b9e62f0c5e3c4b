"""How near the image stages come to what the JPEG library alone allows, on 24-megapixel photographs.

The *limit* of one core: let libjpeg-turbo decode at half size (as Pillow's ``draft`` asks it to) and encode the two
previews, and do nothing else: no file, no hash, no resizing, no metadata, no judgement. The stages are the handlers
``technical`` and ``preview``, and ``quality`` if it is installed, called directly on files.

    python benchmarks/images.py [--images N] [--rounds N] [--json]

Both are timed in turns on the same files, the best of the rounds counts, so that another program on the machine slows
both or neither. The images are drawn here, the same on every machine; nothing is downloaded.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image, features

from parjanya.catalog.paths import path_to_key
from parjanya.imaging import previews
from parjanya.imaging.decoded import view_size
from parjanya.imaging.limits import DEFAULT_LIMITS, apply_process_limits
from parjanya.stages import preview, technical
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed
from tbie.execution import Handler, Work

WIDTH, HEIGHT, QUALITY = 6000, 4000, 94
GOAL_RATIO, GOAL_SCALING = 0.45, 0.9
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # as worker processes run


class Shelf:
    """An object store in memory: what storing costs is measured elsewhere."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    def put(self, data: bytes, suffix: str) -> Address:
        key = f"{len(self._objects)}{suffix}"
        self._objects[key] = data
        return Address("shelf", key)

    def get(self, address: Address) -> bytes:
        return self._objects[address.key]

    def has(self, address: Address) -> bool:
        return address.key in self._objects

    def clear(self) -> None:
        self._objects.clear()


def photograph(seed: int) -> bytes:
    """A 24-megapixel JPEG of 6 to 8 MB with what makes photographs dear to decode: detail at every scale, and grain."""
    rng = np.random.default_rng(seed)
    light = np.zeros((HEIGHT, WIDTH), np.float32)
    for octave in range(2, 11):  # clouds: half the amplitude at twice the frequency, as nature has it
        cells = rng.normal(0, 1, ((2**octave * 2) // 3 + 1, 2**octave)).astype(np.float32)
        layer = Image.fromarray(cells).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        light += np.asarray(layer) * (90.0 / 2 ** (octave * 0.62))
    edges = Image.new("L", (WIDTH // 4, HEIGHT // 4), 0)
    for _ in range(60):
        x, y = (int(v) for v in rng.integers(0, (WIDTH // 4, HEIGHT // 4)))
        w, h = (int(v) for v in rng.integers(20, 400, 2))
        edges.paste(int(rng.integers(0, 70)), (x, y, x + w, y + h))
    light += np.asarray(edges.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.float32)
    light += np.linspace(60, 0, HEIGHT, dtype=np.float32)[:, None] + 60
    pixels = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    for channel, (gain, offset) in enumerate(((1.0, 6), (0.96, 0), (0.88, 14))):
        grain = rng.standard_normal((HEIGHT, WIDTH), np.float32) * np.float32(4.6)
        pixels[:, :, channel] = np.clip(light * gain + offset + grain, 0, 255)
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Parjanya", f"Benchmark {seed}", 1
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=QUALITY, exif=exif)
    return out.getvalue()


def make_limit(data: bytes) -> Callable[[], None]:
    """The work that cannot be avoided for *data*: decode at half size, encode two pictures that lie ready."""
    with Image.open(io.BytesIO(data)) as image:
        size = view_size(*image.size)
        image.draft(None, size)
        view = image.resize(size, Image.Resampling.HAMMING)
    small = view.resize((320, round(320 * view.height / view.width)), Image.Resampling.HAMMING)

    def limit() -> None:
        with Image.open(io.BytesIO(data)) as image:
            image.draft(None, size)
            image.load()
        for picture, quality in ((view, previews.LARGE_QUALITY), (small, previews.THUMB_QUALITY)):
            picture.save(io.BytesIO(), "JPEG", quality=quality, subsampling="4:2:0")

    return limit


def handlers(shelf: Shelf) -> Mapping[str, Handler]:
    """The stages to run, in order."""
    found = {
        technical.NAME: technical.make_handler(DEFAULT_LIMITS),
        preview.NAME: preview.make_handler(shelf, DEFAULT_LIMITS),
    }
    try:
        quality = importlib.import_module("parjanya.stages.quality")
    except ModuleNotFoundError:
        return found
    return {**found, quality.NAME: quality.make_handler(shelf)}


def run_stages(path: Path, stages: Mapping[str, Handler], spent_s: dict[str, float]) -> None:
    """All *stages* on the file at *path* as one worker runs them, adding to *spent_s*."""
    found, key = path.stat(), path_to_key(path)
    attributes = {"path": key, "size": found.st_size, "mtime_ns": found.st_mtime_ns}
    facts: dict[str, Mapping[str, object]] = {}
    scratch: dict[str, object] = {}
    for name, handler in stages.items():
        work = Work(ItemKey("bench", path.name), name, 1, "", Address("file", key), attributes, facts, scratch=scratch)
        started = time.perf_counter()
        outcome = handler(work)
        spent_s[name] = spent_s.get(name, 0.0) + time.perf_counter() - started
        if not isinstance(outcome, Completed):
            raise SystemExit(f"{name} on {path}: {outcome}")
        facts = {**facts, name: outcome.facts}


def compare(paths: list[Path], rounds: int) -> dict[str, object]:
    """Milliseconds for each image of the limit and of the stages: the best of *rounds*, mean over *paths*."""
    shelf = Shelf()
    stages = handlers(shelf)
    limit_s, stages_s = 0.0, 0.0
    by_stage: dict[str, float] = dict.fromkeys(stages, 0.0)
    for path in paths:
        limit = make_limit(path.read_bytes())
        best_limit, best_total = float("inf"), float("inf")
        best_stages: dict[str, float] = {}
        for _ in range(rounds):
            started = time.perf_counter()
            limit()
            best_limit = min(best_limit, time.perf_counter() - started)
            spent: dict[str, float] = {}
            run_stages(path, stages, spent)
            shelf.clear()
            if sum(spent.values()) < best_total:
                best_total, best_stages = sum(spent.values()), spent
        limit_s += best_limit
        stages_s += best_total
        for name, seconds in best_stages.items():
            by_stage[name] += seconds
    count = len(paths)
    return {
        "limit_ms": round(limit_s / count * 1e3, 1),
        "stages_ms": round(stages_s / count * 1e3, 1),
        "by_stage_ms": {name: round(seconds / count * 1e3, 1) for name, seconds in by_stage.items()},
        "ratio": round(limit_s / stages_s, 3),
    }


def scaling(folder: Path, repeats: int) -> dict[str, object]:
    """Images per second of one worker process and of two at once, and the largest memory any of them held."""
    rates: dict[int, float] = {1: 0.0, 2: 0.0}
    peak = 0
    for workers in (1, 2, 1, 2):  # in turns, the best counts
        command = [sys.executable, __file__, "--worker", str(folder), "--rounds", str(repeats)]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ONE_THREAD) for _ in range(workers)]
        answers = [json.loads(process.communicate()[0]) for process in running]
        rates[workers] = max(rates[workers], sum(answer["images_per_s"] for answer in answers))
        peak = max(peak, *(answer["peak_rss_mib"] or 0 for answer in answers))
    return {
        "one_worker_images_per_s": round(rates[1], 2),
        "two_workers_images_per_s": round(rates[2], 2),
        "scaling": round(rates[2] / (2 * rates[1]), 3),
        "peak_rss_mib": peak or None,
    }


def be_worker(folder: Path, repeats: int) -> None:
    """Run the stages under the limits of a worker process and print the rate, after one image to warm up."""
    apply_process_limits(DEFAULT_LIMITS)
    paths, shelf = sorted(folder.glob("*.jpg")), Shelf()
    stages = handlers(shelf)
    run_stages(paths[0], stages, {})
    started = time.perf_counter()
    for _ in range(repeats):
        for path in paths:
            run_stages(path, stages, {})
            shelf.clear()
    rate = repeats * len(paths) / (time.perf_counter() - started)
    print(json.dumps({"images_per_s": rate, "peak_rss_mib": peak_rss_mib()}))


def peak_rss_mib() -> int | None:
    """Highest resident memory since this program began. Not ``ru_maxrss``: that one begins with the parent's."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM:")), None)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=3, help="distinct photographs to draw")
    parser.add_argument("--rounds", type=int, default=5, help="times each is measured; the best counts")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker is not None:
        be_worker(given.worker, given.rounds)
        return 0
    with tempfile.TemporaryDirectory(prefix="parjanya-bench-") as name:
        folder = Path(name)
        for seed in range(given.images):
            (folder / f"{seed}.jpg").write_bytes(photograph(seed))
        paths = sorted(folder.glob("*.jpg"))
        result: dict[str, object] = {
            "image": f"{WIDTH}x{HEIGHT} JPEG q{QUALITY}",
            "mean_bytes": sum(path.stat().st_size for path in paths) // len(paths),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at start",
            "versions": f"python {platform.python_version()}, {previews.LIBRARY}",
            "libjpeg_turbo": features.version("libjpeg_turbo"),
            "recipe": previews.RECIPE,
            **compare(paths, given.rounds),
            **scaling(folder, max(2, given.rounds)),
        }
    met = {"ratio": float(str(result["ratio"])) >= GOAL_RATIO, "scaling": float(str(result["scaling"])) >= GOAL_SCALING}
    result["goals"] = {"ratio": GOAL_RATIO, "scaling": GOAL_SCALING, "met": met}
    if given.json:
        print(json.dumps(result, indent=2))
    else:
        for label, value in result.items():
            print(f"{label:26} {value}")
    return 0 if all(met.values()) else 3


if __name__ == "__main__":
    raise SystemExit(main())
