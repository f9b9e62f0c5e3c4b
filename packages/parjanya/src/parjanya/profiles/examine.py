"""Reads what guardrails look at, on an embedded instance. Reads a broken home too: what cannot be read is unknown.

Callers: ``doctor``, and ``serve`` and ``curate`` when they start.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from parjanya.profiles.embedded import System
from parjanya.profiles.manifest import MANIFEST, Manifest, attest, this_machine
from parjanya.views import probes
from tbie.backends.sqlite import intent as intent_store
from tbie.backends.sqlite import truth as truth_store
from tbie.backends.sqlite.inspect import look
from tbie.core.clock import Clock
from tbie.core.errors import TbieError
from tbie.core.keys import Address
from tbie.core.reading import Known, Reading, Unknown
from tbie.guardrails import Clocks, Leaders, Surroundings, Tried

T = TypeVar("T")

START_PATIENCE_S = 60.0
"""How long a worker may take to start and attest: a second usually, ten on a cold disk."""

SAMPLE_ITEMS = 500
"""Items whose address is resolved: enough to meet every bucket that is in use."""


def surroundings(system: System, *, thorough: bool) -> Surroundings:
    """Everything that guardrails look at; *thorough* also starts a worker."""
    home, clock = system.home, system.clock
    around = Surroundings(system.settings, stages=system.workflow.stages)
    wall_s, steady_s = clock.now_ms() / 1000, clock.monotonic_s()
    around.dead_letters = {
        s.name: _read(clock, "dead letters", lambda name=s.name: len(system.intent.dead_letters(name, 100)))  # type: ignore[misc]
        for s in system.workflow.stages
    }
    around.free_bytes = {p.name: _read(clock, str(p), lambda p=p: _free(p)) for p in (home.root, home.objects)}  # type: ignore[misc]
    _files(system, around)
    who = str(os.getpid())
    around.uses = {
        "truth": _try(clock, lambda: probes.probe_truth(system.truth, who)),
        "intent": _try(clock, lambda: probes.probe_intent(system.intent, system.workflow, clock, who)),
        "objects": _try(clock, lambda: probes.probe_objects(system.objects)),
        "run": _try(clock, lambda: _run(system)),
    }
    around.manifest = _read(clock, "manifest", lambda: _manifest(system))
    around.leaders = _read(clock, "leaders", lambda: _leaders(system))
    around.tenants = _read(clock, "tenants", lambda: _tenants(system))
    around.buckets = _read(clock, "addresses", lambda: _buckets(system))
    around.locks = _try(clock, lambda: _locks(home.run))
    around.open_files = _read(clock, "open files", lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    around.oldest_open_s = _read(clock, "oldest open", lambda: _oldest(system))
    if thorough:
        around.worker = _try(clock, lambda: start_worker(home.root))
    around.clocks = _read(clock, "clocks", lambda: _clocks(system, wall_s, steady_s))
    return around


def _read(clock: Clock, source: str, read: Callable[[], T]) -> Reading[T]:
    try:
        return Known(read(), source, clock.now_ms())
    except (TbieError, OSError) as error:
        return Unknown(str(error), source, clock.now_ms())


def _try(clock: Clock, act: Callable[[], str]) -> Reading[Tried]:
    """Not to be able to do it is an answer here, not a reading that failed."""
    try:
        return Known(Tried(True, act()), "tried", clock.now_ms())
    except (TbieError, OSError) as error:
        return Known(Tried(False, str(error)), "tried", clock.now_ms())


def _free(path: Path) -> int:
    return shutil.disk_usage(path).free


def _files(system: System, around: Surroundings) -> None:
    schemas: dict[str, Reading[tuple[int, int]]] = {}
    logs: dict[str, Reading[tuple[bool, bool]]] = {}
    for path, version, write_ahead in database_files(system):
        match look(path, system.clock):
            case Known(value=found, source=source, at_ms=at_ms):
                schemas[path.name] = Known((found.schema, version), source, at_ms)
                if write_ahead is not None:
                    logs[path.name] = Known((found.write_ahead, write_ahead), source, at_ms)
            case Unknown() as blind:
                schemas[path.name] = logs[path.name] = blind
    around.schemas, around.logs = schemas, logs


def database_files(system: System) -> list[tuple[Path, int, bool | None]]:
    """Each file, the schema that this program writes, and whether it keeps a write-ahead log (None: either)."""
    return [
        (system.home.truth, truth_store.SCHEMA_VERSION, True),
        (system.home.intent, intent_store.SCHEMA_VERSION, False),
    ]


def _run(system: System) -> str:
    system.home.probe()
    return "a file was written and deleted"


def _manifest(system: System) -> dict[str, tuple[str | None, str | None]] | None:
    declared = system.truth.read_meta(MANIFEST)
    if not declared:
        return None
    drift = attest(Manifest.from_json(declared), this_machine(system.workflow))
    return dict(drift.differences) if drift else {}


def _leaders(system: System) -> Leaders:
    now, silence_ms = system.clock.now_ms(), system.settings.silence_s * 1000
    beats = [b for b in system.truth.heartbeats() if b.component == "reconciler"]
    leading = tuple(b.instance for b in beats if b.body.get("role") == "leader" and now - b.at_ms <= silence_ms)
    newest = max((b.at_ms for b in beats), default=None)
    return Leaders(system.home.led(), leading, None if newest is None else (now - newest) / 1000)


def _tenants(system: System) -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(tenant for tenant, _, _ in system.truth.tally()), frozenset(system.truth.tenants())


def _buckets(system: System) -> dict[str, str | None]:
    addresses = {item.address.bucket: item.address for item in system.truth.items(limit=SAMPLE_ITEMS)}
    addresses.setdefault("objects", Address("objects", "0" * 64))
    found: dict[str, str | None] = {}
    for bucket, address in addresses.items():
        try:
            system.objects.has(address)
            found[bucket] = None
        except TbieError as error:
            found[bucket] = str(error)
    return found


def _locks(folder: Path) -> str:
    """Hold a lock, and let another process try to take it: on some network file systems it would succeed."""
    path = folder / f".lock-probe-{os.getpid()}"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        other = os.open(path, os.O_RDWR | os.O_CLOEXEC)  # another description of the same file: it locks for itself
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return "a lock that is held is seen"
        finally:
            os.close(other)
    finally:
        os.close(handle)
        path.unlink(missing_ok=True)
    raise TbieError("a lock that is held was given to a second holder")


def _oldest(system: System) -> float | None:
    times = [system.truth.oldest_open_ms(stage.name) for stage in system.workflow.stages]
    known = [since for since in times if since is not None]
    return (system.clock.now_ms() - min(known)) / 1000 if known else None


def _clocks(system: System, wall_s: float, steady_s: float) -> Clocks:
    probe = system.home.run / f".clock-probe-{os.getpid()}"
    try:
        probe.write_bytes(b"0")
        files_ms, process_ms = probe.stat().st_mtime_ns // 1_000_000, system.clock.now_ms()
    finally:
        probe.unlink(missing_ok=True)
    stepped_s = (process_ms / 1000 - wall_s) - (system.clock.monotonic_s() - steady_s)
    newest = max((beat.at_ms for beat in system.truth.heartbeats()), default=None)
    return Clocks(process_ms, files_ms, newest, stepped_s)


def start_worker(root: Path) -> str:
    """Start the program of a worker as the fleet does; it opens the home, attests, and leaves.

    Raises:
        TbieError: it did not come up, or it would decline all work; with what it said.
    """
    command = [sys.executable, "-m", "parjanya.profiles.worker_process", str(root), "--check"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=START_PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        raise TbieError(f"a worker did not come up within {START_PATIENCE_S:g} s") from None
    if ran.returncode:
        said = (ran.stderr.strip() or ran.stdout.strip()).splitlines()
        raise TbieError(f"a worker left with exit status {ran.returncode}: {said[-1] if said else 'it said nothing'}")
    found = json.loads(ran.stdout)
    return f"a worker started and attested ({', '.join(f'{k} {v}' for k, v in found.items() if k != 'workflow')})"
