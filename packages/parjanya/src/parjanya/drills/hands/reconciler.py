"""A second reconciler on a home that has one: ``python -m parjanya.drills.hands.reconciler HOME``.

It does not ask for the lock of the home, as an engine of another machine on a shared disk could not: only the term in Truth
is between the two. It ends when it is told to.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from parjanya.home import Home
from parjanya.profiles.running import open_reconciler
from parjanya.profiles.system import open_system
from tbie.reconciler.leader import Leadership

if __name__ == "__main__":
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    system = open_system(Home(Path(sys.argv[1])), create=False)
    leadership = Leadership(system.truth, system.clock, system.settings, f"rival:{os.getpid()}")
    reconciler = open_reconciler(system, leadership=leadership)
    while not stop.is_set():
        reconciler.step()
        stop.wait(system.settings.poll_interval_s)
    reconciler.close()
    system.close()
