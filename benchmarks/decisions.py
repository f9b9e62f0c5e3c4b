"""How many images a policy decides about in a second: signals in memory, and stored observations of a home.

    ./run bench decisions                      100,000 images
    ./run bench decisions --images 1000000     a million

Run by hand. The home is synthetic: facts of the shapes and sizes that the stages store, with values drawn from a seed, written
straight into a ``truth.db`` of the product's own schema (beyond 20,000 images the same facts again under other names). Then
the very code of ``regrade --policy FILE --dry-run`` decides again about all of them by a stricter policy, counts the verdicts
that would change, and is timed by the processor time of this one process (one thread), so the figure is per core. That no
image was looked at and no stage run is counted: whatever does so would add to a counter.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from parjanya.policy import Policy, builtin, builtin_text, decide, load, verdict
from parjanya.policy.signals import MEDIA, Value
from parjanya.profiles.engines import DeclaredEngine
from parjanya.stages import curate
from parjanya.views.trial_policy import try_policy
from parjanya.vision import classical, features, sight
from parjanya.vision.model import shipped
from parjanya.workflow import image_workflow
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.clock import SystemClock
from tbie.core.ids import RandomIds

TENANT = "studio"
BEHIND = {"measure": "sharpness", "this": 0.4, "best": 0.52, "text": "the other one is sharper by 0.12"}
LOOKERS: tuple[tuple[Any, str], ...] = (
    (classical, "observe"),
    (features, "describe"),
    (sight, "sight_of"),
    (DeclaredEngine, "observe"),
    (curate, "judge"),
)
"""Whatever looks at a picture, asks a model, or runs as part of a stage."""
CHANGES = ("severe_blur_below: 0.18", "severe_blur_below: 0.25"), ("soft_below: 0.33", "soft_below: 0.40")


def stricter() -> Policy:
    """The built-in culling with two other thresholds."""
    text = builtin_text("culling")
    for old, new in CHANGES:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return load(text, "stricter culling")


def facts_of(rng: random.Random, number: int) -> dict[str, dict[str, Any]]:
    """The facts of one image, as the stages store them."""
    seen = {name: round(rng.random(), 4) for name in shipped().names}
    medium = "photo" if rng.random() < 0.9 else rng.choice(MEDIA)
    burst = rng.random() < 0.3
    best = not burst or rng.random() < 0.4
    camera = rng.random() < 0.8
    return {
        "technical": {
            "format": "JPEG",
            "sha256": f"{number:064x}",
            "phash": [f"{number * 2654435761 % 2**64:016x}"] * 8,
            "width": 6000,
            "height": 4000,
            "colour": {"mode": "RGB", "profile": "sRGB"},
            "exif": {
                "make": "Parjanya" if camera else None,
                "model": "Sketchbook 24" if camera else None,
                "lens": "Sketch 35mm f/1.8",
                "serial": None,
                "orientation": 1,
                "iso": 200,
                "exposure_s": 0.004,
                "f_number": 5.6,
                "focal_length_mm": 35.0,
                "taken": {"local": "2026-06-20T05:31:08.000", "offset": "+02:00", "utc_ms": 1781926268000 + number},
                "gps": {"lat": 46.5586, "lon": 7.8911, "alt_m": None},
            },
            "warnings": [],
        },
        "quality": {
            "sharpness": round(rng.random(), 4),
            "subject_sharpness": round(0.05 + 0.9 * rng.random(), 4),
            "exposure": {
                "mean": 0.4,
                "median": round(rng.random(), 4),
                "p05": 0.1,
                "p95": round(0.05 + 0.95 * rng.random(), 4),
            },
            "clipped_highlights": round(rng.random() ** 4, 4),
            "clipped_shadows": round(rng.random() ** 4, 4),
            "contrast": 0.2,
            "noise": round(2 * rng.random(), 2),
            "colourfulness": 41.6,
            "entropy_bits": 7.239,
            "measured_px": 1024,
        },
        "observe": {
            "engine": "classical",
            "medium": medium,
            "is_photo_probability": round(rng.random(), 4),
            "confidence": round(rng.random(), 4),
            "evidence": {"camera_make": "Parjanya" if camera else None, **seen},
            "because": ["the metadata name a camera (Parjanya)", "fine grain covers more than half of the image"],
            "kinds": {},
        },
        "group": {
            "group": f"{number // 3:016x}" if burst else None,
            "kind": "burst" if burst else None,
            "best": best,
            "best_item": None if best else f"{number:016x}",
            "best_name": None if best else f"IMG_{number}.jpg",
            "rank": 1 if best else 2,
            "differences": [] if best else [BEHIND],
        },
    }


DRAWN = 20_000
"""Different images. What a decision costs does not depend on whether another image has the same facts."""


def build(path: Path, images: int) -> SqliteTruth:
    """A Truth with *images* judged images, written in the schema of the product (the product itself would take hours)."""
    workflow, clock, ids = image_workflow(), SystemClock(), RandomIds()
    truth = SqliteTruth(path, workflow, clock, ids)
    rng, policy = random.Random(20261126), builtin("culling")

    def rows() -> Iterator[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
        for number in range(1, min(images, DRAWN) + 1):
            facts = facts_of(rng, number)
            facts[curate.NAME] = curate.judge(policy, facts)
            item = (
                number,
                TENANT,
                f"{number * 2654435761 % 2**32:08x}{number:08x}",
                "file",
                f"/shoot/IMG_{number}.jpg",
                "{}",
                1,
            )
            yield (
                item,
                [
                    (
                        number,
                        stage,
                        "completed",
                        workflow[stage].version,
                        1,
                        f"t{number}",
                        1,
                        1,
                        1,
                        0,
                        None,
                        0,
                        None,
                        json.dumps(found),
                        0,
                    )
                    for stage, found in facts.items()
                ],
            )

    with truth._db.write() as connection:
        connection.execute("INSERT INTO tenant VALUES (?, 1)", (TENANT,))
        for item, stages in rows():
            connection.execute("INSERT INTO item VALUES (?,?,?,?,?,?,?)", item)
            connection.executemany(f"INSERT INTO stage VALUES ({','.join('?' * 15)})", stages)
    for first in range(DRAWN, images, DRAWN):
        with truth._db.write() as connection:
            for table in ("item", "stage"):
                columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
                key = columns[0]
                named = [f"{key} + {first}", *columns[1:]]
                if table == "item":
                    named[columns.index("item")] = f"item || '-{first}'"
                connection.execute(
                    f"INSERT INTO {table} SELECT {','.join(named)} FROM {table} WHERE {key} <= ?",
                    (min(DRAWN, images - first),),
                )
    return truth


def in_memory(images: int) -> dict[str, float]:
    """Decisions about signals that are there already: with sentences and evidence, and the verdict alone."""
    rng, policy = random.Random(7), builtin("culling")
    drawn: list[dict[str, Value]] = [policy.read(facts_of(rng, number)) for number in range(2_000)]
    found = {}
    for name, run in (("verdict and reasons, with evidence", decide), ("verdict and codes", verdict)):
        began_s = time.process_time()
        for number in range(images):
            run(policy, drawn[number % len(drawn)])
        found[name] = images / (time.process_time() - began_s)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument(
        "--home", type=Path, default=None, help="keep the synthetic home there, or use the one that is there"
    )
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    memory = in_memory(min(asked.images, 100_000))
    with tempfile.TemporaryDirectory() as folder:
        path = (asked.home or Path(folder)) / "truth.db"
        path.parent.mkdir(parents=True, exist_ok=True)
        began_s = time.perf_counter()
        existing = path.exists()
        truth = (
            SqliteTruth(path, image_workflow(), SystemClock(), RandomIds()) if existing else build(path, asked.images)
        )
        built_s = time.perf_counter() - began_s
        told = measure(truth, path)
        truth.close()
    told |= {
        "in_memory_per_s": memory,
        "built_s": built_s,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    print(json.dumps(told, indent=2) if asked.json else "\n".join(_lines(told)))


def count_looks() -> list[int]:
    """From now on, each call of what looks at an image, or runs a stage, adds to the first entry."""
    looks = [0]
    for holder, name in LOOKERS:
        real = getattr(holder, name)

        def counted(*arguments: Any, _real: Any = real, **named: Any) -> Any:
            looks[0] += 1
            return _real(*arguments, **named)

        setattr(holder, name, counted)
    return looks


def measure(truth: SqliteTruth, path: Path) -> dict[str, Any]:
    """Decide again about everything in *truth* by the stricter policy."""
    policy, looks = stricter(), count_looks()
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    flips = try_policy(truth, lambda _: policy, tenants=[TENANT]).flips
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    looked = looks[0]
    features.describe(np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.uint8))
    assert looks[0] == looked + 1, "the counter does not count"
    return {
        "images": flips.images,
        "changed": flips.changed,
        "by_rule": flips.to_json()["by_rule"],
        "decisions_per_core_s": flips.images / cpu_s,
        "cpu_s": cpu_s,
        "wall_s": wall_s,
        "database_bytes": path.stat().st_size,
        "looks_at_images": looked,
    }


def _lines(told: dict[str, Any]) -> Iterator[str]:
    for name, rate in told["in_memory_per_s"].items():
        yield f"in memory, {name}: {rate:,.0f} decisions/s"
    yield f"stored: {told['images']:,} images, {told['database_bytes'] / 1e9:.2f} GB (written in {told['built_s']:.0f} s)"
    yield f"stored: {told['decisions_per_core_s']:,.0f} decisions/s per core"
    yield f"        ({told['cpu_s']:.1f} s of processor time, {told['wall_s']:.1f} s in all)"
    yield f"verdicts that would change: {told['changed']:,}; by rule: {told['by_rule']}"
    yield f"looks at an image, by a model or otherwise: {told['looks_at_images']}"


if __name__ == "__main__":
    main()
