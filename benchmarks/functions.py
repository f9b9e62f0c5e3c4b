"""What a function costs: CPU of fifty records and of each, and of a cold start. Needs the local server of AWS's interfaces.

``./run bench functions``. CPU is ``process_time`` of the process that runs the handler, all its threads: waiting for the network
costs none, and the server is another process. *in memory* is the handler and the kernel alone; *over HTTP* adds the stores, the
AWS library, signatures and sockets. A cold start is a new Python that imports the package as Lambda does (no byte code, no other
library than the package's) and opens the stores: a local subprocess, not AWS.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from parjanya.catalog.uploads import Upload
from parjanya.functions.reconcile import handle
from parjanya.profiles.function_stores import Stores
from parjanya.profiles.functions import resolve
from tbie.backends.aws.belief import belief
from tbie.backends.aws.ledger import DynamoLedger
from tbie.testing.aws.server import ROOT_KEY, LocalServer, interpreter
from tbie.testing.builders import WHO, new_items

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "packages/parjanya/tests"))
from functions_ground import Context, opened, stores, stream
from functions_local import Deployment, packages

RECORDS, RUNS, COLD = 50, 15, 7
_COLD = """
import sys, time
sys.path[:0] = [sys.argv[1]]
import os
import parjanya.functions.reconcile
from parjanya.profiles.functions import open_stores
imported = time.process_time()
open_stores(os.environ)
print(imported, time.process_time())
"""


def timed(run: Callable[[int], object]) -> list[float]:
    """CPU milliseconds of each run; the first one, which fills caches, is not counted."""
    found = []
    for number in range(RUNS + 1):
        began = time.process_time()
        run(number)
        found.append(1000 * (time.process_time() - began))
    return found[1:]


def say(what: str, found: list[float], each: int = 1) -> None:
    """One line of the table."""
    per = f", {median(found) / each:.3f} ms each" if each > 1 else ""
    print(f"{what:46} median {median(found):8.1f} ms CPU (from {min(found):.1f} to {max(found):.1f}){per}")


def in_memory() -> list[float]:
    of = stores()
    of.truth.add(new_items(RECORDS * (RUNS + 1)), WHO)
    rows = opened(of)
    events = [stream(rows[at : at + RECORDS]) for at in range(0, len(rows), RECORDS)]
    return timed(lambda number: handle(events[number], Context(), of))


def over_http(of: Deployment, noting: bool) -> list[float]:
    digest, name = "ab" * 32, "noted" if noting else "silent"
    items = [Upload("t", digest, f"{name}{n}.jpg").new_item(1, 1) for n in range(RECORDS * (RUNS + 1))]
    of.truth.add(items, WHO)
    rows = [row for row in of.truth.opened_since(0, 10_000)[0] if row.stage == "technical" and name in row.address.key]
    events = [stream(rows[at : at + RECORDS]) for at in range(0, len(rows), RECORDS)]
    ledger = DynamoLedger(of.clients, of.clock, of.settings.ledger_rows, shortens=False) if noting else None
    system = Stores(
        of.prefix, of.place.bucket, "bench", of.workflow, of.truth, of.intent, ledger, of.clock, of.settings, resolve,
        belief(of.workflow, of.intent, None), write=lambda _: None,
    )  # fmt: skip
    return timed(lambda number: handle(events[number], Context(), system))


def cold(package: Path, of: Deployment) -> tuple[list[float], list[float]]:
    """CPU milliseconds until the package is imported, and until its stores are open."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_ENDPOINT_URL": of.server.url,
        "AWS_ACCESS_KEY_ID": ROOT_KEY["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY["aws_secret_access_key"],
        "PARJANYA_REGION": of.place.region,
        "PARJANYA_PREFIX": of.prefix,
        "PARJANYA_BUCKET": of.place.bucket,
        "PARJANYA_FLEET": "{}",
    }
    imported, whole = [], []
    for _ in range(COLD):
        command = [sys.executable, "-I", "-S", "-B", "-c", _COLD, str(package)]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        first, last = map(float, done.stdout.split())
        imported.append(1000 * first)
        whole.append(1000 * last)
    return imported, whole


def main() -> int:
    python = interpreter()
    if python is None:
        print("the local AWS server is not installed: ./run aws-server")
        return 1
    say(f"{RECORDS} records, in memory", in_memory(), RECORDS)
    with tempfile.TemporaryDirectory() as made, LocalServer(python, Path(made)) as server:
        folder = packages(Path(made) / "zips", "reconcile")
        print(
            json.dumps(json.loads((folder / "functions.json").read_text())[0]["zipped_bytes"]),
            "bytes: the package reconcile",
        )
        with zipfile.ZipFile(folder / "reconcile.zip") as archive:
            archive.extractall(Path(made) / "whole")
        of = Deployment(server, "bench", folder)
        say(f"{RECORDS} records, over HTTP", over_http(of, noting=True), RECORDS)
        say(f"{RECORDS} records, over HTTP, without a ledger", over_http(of, noting=False), RECORDS)
        imported, whole = cold(Path(made) / "whole", of)
        say("cold start, imported", imported)
        say("cold start, stores open", whole)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
