"""``./run bench medium``: puts the checkout on the path, so that this folder is ``benchmarks.medium`` wherever it is started."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from benchmarks.medium.confusion import main

    main()
