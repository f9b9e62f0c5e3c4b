"""Dispatch latency at low load, from the call that adds an item until its handler starts; and what idling costs.

Adder, reconciler and two workers are processes of their own, with the product's default intervals: one item is added,
fsynced, seen in the change stream, sent as an intent, claimed and handed to its handler, each step woken by a bell.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

from harness import cpu_s, fsync_ms, machine, median, percentile, running

SYSTEM = "tbie-apart"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--jobs", type=int, default=300, help="added one by one in each round")
    parser.add_argument("--pace-ms", type=float, default=15.0, help="pause between two adds")
    parser.add_argument("--idle-s", type=float, default=5.0, help="how long to watch the idle processes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None, help="where files are made: on the disk to be measured")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tbie-bench-", dir=options.folder))
    try:
        rounds = [_round(options, folder) for _ in range(options.rounds)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result = {name: round(median([r[name] for r in rounds]), 3) for name in rounds[0]}
    if options.json:
        print(json.dumps({"machine": machine(), "median": result, "rounds": rounds}, indent=1))
    else:
        print(", ".join(f"{name} {value}" for name, value in machine().items()))
        print("\n".join(f"{name:28} {value:8.3f}" for name, value in result.items()))


def _round(options: argparse.Namespace, folder: Path) -> dict[str, float]:
    warm_up = 20
    total = warm_up + options.jobs
    fsync_p50_ms, _ = fsync_ms(folder)
    with running(SYSTEM, total, folder) as system:
        system.open_gate()
        system.add(range(warm_up), 0.02)
        begun = system.add(range(warm_up, total), options.pace_ms / 1000)["begun"]
        _, ran = system.finish(range(total))
        waits = [1000 * (ran.starts[int(job)] - at) for job, at in begun.items()]
        time.sleep(0.5)
        pids = [child.popen.pid for child in system.workers]
        before, since = sum(cpu_s(pid) for pid in pids), time.monotonic()
        time.sleep(options.idle_s)
        busy = (sum(cpu_s(pid) for pid in pids) - before) / (time.monotonic() - since)
    return {
        "dispatch_p50_ms": percentile(waits, 0.5),
        "dispatch_p99_ms": percentile(waits, 0.99),
        "dispatch_max_ms": max(waits),
        "idle_cpu_percent": 100 * busy,
        "fsync_p50_ms": fsync_p50_ms,
    }


if __name__ == "__main__":
    main()
