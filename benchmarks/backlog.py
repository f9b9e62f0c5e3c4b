"""A thousand sweeps over a standing backlog: the queue must not grow, the ledger must not be written, Truth must not change.

One tenant's items are open, each with its intent, and nobody works: a fleet that is down, a class that is paused. On SQLite, as
the embedded profile has it. Prints what a sweep costs and what it left behind; exits 1 if the backlog grew.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from tbie.backends.sqlite.intent import SqliteIntent
from tbie.backends.sqlite.ledger import SqliteLedger
from tbie.backends.sqlite.truth import SqliteTruth
from tbie.core.cause import Cause
from tbie.core.clock import SystemClock
from tbie.core.ids import RandomIds
from tbie.core.keys import Address, ItemKey
from tbie.core.reading import Known
from tbie.core.settings import Settings
from tbie.reconciler.loop import Reconciler
from tbie.truth import NewItem
from tbie.workflow import Stage, Workflow

WORKFLOW = Workflow("backlog", (Stage("noop", "v1"),))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--sweeps", type=int, default=1_000)
    parser.add_argument("--folder", type=Path, default=None, help="where files are made: on the disk to be measured")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tbie-backlog-", dir=options.folder))
    try:
        result = measure(folder, options.items, options.sweeps)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(result, indent=1) if options.json else ", ".join(f"{k} {v}" for k, v in result.items()))
    grown = result["live_after"] != result["open"] or result["ledger_rows_added"] or result["truth_changes"]
    return 1 if grown or result["sent"] else 0


def measure(folder: Path, items: int, sweeps: int) -> dict[str, object]:
    """Fill, sweep, count."""
    clock, settings = SystemClock(), Settings()
    truth = SqliteTruth(folder / "truth.db", WORKFLOW, clock, RandomIds())
    intent = SqliteIntent(folder / "intent.db", clock, settings.retention_s)
    ledger = SqliteLedger(folder / "ledger.db", settings.ledger_rows)
    new = [NewItem(ItemKey("t", f"{n:06}"), Address("file", f"/{n}"), {}) for n in range(items)]
    for first in range(0, items, 1_000):
        truth.add(new[first : first + 1_000], Cause("bench", "added"))
    control = Reconciler(WORKFLOW, truth, intent, lambda _: True, clock, settings, ledger=ledger)
    for _ in range(2):  # the second notes that every intent is live
        control.step(force_sweep=True, grace_s=0.0)
    rows, seq = len(ledger.recent(10 * items)), truth.last_seq()
    sent, seconds, swept_open = 0, [], 0
    for _ in range(sweeps):
        begun = time.monotonic()
        done = control.step(force_sweep=True, grace_s=0.0)
        seconds.append(time.monotonic() - begun)
        sent += done.emitted.sent
        swept_open = done.swept.open if done.swept is not None else -1
    depth = intent.depth("noop")
    result: dict[str, object] = {
        "items": items,
        "sweeps": sweeps,
        "open": swept_open,
        "live_after": depth.value.live if isinstance(depth, Known) else None,
        "sent": sent,
        "truth_changes": truth.last_seq() - seq,
        "ledger_rows_added": len(ledger.recent(10 * items)) - rows,
        "sweep_p50_ms": round(1000 * statistics.median(seconds), 1),
        "sweep_max_ms": round(1000 * max(seconds), 1),
    }
    for store in (control, truth, intent, ledger):
        store.close()
    return result


if __name__ == "__main__":
    raise SystemExit(main())
