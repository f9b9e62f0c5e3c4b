"""``./run bench peers``: puts the checkout on the path, so that this folder is ``benchmarks.peers`` wherever it is started."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from benchmarks.peers.command import main

    main()
