"""Every intent destroyed: how long until the safety net has sent all of them again.

The queue's file is deleted from under the running system, as an accident would. The sweep must find each open stage without
an intent, give it a fresh token in Truth (fsynced, with history), and send it, checked and addressed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

from harness import fsync_ms, machine, median
from store import Stores
from systems.tbie_sqlite import STAGE

from tbie.core.reading import Known


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None, help="where files are made: on the disk to be measured")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tbie-bench-", dir=options.folder))
    try:
        stores = Stores(folder / "home")
        stores.add(range(options.items))
        fsync_p50_ms, _ = fsync_ms(folder)
        seconds = [_destroy_and_wait(stores, options.items) for _ in range(options.rounds)]
        stores.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result = {
        "items": options.items,
        "rebuilt_in_s": round(median(seconds), 2),
        "rounds_s": [round(s, 2) for s in seconds],
    }
    result["intents_per_s"] = round(options.items / median(seconds))
    result["fsync_p50_ms"] = fsync_p50_ms
    if options.json:
        print(json.dumps({"machine": machine(), **result}, indent=1))
    else:
        print(", ".join(f"{name} {value}" for name, value in {**machine(), **result}.items()))


def _destroy_and_wait(stores: Stores, items: int) -> float:
    (stores.home / "intent.db").unlink()
    begun = time.monotonic()
    done = stores.reconciler.step(force_sweep=True, grace_s=0.0)
    seconds = time.monotonic() - begun
    depth = stores.intent.depth(STAGE)
    if not isinstance(depth, Known) or depth.value.visible != items or done.emitted.superseded != items or done.blind:
        raise SystemExit(f"not rebuilt: {depth}, {done}")
    return seconds


if __name__ == "__main__":
    main()
