"""A second reconciler on a home that has one: ``python -m parjanya.drills.hands.reconciler HOME``.

It does not ask who leads the home: an engine of another machine on a shared disk, or one started by hand after somebody
removed the lock, would not either. It ends when it is told to.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from parjanya.home import Home
from parjanya.profiles.embedded import open_reconciler, open_system

if __name__ == "__main__":
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    system = open_system(Home(Path(sys.argv[1])), create=False)
    reconciler = open_reconciler(system)
    while not stop.is_set():
        reconciler.step()
        stop.wait(system.settings.poll_interval_s)
    reconciler.close()
    system.close()
