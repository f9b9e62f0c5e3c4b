"""The same losses in several systems: the queue is flushed, a worker is killed, a stopped worker comes back.

    ./run bench peers                 all systems, three rounds
    ./run bench peers --systems tbie  ours alone; needs nothing but this checkout

Peers live in an environment of their own, made from requirements/bench.txt under --cache. Redis and PostgreSQL are found
on the machine, or installed from Debian with --install as root; they listen on loopback, with temporary data, and are
stopped afterwards by their process ids.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.kernel import services
from benchmarks.kernel.environment import peers_python
from benchmarks.peers.book import Case, Entry, Result, table
from benchmarks.peers.scenarios import SCENARIOS, Bounds
from benchmarks.peers.service import environment
from benchmarks.peers.systems.__main__ import SYSTEMS, load

OURS = "tbie"
_CASE_SLACK_S = 300.0  # for starting, enqueueing and ending a system around the time that is waited
_END_S = 30.0  # for a case that overstays to end what it started


def main() -> None:
    """Run and print."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended then, too
    cases = [
        Case(scenario, system, setting)
        for scenario in options.scenarios
        for system in options.systems
        for setting in load(system).cases.get(scenario, ())
    ]
    folder = Path(tempfile.mkdtemp(prefix="peers-", dir=options.folder))
    folder.chmod(0o755)  # PostgreSQL runs as a user of its own when we are root
    try:
        with contextlib.ExitStack() as stack:
            found = _servers(options, folder, stack)
            python = (
                peers_python(options.cache) if any(system != OURS for system in options.systems) else sys.executable
            )
            runner = Runner(options, folder, found, python)
            entries = runner.all(cases)
            about = _about(options, found, python)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        print(json.dumps({"about": about, "cases": [entry.to_json() for entry in entries]}, indent=1))
    else:
        _print(about, entries, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", nargs="+", choices=tuple(SYSTEMS), default=list(SYSTEMS), metavar="SYSTEM")
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=list(SCENARIOS), metavar="SCENARIO")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1_000, help="pending when the queue is flushed")
    parser.add_argument("--flush-bound-s", type=float, default=60.0, help="how long a recovery is waited for")
    parser.add_argument("--rerun-bound-s", type=float, default=90.0, help="how long a second run is waited for")
    parser.add_argument("--parallel", type=int, default=2, help="cases at once; flushes always run alone")
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/tbie-bench").expanduser())
    parser.add_argument("--folder", type=Path, default=None, help="where files are made")
    parser.add_argument("--install", action="store_true", help="install missing servers from Debian (needs root)")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _servers(options: argparse.Namespace, folder: Path, stack: contextlib.ExitStack) -> dict[str, str]:
    """The servers that can be had here: PostgreSQL's URL (one server, a database for each case), Redis on demand."""
    found: dict[str, str] = {}
    for server in ("redis", "postgres"):
        if any(server in load(system).needs for system in options.systems):
            if services.find(server) is None and options.install:
                services.install(server)
            if services.find(server) is not None:
                found[server] = stack.enter_context(services.postgres(folder)) if server == "postgres" else "on demand"
    return found


class Runner:
    """Runs cases, each in a process of its own with an end."""

    def __init__(self, options: argparse.Namespace, folder: Path, servers: dict[str, str], python: str) -> None:
        self._options, self._folder, self._servers, self._python = options, folder, servers, python
        self._running: set[subprocess.Popen[str]] = set()

    def all(self, cases: list[Case]) -> list[Entry]:
        """Every case in every round: flushes one after the other, what mostly waits beside each other."""
        alone = [case for case in cases if case.scenario == "flush"]
        beside = [case for case in cases if case.scenario != "flush"]
        outcomes: dict[Case, list[Result | str]] = {case: [] for case in cases}
        for group, at_once in ((alone, 1), (beside, self._options.parallel)):
            with ThreadPoolExecutor(max_workers=at_once) as pool, self._ended_if_stopped():
                for _ in range(self._options.rounds):
                    for case, outcome in zip(group, pool.map(self.one, group), strict=True):
                        outcomes[case].append(outcome)
        return [
            Entry(case, tuple(o for o in got if isinstance(o, dict)), tuple(o for o in got if isinstance(o, str)))
            for case, got in outcomes.items()
        ]

    def one(self, case: Case) -> Result | str:
        """The result, or why there is none."""
        missing = [server for server in load(case.system).needs if server not in self._servers]
        if missing:
            return f"{', '.join(missing)} not found here; --install installs it from Debian as root"
        options = self._options
        asked = {
            **case._asdict(),
            "jobs": options.jobs if case.scenario == "flush" else 1,
            "folder": str(self._folder),
            "python": sys.executable if case.system == OURS else self._python,
            "postgres_url": self._servers.get("postgres", ""),
            "bounds": Bounds(options.flush_bound_s, options.rerun_bound_s)._asdict(),
        }
        command = [sys.executable, "-m", "benchmarks.peers.case", json.dumps(asked)]
        popen = subprocess.Popen(
            command,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        bound_s = _CASE_SLACK_S + max(options.flush_bound_s, options.rerun_bound_s)
        self._running.add(popen)
        try:
            out, err = popen.communicate(timeout=bound_s)
        except subprocess.TimeoutExpired:
            self._end(popen)
            return f"did not end within {bound_s:g} s"
        finally:
            self._running.discard(popen)
        outcome: Result | str = json.loads(out.splitlines()[-1]) if popen.returncode == 0 else _last_line(err)
        print(f"{' / '.join(case)}: {outcome}", file=sys.stderr, flush=True)
        return outcome

    @contextlib.contextmanager
    def _ended_if_stopped(self) -> Iterator[None]:
        """Whoever is interrupted leaves no case behind: each has a session of its own and hears no Ctrl-C."""
        try:
            yield
        except BaseException:
            for popen in list(self._running):
                popen.terminate()
            raise

    @staticmethod
    def _end(popen: subprocess.Popen[str]) -> None:
        popen.terminate()
        try:
            popen.communicate(timeout=_END_S)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.communicate()


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][-3000:] if lines else "ended without a word"


def _about(options: argparse.Namespace, servers: dict[str, str], python: str) -> dict[str, object]:
    """What the figures depend on."""
    packages = [package for system in options.systems for package in load(system).packages]
    command = [python, "-m", "benchmarks.peers.systems", "versions", ",".join(packages)]
    versions = {}
    if packages:
        said = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True).stdout
        versions = json.loads(said)
    for server, program, flag in (("redis", "redis-server", "--version"), ("postgres", "postgres", "--version")):
        place = services.find(server)
        if server in servers and place is not None:
            path = place if server == "redis" else place / program
            versions[program] = subprocess.run([path, flag], capture_output=True, text=True, check=True).stdout.strip()
    return {
        "processors": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "rounds": options.rounds,
        "parallel": options.parallel,
        "versions": versions,
    }


def _print(about: dict[str, object], entries: list[Entry], options: argparse.Namespace) -> None:
    heads = {
        "flush": f"**Queue flushed with {options.jobs:,} jobs pending**: rows done within {options.flush_bound_s:g} s",
        "kill-process": f"**`kill -9` of the process in mid-job**: run again within {options.rerun_bound_s:g} s",
        "kill-service": "**`kill -9` of the whole service, started again after 1 s**: run again",
        "zombie": "**Worker stopped in mid-job until another did the job, then continued**",
    }
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print(table(entries, {name: load(name).title for name in options.systems}, heads))
    print()
    for name in options.systems:
        kind = load(name)
        print(f"- {kind.title}: flushed: {kind.destroyed}. Fence: {kind.fencing}.", end="")
        print(f" Zombie: {kind.replacement}." if kind.replacement else "")
        for setting, words in kind.settings.items():
            print(f"  - {setting}: {words}")
