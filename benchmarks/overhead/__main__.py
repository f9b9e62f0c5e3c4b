"""``./run bench overhead``: puts the checkout on the path, so that this is ``benchmarks.overhead`` wherever it is started."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

if __name__ == "__main__":
    if find_spec("boto3") is None:
        sys.exit("the library of the AWS profile is not installed: ./run aws brings it")
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from benchmarks.overhead.command import main

    sys.exit(main())
