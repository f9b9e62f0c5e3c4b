"""``./run bench vision``: puts the checkout on the path, so that this folder is ``benchmarks.vision`` wherever it is started."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from benchmarks.vision.command import main

    sys.exit(main())
