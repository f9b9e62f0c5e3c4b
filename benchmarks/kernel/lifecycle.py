"""Full life cycle of no-op jobs with two workers: our kernel and its peers, on one machine in one run.

Rounds are interleaved (every system once, then again), each in a fresh home; figures are medians, and ratios
are against our own kernel. ``--peers none`` measures our kernel alone and needs nothing but Python.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

import services
from environment import peers_python
from harness import Rates, fsync_ms, machine, measure_rates, median, running
from systems.__main__ import SYSTEMS, load

OURS = "tbie"
PEERS = tuple(name for name in SYSTEMS if not name.startswith("tbie"))


def main() -> None:
    """Measure and print."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="tbie-bench-", dir=options.folder))
    try:
        with contextlib.ExitStack() as stack:
            names, urls = _prepare(options, folder, stack)
            about = machine()
            rounds, fsyncs = _measure(names, urls, options, folder)
            about["fsync_p50_ms"] = median(fsyncs)
            about["fsync_p50_ms_range"] = [min(fsyncs), max(fsyncs)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table = [_row(name, rounds[name], rounds[OURS]) for name in names]
    if options.json:
        print(
            json.dumps({"machine": about, "jobs": options.jobs, "rounds": options.rounds, "systems": table}, indent=1)
        )
    else:
        _print(about, table)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--jobs", type=int, default=20_000, help="for each phase; slow peers get a stated part")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default="all", help=f"all, none, or some of: {', '.join(PEERS)}")
    parser.add_argument(
        "--cache", type=Path, default=Path("~/.cache/tbie-bench").expanduser(), help="for the peers' environment"
    )
    parser.add_argument("--folder", type=Path, default=None, help="where files are made: on the disk to be measured")
    parser.add_argument("--install", action="store_true", help="install missing servers from Debian (needs root)")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _prepare(
    options: argparse.Namespace, folder: Path, stack: contextlib.ExitStack
) -> tuple[list[str], dict[str, str]]:
    """The systems that can run here, and the servers they need, started."""
    wanted = {"all": PEERS, "none": ()}.get(options.peers, tuple(options.peers.split(",")))
    unknown = [name for name in wanted if name not in PEERS]
    if unknown:
        raise SystemExit(f"unknown peers {unknown}; known are {list(PEERS)}")
    names, urls = [OURS], {}
    for server, start in (("redis", services.redis), ("postgres", services.postgres)):
        if any(server in load(name).needs for name in wanted):
            if services.find(server) is None and options.install:
                services.install(server)
            if services.find(server) is not None:
                urls[server] = stack.enter_context(start(folder))
    for name in wanted:
        missing = [server for server in load(name).needs if server not in urls]
        if missing:
            print(f"{name} is left out: {', '.join(missing)} not found; --install installs it", file=sys.stderr)
        else:
            names.append(name)
    return names, urls


def _measure(
    names: list[str], urls: dict[str, str], options: argparse.Namespace, folder: Path
) -> tuple[dict[str, list[Rates]], list[float]]:
    """The rates of every round by system, and what an fsync cost before each."""
    python = peers_python(options.cache) if len(names) > 1 else sys.executable
    rounds: dict[str, list[Rates]] = {name: [] for name in names}
    fsyncs: list[float] = []
    for turn in range(options.rounds):
        for index, name in enumerate(names):
            kind = load(name)
            jobs = max(200, int(options.jobs * kind.share))
            own = {}
            if "redis" in kind.needs:
                own["redis_url"] = f"{urls['redis'].rpartition('/')[0]}/{index}"
            if "postgres" in kind.needs:
                own["postgres_url"] = services.fresh_database(urls["postgres"], f"round{turn}_{index}")
            fsyncs.append(fsync_ms(folder)[0])
            interpreter = sys.executable if name == OURS else python
            with running(name, 2 * jobs, folder, interpreter, **own) as system:
                rates = measure_rates(system, jobs)
            rounds[name].append(rates)
            note = f", {rates.lost} not run, {rates.repeated} repeated" if rates.lost or rates.repeated else ""
            figures = f"drain {rates.drain:,.0f}, end to end {rates.end_to_end:,.0f}{note}"
            print(f"round {turn + 1}: {name}: {figures} (fsync {fsyncs[-1]} ms before it)", file=sys.stderr)
    return rounds, fsyncs


def _row(name: str, rounds: list[Rates], ours: list[Rates]) -> dict[str, object]:
    drain, through = median([r.drain for r in rounds]), median([r.end_to_end for r in rounds])
    return {
        "system": name,
        "durable": load(name).durable,
        "drain_per_s": round(drain),
        "drain_range": [round(min(r.drain for r in rounds)), round(max(r.drain for r in rounds))],
        "drain_ours_over_it": round(median([r.drain for r in ours]) / drain, 2),
        "end_to_end_per_s": round(through),
        "end_to_end_range": [round(min(r.end_to_end for r in rounds)), round(max(r.end_to_end for r in rounds))],
        "end_to_end_ours_over_it": round(median([r.end_to_end for r in ours]) / through, 2),
        "not_run": sum(r.lost for r in rounds),
        "repeated": sum(r.repeated for r in rounds),
        "settings": load(name).settings,
    }


def _print(about: dict[str, object], table: list[dict[str, object]]) -> None:
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print(
        "\n| system | durable | drain jobs/s (range) | ours ÷ it | end to end (range) | ours ÷ it | not run · repeated |"
    )
    print("|---|---|---|---|---|---|---|")
    for row in table:
        drains, throughs = (row[key] for key in ("drain_range", "end_to_end_range"))
        assert isinstance(drains, list)
        assert isinstance(throughs, list)
        print(
            f"| {row['system']} | {'yes' if row['durable'] else 'no'} "
            f"| {row['drain_per_s']:,} ({drains[0]:,}–{drains[1]:,}) | {row['drain_ours_over_it']} "
            f"| {row['end_to_end_per_s']:,} ({throughs[0]:,}–{throughs[1]:,}) | {row['end_to_end_ours_over_it']} "
            f"| {row['not_run']} · {row['repeated']} |"
        )
    print()
    for row in table:
        print(f"- {row['system']}: {row['settings']}")


if __name__ == "__main__":
    main()
