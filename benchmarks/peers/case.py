"""``python -m benchmarks.peers.case JSON``: one fault in one system, in a process of its own. Prints one line of JSON."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks.kernel import services
from benchmarks.peers.scenarios import RUN, Bounds
from benchmarks.peers.systems.__main__ import load
from benchmarks.peers.systems.protocol import Site


def main() -> None:
    """Run it; whatever happens, nothing that it started is left."""
    asked = json.loads(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("the case was ended from outside"))
    home = Path(tempfile.mkdtemp(prefix=f"peers-{asked['system']}-", dir=asked["folder"]))
    try:
        with contextlib.ExitStack() as stack:
            needs = load(asked["system"]).needs
            redis_url = stack.enter_context(services.redis(home)) if "redis" in needs else ""
            postgres_url = services.fresh_database(asked["postgres_url"], home.name) if "postgres" in needs else ""
            system, setting, scenario = asked["system"], asked["setting"], asked["scenario"]
            site = Site(home, system, setting, scenario, asked["jobs"], redis_url, postgres_url)
            result = RUN[site.scenario](asked["python"], site, Bounds(**asked["bounds"]))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
