"""The embedded fleet: local processes, started when there is work, leaving by themselves when there is none.

Nothing is killed in flight. A worker that is not needed any more notices that it is idle and leaves; only one that
overstays its stage's declared run time is ended, and one that died is buried: what it held goes back at once.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tbie.backends.sqlite.slot import SUFFIX, Doing, dead_owners, read_slot
from tbie.core.clock import Clock
from tbie.core.errors import TbieError
from tbie.core.ids import Ids
from tbie.core.outcome import Facts
from tbie.core.reading import Boot, BootState, Died, FleetView, Known, Reading

_DEATHS = 20  # the last few are kept for whoever looks; the history of each item has them all
UNBEGUN_DEATHS = 3
"""So many in a row over items with which nothing had begun: from then on such a death charges all of them, or one of them
could end process after process for ever. They run alone then, so another one names it."""
_BACKOFF_MAX_S = 30.0  # a worker that cannot start is tried this seldom, not in a loop that burns the machine


@dataclass(slots=True)
class _Process:
    owner: str
    popen: subprocess.Popen[bytes]
    slot: Path
    log: Path
    started_ms: int
    registered_ms: int | None = None
    ended_for: str | None = None

    def boot(self, now_ms: int) -> Boot:
        """How far it has come, as far as can be seen from outside."""
        if self.registered_ms is None and self.slot.exists():
            self.registered_ms = now_ms
        if self.registered_ms is None:
            return Boot(self.owner, BootState.STARTED, self.started_ms)
        return Boot(self.owner, BootState.REGISTERED, self.registered_ms)


@dataclass(frozen=True, slots=True)
class Death:
    """A worker that did not leave by itself."""

    owner: str
    doing: Doing | None
    reason: str
    """``worker_died`` or ``timed_out``."""
    evidence: Facts

    @property
    def suspects(self) -> tuple[str, ...]:
        """Tokens of what it was working on: one of them may be to blame."""
        return self.doing.tokens if self.doing is not None else ()


@dataclass(slots=True)
class _Pool:
    desired: int = 0
    short_since_ms: int | None = None
    """Since when fewer processes run than were asked for; None if enough do."""
    last_boot_error: str | None = None
    processes: list[_Process] = field(default_factory=list)
    boot_failures: int = 0
    next_start_s: float = 0.0
    unbegun_deaths: int = 0
    """Deaths in a row over items with which nothing had begun."""


class ProcessFleet:
    """A ``Fleet`` of child processes. Call ``supervise`` often; it never waits.

    Args:
        folder: for slots and logs.
        command: the argument vector of a worker of (pool, owner).
        bury: called for each worker that died, before it is replaced. environment: of a pool's workers; None: our own.
    """

    def __init__(
        self,
        folder: Path,
        command: Callable[[str, str], Sequence[str]],
        bury: Callable[[Death], None],
        clock: Clock,
        ids: Ids,
        environment: Callable[[str], Mapping[str, str] | None] = lambda _: None,
    ) -> None:
        self._folder, self._command, self._bury, self._environment = folder, command, bury, environment
        self._clock, self._ids = clock, ids
        self._pools: dict[str, _Pool] = {}
        self._unburied: list[Death] = []
        self.deaths: Counter[str] = Counter()
        self._died: dict[str, deque[Died]] = {}
        self.last_boot_error: str | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def set_desired(self, pool: str, workers: int) -> None:
        staff = self._pools.setdefault(pool, _Pool())
        staff.desired = workers
        self._note_shortage(staff)

    def view(self, pool: str) -> Reading[FleetView]:
        staff = self._pools.get(pool, _Pool())
        running = [p for p in staff.processes if p.popen.poll() is None]
        busy = sum(read_slot(p.slot) is not None for p in running)
        now = self._clock.now_ms()
        boots = [process.boot(now) for process in running]
        if staff.short_since_ms is not None:
            missing = range(staff.desired - len(staff.processes))
            boots += [Boot(f"{pool}-next-{n + 1}", BootState.REQUESTED, staff.short_since_ms) for n in missing]
        counts = (staff.desired, len(running), busy, tuple(boots), staff.boot_failures, staff.last_boot_error)
        return Known(FleetView(*counts, tuple(self._died.get(pool, ()))), "processes", now)

    def supervise(self) -> list[Death]:
        """Bury the dead, end what overstays, start what is missing."""
        deaths = []
        for pool, staff in self._pools.items():
            for process in list(staff.processes):
                status = process.popen.poll()
                if status is None:
                    process.boot(self._clock.now_ms())
                    self._end_if_overdue(process)
                    continue
                staff.processes.remove(process)
                death = self._reap(process, status, staff)
                if death is not None:
                    deaths.append(death)
                    self._note_death(pool, death)
                    self._unburied.append(death)
        self._bury_all()
        for pool, staff in self._pools.items():
            while len(staff.processes) < staff.desired and self._clock.monotonic_s() >= staff.next_start_s:
                try:
                    staff.processes.append(self._start(pool))
                except OSError as error:  # no room for a log, no memory for a process: seldom for long
                    self._note_boot_failure(staff, str(error))
            self._note_shortage(staff)
        return deaths

    def _note_shortage(self, staff: _Pool) -> None:
        """Begin to count, or stop counting, how long workers that were asked for have been missing."""
        if len(staff.processes) >= staff.desired:
            staff.short_since_ms = None
        elif staff.short_since_ms is None:
            staff.short_since_ms = self._clock.now_ms()

    def _note_death(self, pool: str, death: Death) -> None:
        doing, now = death.doing, self._clock.now_ms()
        count, stage = (doing.items, doing.stage) if doing is not None else (0, "")
        tenant, item = doing.item if doing is not None and count == 1 else ("", "")  # of several, nobody is named
        died = Died(death.owner, death.reason, stage, item, tenant, now, count)
        self._died.setdefault(pool, deque(maxlen=_DEATHS)).append(died)

    def _note_boot_failure(self, staff: _Pool, words: str) -> None:
        """Do not start it again in a loop."""
        staff.boot_failures += 1
        staff.next_start_s = self._clock.monotonic_s() + min(_BACKOFF_MAX_S, 0.5 * 2 ** min(staff.boot_failures, 10))
        staff.last_boot_error = self.last_boot_error = words

    def _bury_all(self) -> None:
        """Bury who is not buried yet. A store that is away keeps nobody from supervising: the next look tries again."""
        while self._unburied:
            death = self._unburied[0]
            try:
                self._bury(death)
            except TbieError:
                return
            self._unburied.pop(0)
            (self._folder / f"{death.owner}{SUFFIX}").unlink(missing_ok=True)

    def recover(self, charge: bool = False) -> int:
        """Free what dead workers held that are not ours: of an earlier life, or started by hand; returns how many.

        At the start everything died at once and no item is to blame. Later, with *charge*, a worker died alone, and the
        item it was working on has used up an attempt, or one that kills its workers would do so for ever.
        """
        ours = {p.owner for staff in self._pools.values() for p in staff.processes}
        ours |= {death.owner for death in self._unburied}
        count = 0
        for owner, slot in dead_owners(self._folder):
            if owner not in ours:
                doing = read_slot(slot) if charge else None
                death = Death(owner, doing, "worker_died" if charge else "interrupted", {})
                try:
                    self._bury(death)
                except TbieError:
                    continue  # a store is away, which the reconciler says: the slot stays, and the next look tries again
                if charge:
                    self._note_death(owner.rsplit("-", 1)[0], death)
                slot.unlink(missing_ok=True)
                count += 1
        for log in self._folder.glob("*.log"):  # of workers whose engine was killed: nobody else takes them away
            if log.stem not in ours and not log.with_suffix(SUFFIX).exists():
                log.unlink(missing_ok=True)
        return count

    @property
    def running(self) -> int:
        """Processes alive now."""
        return sum(p.popen.poll() is None for staff in self._pools.values() for p in staff.processes)

    @property
    def boot_failures(self) -> int:
        """Consecutive workers that died before they registered, in the pool where that is worst."""
        return max((staff.boot_failures for staff in self._pools.values()), default=0)

    def drain(self) -> None:
        """Ask everybody to finish what they hold and leave. Returns at once; ``supervise`` sees them go."""
        for staff in self._pools.values():
            staff.desired = 0
            for process in staff.processes:
                with contextlib.suppress(ProcessLookupError):
                    process.popen.send_signal(signal.SIGTERM)

    def wait(self, timeout_s: float) -> bool:
        """Wait for all processes to leave; False if some still run after *timeout_s*."""
        end = self._clock.monotonic_s() + timeout_s
        for staff in self._pools.values():
            for process in staff.processes:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.popen.wait(max(0.0, end - self._clock.monotonic_s()))
        self.supervise()
        return self.running == 0

    def _start(self, pool: str) -> _Process:
        owner = f"{pool}-{self._ids.token()}"
        try:
            return self._spawn(pool, owner)
        except OSError:
            with contextlib.suppress(OSError):
                (self._folder / f"{owner}.log").unlink(missing_ok=True)
            raise

    def _spawn(self, pool: str, owner: str) -> _Process:
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / f"{owner}.log"
        with log.open("wb") as stderr:
            popen = subprocess.Popen(
                self._command(pool, owner),
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=subprocess.STDOUT,
                env=self._environment(pool),
                start_new_session=True,  # an interrupt from the terminal is for the engine, which drains its workers
            )
        return _Process(owner, popen, self._folder / f"{owner}{SUFFIX}", log, self._clock.now_ms())

    def _end_if_overdue(self, process: _Process) -> None:
        doing = read_slot(process.slot, prepared=True)
        if doing is not None and self._clock.monotonic_s() > doing.deadline_s and process.ended_for is None:
            process.ended_for = "timed_out"
            process.popen.kill()

    def _reap(self, process: _Process, status: int, staff: _Pool) -> Death | None:
        doing = read_slot(process.slot, prepared=True)
        appeared = process.slot.exists()
        if status == 0 and doing is None:
            process.slot.unlink(missing_ok=True)
            process.log.unlink(missing_ok=True)
            staff.boot_failures = staff.unbegun_deaths = 0
            return None
        tail = process.log.read_bytes()[-2000:].decode("utf-8", "replace") if process.log.exists() else ""
        begun = doing is None or doing.begun
        staff.unbegun_deaths = 0 if begun else staff.unbegun_deaths + 1
        if appeared and begun:
            staff.boot_failures = 0
        else:  # it died before it ever registered, or without having got anywhere
            self._note_boot_failure(staff, tail.strip() or f"exit status {status}")
        if not begun and staff.unbegun_deaths < UNBEGUN_DEATHS:
            doing = None  # a machine that was short of memory, say: nobody is to blame yet
        evidence: dict[str, object] = {"exit_status": status, "stderr": tail}
        if status < 0:
            evidence["signal"] = _signal_name(-status)
        death = Death(process.owner, doing, process.ended_for or "worker_died", evidence)
        self.deaths[death.reason] += 1
        process.log.unlink(missing_ok=True)
        return death


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
