"""The safety-net sweep with 100 open stages, at ten thousand and at a million items: its cost must not follow the items.

Finished items are written straight into the file (through the API it would take minutes for nothing measured); the open ones are
added through the API, and what was written is checked through the API before anything is timed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path

from harness import machine, median, percentile
from store import Stores
from systems.tbie_sqlite import STAGE, TENANT, WORKFLOW, item_key

from tbie.history import fold, plain
from tbie.reconciler.desk import Desk
from tbie.reconciler.sweep import Sweep
from tbie.truth import StageState

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2) "
_RECORD = (
    '\'{"stage":"noop","state":"completed","version":"v1","generation":1,"token":"t\' || i || \'","attempts":1,'
    '"since_ms":1700000000000,"updated_ms":1700000000000,"not_before_ms":0,"reason":null,"retriable":false,'
    '"evidence":null,"facts":{"answer":42}}\''
)
_LOAD = (
    _NUMBERS + "INSERT INTO item SELECT i + 1, 'bench', printf('%08d', i), 'file', '/photos/' || i || '.jpg',"
    ' \'{"size":8123456,"path":"/photos/\' || i || \'.jpg"}\', 1700000000000 FROM n',
    _NUMBERS
    + "INSERT INTO stage SELECT i + 1, 'noop', 'completed', 'v1', 1, 't' || i, 1, 1700000000000, 1700000000000, 0,"
    " NULL, 0, NULL, '{\"answer\":42}', 0 FROM n",
    _NUMBERS
    + "INSERT INTO history(item_id, at_ms, who, why, opened, before, after) SELECT i + 1, 1700000000000, 'bench',"
    " 'loaded', 0, '{}', '{\"noop\":' || " + _RECORD + " || '}' FROM n",
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=100, help="open stages, each with its intent")
    parser.add_argument("--rounds", type=int, default=51, help="sweeps of each, interleaved")
    parser.add_argument("--folder", type=Path, default=None, help="where files are made: on the disk to be measured")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tbie-bench-", dir=options.folder))
    sizes = {"small": options.small, "large": options.large}
    try:
        systems = {name: _build(folder / name, items, options.open) for name, items in sizes.items()}
        times: dict[str, list[float]] = {name: [] for name in systems}
        for _ in range(options.rounds):
            for name, stores in systems.items():
                times[name].append(_sweep(stores, options.open))
        for stores in systems.values():
            stores.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result: dict[str, object] = {"open": options.open, **{f"{name}_items": items for name, items in sizes.items()}}
    for name, taken in times.items():
        result[f"{name}_p50_ms"] = round(1000 * median(taken), 3)
        result[f"{name}_p95_ms"] = round(1000 * percentile(taken, 0.95), 3)
    result["ratio_p50"] = round(median(times["large"]) / median(times["small"]), 2)
    if options.json:
        print(json.dumps({"machine": machine(), **result}, indent=1))
    else:
        print(", ".join(f"{name} {value}" for name, value in {**machine(), **result}.items()))


def _build(home: Path, items: int, open_stages: int) -> Stores:
    Stores(home).close()  # makes the tables
    connection = sqlite3.connect(home / "truth.db", isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    for first in range(0, items, 200_000):
        connection.execute("BEGIN")
        for statement in _LOAD:
            connection.execute(statement, (first, min(first + 200_000, items)))
        connection.execute("COMMIT")
    connection.execute("INSERT INTO tally VALUES ('bench', 'noop', 'completed', 'v1', ?)", (items,))
    connection.execute("INSERT INTO cursor SELECT 'reconciler', max(seq) FROM history")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    stores = Stores(home)
    _check(stores, items)
    stores.add(range(items, items + open_stages))
    return stores


def _check(stores: Stores, items: int) -> None:
    """What was written directly must read as if the API had written it."""
    counted = stores.truth.tally()[TENANT, STAGE, StageState.COMPLETED]
    sample = [item_key(job) for job in {0, items // 2, items - 1}]
    for key, item in zip(sample, stores.truth.get(sample), strict=True):
        folded = fold(stores.truth.history(key))
        if item is None or not item.settled or folded != {STAGE: plain(item.stages[STAGE])} or counted != items:
            raise SystemExit(f"the loaded items are not as the API would have them: {key} {item} {folded}")


def _sweep(stores: Stores, open_stages: int) -> float:
    desk = Desk(WORKFLOW, stores.truth, stores.intent, lambda _: True, stores.clock, stores.settings)
    sweep = Sweep(desk)
    begun = time.monotonic()
    swept = sweep.run(grace_s=0.0)
    seconds = time.monotonic() - begun
    if swept.open != open_stages or swept.emitted.sent or swept.blind:
        raise SystemExit(f"not the sweep that was to be measured: {swept}")
    return seconds


if __name__ == "__main__":
    main()
