"""Reads what guardrails look at, around one home. Reads a broken one too: what cannot be read is unknown.

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
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from parjanya.home import Home
from parjanya.profiles import model_folder
from parjanya.profiles.manifest import MANIFEST, Manifest, attest, this_machine
from parjanya.profiles.profile import ABOUT_FILES
from parjanya.profiles.system import System
from parjanya.views import probes
from parjanya.workflow import image_workflow
from tbie.backends.sqlite import intent as intent_store
from tbie.backends.sqlite import ledger as ledger_store
from tbie.backends.sqlite import truth as truth_store
from tbie.backends.sqlite.inspect import look
from tbie.core.clock import Clock
from tbie.core.errors import TbieError
from tbie.core.keys import Address
from tbie.core.reading import Known, Reading, Unknown
from tbie.core.settings import Settings
from tbie.guardrails import Clocks, Leaders, Surroundings, Tried

T = TypeVar("T")

START_PATIENCE_S = 60.0
"""How long a worker may take to start and attest: a second usually, ten on a cold disk."""

SAMPLE_ITEMS = 500
"""Items whose address is resolved: enough to meet every bucket that is in use."""


def surroundings(home: Home, settings: Settings, clock: Clock, *, thorough: bool) -> Surroundings:
    """What can be read without opening a store; *thorough* also starts a worker."""
    around = Surroundings(settings, stages=image_workflow().stages)
    embedded = not os.path.lexists(home.profile)
    spool = home.objects if embedded else Path(tempfile.gettempdir())  # uploads are copied there while they are read
    kept = (home.root, spool)
    around.free_bytes = {p.name: _read(clock, str(p), partial(_free, p)) for p in kept}
    if embedded:
        _files(home, clock, around)
    else:
        around.absent = ABOUT_FILES
    around.uses = {"run": _try(clock, partial(_run, home))}
    around.locks = _try(clock, partial(_locks, home.run))
    around.open_files = _read(clock, "open files", lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    if thorough:
        around.worker = _try(clock, partial(start_worker, home.root))
    return around


def add_stores(around: Surroundings, system: System) -> None:
    """What the opened stores say, and whether each does what the control plane asks of it."""
    clock, who = system.clock, str(os.getpid())
    around.stages, around.absent = system.workflow.stages, system.profile.absent
    wall_s, steady_s = clock.now_ms() / 1000, clock.monotonic_s()
    around.dead_letters = {
        stage.name: _read(clock, "dead letters", partial(_dead_letters, system, stage.name))
        for stage in system.workflow.stages
    }
    around.uses = {
        **around.uses,
        "truth": _try(clock, partial(probes.probe_truth, system.truth, who)),
        "intent": _try(clock, partial(_intent, system, who)),
        "ledger": _try(clock, partial(probes.probe_ledger, system.ledger, clock)),
        "objects": _try(clock, partial(probes.probe_objects, system.objects)),
    }
    if isinstance(around.worker, Known):  # thorough
        around.manifest = _read(clock, "manifest", partial(_manifest, system))
    around.leaders = _read(clock, "leaders", partial(_leaders, system))
    around.tenants = _read(clock, "tenants", partial(_tenants, system))
    around.buckets = _read(clock, "addresses", partial(_buckets, system))
    around.oldest_open_s = _read(clock, "oldest open", partial(_oldest, system))
    around.clocks = _read(clock, "clocks", partial(_clocks, system, wall_s, steady_s))
    around.cloud = system.profile.deployment(system.workflow, thorough=isinstance(around.worker, Known))


def without_stores(around: Surroundings, error: TbieError) -> None:
    """The stores could not be opened: Truth cannot be used, and of the rest nothing is known."""
    around.uses = {**around.uses, "truth": Known(Tried(False, str(error)), "tried", 0)}


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


def _intent(system: System, who: str) -> str:
    if system.profile.spare_queue:
        return probes.probe_intent(system.intent, system.workflow, system.clock, who)
    return (
        f"{probes.read_depths(system.intent, system.workflow)} read; nothing was sent, because each belongs to a stage"
    )


def _dead_letters(system: System, stage: str) -> int:
    return len(system.intent.dead_letters(stage))


def _free(path: Path) -> int:
    return shutil.disk_usage(path).free


def _files(home: Home, clock: Clock, around: Surroundings) -> None:
    schemas: dict[str, Reading[tuple[int, int]]] = {}
    logs: dict[str, Reading[tuple[bool, bool]]] = {}
    for path, version, write_ahead in database_files(home):
        match look(path, clock):
            case Known(value=found, source=source, at_ms=at_ms):
                schemas[path.name] = Known((found.schema, version), source, at_ms)
                if write_ahead is not None:
                    logs[path.name] = Known((found.write_ahead, write_ahead), source, at_ms)
            case Unknown() as blind:
                schemas[path.name] = logs[path.name] = blind
    around.schemas, around.logs = schemas, logs


def database_files(home: Home) -> list[tuple[Path, int, bool | None]]:
    """Each file, the schema that this program writes, and whether it keeps a write-ahead log (None: either)."""
    return [
        (home.truth, truth_store.SCHEMA_VERSION, True),
        (home.intent, intent_store.SCHEMA_VERSION, False),
        (home.ledger, ledger_store.SCHEMA_VERSION, False),
    ]


def _run(home: Home) -> str:
    home.probe()
    return "a file was written and deleted"


def _manifest(system: System) -> dict[str, tuple[str | None, str | None]] | None:
    declared = system.truth.read_meta(MANIFEST)
    if not declared:
        return None
    drift = attest(Manifest.from_json(declared), this_machine(system.workflow))
    return {**(drift.differences if drift else {}), **model_folder.differences(system.declared)}


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
