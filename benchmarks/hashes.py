"""How fast hashes are compared: one with a million in all eight positions, and all with all.

    ./run bench hashes [--count N] [--pairs N] [--json]

The *floor* of a search is reading its three words per hash from memory once, here by taking their greatest value. Processor
time of one core, the best of the rounds: another program on the machine changes it little. Hashes are random and seeded.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np

from parjanya.imaging.hash_index import HashIndex
from parjanya.vision.likeness import similar_pairs

RADIUS = 60


def spent_ms(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1e3


def search(count: int, rounds: int = 40) -> dict[str, float]:
    rng = np.random.default_rng(1)
    hashes = [rng.bytes(32).hex() for _ in range(count)]
    index = HashIndex(hashes)
    words = np.frombuffer(rng.bytes(24 * count), np.uint64)
    asked = [hashes[int(k)] for k in rng.integers(0, count, rounds)]
    eight = sorted(spent_ms(lambda q=query: index.search_turned(q, RADIUS)) for query in asked)  # type: ignore[misc]
    one = sorted(spent_ms(lambda q=query: index.search(q, RADIUS)) for query in asked)  # type: ignore[misc]
    floor = min(spent_ms(words.max) for _ in range(rounds))
    return {
        "hashes": count,
        "eight_positions_best_ms": round(eight[0], 2),
        "eight_positions_median_ms": round(eight[rounds // 2], 2),
        "as_it_stands_best_ms": round(one[0], 2),
        "floor_ms": round(floor, 2),
        "times_the_floor": round(eight[0] / floor, 1),
    }


def pairs(count: int) -> dict[str, float]:
    rng = np.random.default_rng(2)
    hashes = [rng.bytes(32).hex() for _ in range(count)]
    took_s = spent_ms(lambda: similar_pairs(hashes, RADIUS)) / 1e3
    each_ns = took_s * 1e9 / (count * (count - 1) / 2)
    return {"images": count, "seconds": round(took_s, 2), "ns_per_pair": round(each_ns, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=30_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = {"search": search(options.count), "all_pairs": pairs(options.pairs)}
    if options.json:
        print(json.dumps(found, indent=1))
        return
    for name, figures in found.items():
        print(name, ", ".join(f"{key} {value}" for key, value in figures.items()))


if __name__ == "__main__":
    main()
