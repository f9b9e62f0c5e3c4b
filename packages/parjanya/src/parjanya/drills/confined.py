"""One drill inside a mount namespace: ``python -m parjanya.drills.confined``, started by ``small_disk`` and by nobody else."""

from __future__ import annotations

import pickle
import signal
import sys
from dataclasses import fields

from parjanya.drills.catalogue import BY_NAME
from parjanya.drills.report import Report
from parjanya.drills.run import Ground, run_here
from parjanya.drills.small_disk import Order
from tbie.core.clock import SystemClock


def main() -> None:
    """Do what standard input orders; the report goes to standard output."""
    order = Order(*pickle.loads(sys.stdin.buffer.read()))  # noqa: S301 - from our own parent, over a pipe
    common = Ground(order.root, order.shoot, order.reference, SystemClock(), keep=order.keep)
    signal.signal(signal.SIGTERM, lambda *_: common.stopped.set())
    report = Report(BY_NAME[order.drill])
    run_here(report, common)
    kept = {field.name: getattr(report, field.name) for field in fields(report) if field.name != "drill"}
    sys.stdout.buffer.write(pickle.dumps(kept))


if __name__ == "__main__":
    main()
