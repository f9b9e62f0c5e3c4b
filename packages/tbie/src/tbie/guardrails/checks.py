"""Every guardrail, in the order Truth, Intent, Execution, control plane. Each names the incident it was left behind by."""

from __future__ import annotations

from functools import partial

from tbie.core.reading import Known, Unknown
from tbie.guardrails.base import (
    Clocks,
    Found,
    Guardrail,
    Surroundings,
    Tried,
    failed,
    judge_each,
    not_read,
    passed,
    unknown,
)

OPEN_FILES = 256
"""What an engine needs with a margin: eight files of its stores, three for each worker, one for each connection."""


def settings(around: Surroundings) -> Found:
    """What was given stands."""
    if around.refused is not None:
        return failed(around.refused)
    return passed("no setting contradicts another")


def _usable(store: str, around: Surroundings) -> Found:
    match around.uses.get(store, not_read(store)):
        case Known(value=Tried(ok=True, detail=detail)):
            return passed(detail)
        case Known(value=tried):
            return failed(tried.detail)
        case Unknown() as blind:
            return unknown(blind)


def schema(around: Surroundings) -> Found:
    """Every file has the layout that this program reads and writes."""

    def judge(name: str, value: tuple[int, int]) -> str | None:
        found, known = value
        return None if found == known else f"{name} has schema {found}, this program works with {known}"

    return judge_each(around.schemas, judge, "every file has the schema of this program", "schemas")


def write_ahead_log(around: Surroundings) -> Found:
    """Truth commits durably without stopping readers; the queue may be deleted while it is open."""

    def judge(name: str, value: tuple[bool, bool]) -> str | None:
        found, wanted = value
        return None if found is wanted else f"{name} keeps {'a' if found else 'no'} write-ahead log"

    return judge_each(around.logs, judge, "every file is in its journal mode", "journal modes")


def disk_headroom(around: Surroundings) -> Found:
    """There is room for more than the next file."""
    least = around.settings.disk_headroom_bytes

    def judge(name: str, value: int) -> str | None:
        short = f"{name} has {value / 2**20:.0f} MiB left, less than {least / 2**20:.0f} MiB"
        return short if value < least else None

    return judge_each(around.free_bytes, judge, f"more than {least / 2**20:.0f} MiB are free", "disks")


def tenants(around: Surroundings) -> Found:
    """Whoever has records is a row, so that the control plane discovers it."""
    match around.tenants:
        case Known(value=(with_records, rows)):
            missing = sorted(with_records - rows)
            if missing:
                return failed(f"tenants with records that are no rows: {', '.join(missing)}", missing=missing)
            return passed(f"{len(rows)} tenants, discovered from their rows", tenants=len(rows))
        case Unknown() as blind:
            return unknown(blind)


def retention(around: Surroundings) -> Found:
    """Messages outlive the longest time that nobody looks: the declared one, and the one that has been seen."""
    kept, declared = around.settings.retention_s, around.settings.outage_window_s
    if kept < declared:
        return failed(f"messages live {kept:g} s, nobody may look for {declared:g} s", retention_s=kept)
    match around.oldest_open_s:
        case Known(value=oldest):
            if oldest is not None and oldest >= kept:
                return failed(f"work has been open for {oldest:.0f} s, longer than messages live", oldest_open_s=oldest)
            return passed(f"messages live {kept / 86_400:g} days", retention_s=kept, oldest_open_s=oldest)
        case Unknown() as blind:
            return unknown(blind)


def visibility(around: Surroundings) -> Found:
    """No message becomes visible to a second worker while the first may still be running."""
    have, ratio = around.settings.visibility_timeout_s, around.settings.visibility_margin_ratio
    if not around.stages:
        return unknown(not_read("stages"))
    short = {s.name: s.max_run_s for s in around.stages if s.max_run_s * ratio > have}
    if short:
        words = "; ".join(f"{name} may run {run:g} s and needs {run * ratio:g} s" for name, run in short.items())
        return failed(f"visibility_timeout_s={have:g}: {words}", visibility_timeout_s=have, max_run_s=short)
    longest = max(s.max_run_s for s in around.stages)
    return passed(f"{have:g} s for runs of at most {longest:g} s", visibility_timeout_s=have, max_run_s=longest)


def dead_letters(around: Surroundings) -> Found:
    """Every stage has a dead-letter queue that can be read."""
    missing = [stage.name for stage in around.stages if stage.name not in around.dead_letters]
    if missing and around.dead_letters:
        return failed(f"no dead-letter queue for {', '.join(missing)}", missing=missing)
    return judge_each(around.dead_letters, lambda _name, _value: None, "one for each stage, readable", "dead letters")


def addresses(around: Surroundings) -> Found:
    """Every bucket that Truth names can be resolved from here."""
    match around.buckets:
        case Known(value=found):
            wrong = {name: error for name, error in found.items() if error is not None}
            if wrong:
                return failed("; ".join(f"{name}: {error}" for name, error in wrong.items()), buckets=sorted(found))
            return passed(f"resolvable: {', '.join(sorted(found))}", buckets=sorted(found))
        case Unknown() as blind:
            return unknown(blind)


def manifest(around: Surroundings) -> Found:
    """What the engine declared is what this machine is."""
    match around.manifest:
        case Known(value=None):
            return passed("nothing is declared yet: the first engine of this home does", declared=False)
        case Known(value=differences) if differences:
            words = "; ".join(f"{n}: declared {a}, found {b}" for n, (a, b) in differences.items())
            return failed(words, differences={name: list(pair) for name, pair in differences.items()})
        case Known():
            return passed("declared and found are the same", declared=True)
        case Unknown() as blind:
            return unknown(blind)


def worker_starts(around: Surroundings) -> Found:
    """The program of a worker starts, opens the home and attests."""
    return _tried(around.worker)


def file_locks(around: Surroundings) -> Found:
    """A lock that one process holds is seen by another."""
    return _tried(around.locks)


def _tried(reading: Known[Tried] | Unknown) -> Found:
    match reading:
        case Known(value=tried):
            return passed(tried.detail) if tried.ok else failed(tried.detail)
        case Unknown() as blind:
            return unknown(blind)


def open_files(around: Surroundings) -> Found:
    """The limit of open files leaves room for workers and connections."""
    match around.open_files:
        case Known(value=limit):
            words = f"at most {limit} open files; {OPEN_FILES} are needed"
            return passed(words, limit=limit) if limit >= OPEN_FILES else failed(words, limit=limit)
        case Unknown() as blind:
            return unknown(blind)


def clock(around: Surroundings) -> Found:
    """Process, file system and heartbeats agree about the time, and nobody moves it."""
    match around.clocks:
        case Known(value=clocks):
            return _clocks(clocks, around.settings.clock_tolerance_s)
        case Unknown() as blind:
            return unknown(blind)


def _clocks(clocks: Clocks, tolerance_s: float) -> Found:
    files_s = (clocks.files_ms - clocks.process_ms) / 1000
    newest = clocks.newest_heartbeat_ms
    ahead_s = 0.0 if newest is None else max(0.0, (newest - clocks.process_ms) / 1000)
    problems = []
    if abs(files_s) > tolerance_s:
        problems.append(f"the file system's clock is {files_s:+.1f} s from this process")
    if ahead_s > tolerance_s:
        problems.append(f"a heartbeat comes from {ahead_s:.1f} s in the future")
    if abs(clocks.stepped_s) > tolerance_s:
        problems.append(f"the wall clock stepped by {clocks.stepped_s:+.1f} s while this was read")
    seen = {"files_s": round(files_s, 3), "ahead_s": round(ahead_s, 3), "stepped_s": round(clocks.stepped_s, 3)}
    return failed("; ".join(problems), **seen) if problems else passed(f"within {tolerance_s:g} s", **seen)


def intervals(around: Surroundings) -> Found:
    """Settings that do no harm by themselves, and slow down or unsettle a repair."""
    s = around.settings
    unwise = {
        f"sweep_grace_s={s.sweep_grace_s:g} exceeds sweep_interval_s={s.sweep_interval_s:g}: a lost intent is "
        "overlooked by a whole sweep": s.sweep_grace_s > s.sweep_interval_s,
        f"leader_lease_s={s.leader_lease_s:g} exceeds visibility_timeout_s={s.visibility_timeout_s:g}: a dead leader "
        "is replaced later than a dead worker": s.leader_lease_s > s.visibility_timeout_s,
        f"clock_tolerance_s={s.clock_tolerance_s:g} is not below leader_lease_s={s.leader_lease_s:g}: two leaders may "
        "both believe that their term stands": s.clock_tolerance_s >= s.leader_lease_s,
        "min_blind_workers=0: while the queue cannot be read nobody works": s.min_blind_workers == 0,
        f"campaign_rate_per_s={s.campaign_rate_per_s:g} exceeds campaign_open_items={s.campaign_open_items}: one second "
        "of a campaign is more than the backlog it waits at": s.campaign_rate_per_s > s.campaign_open_items,
    }
    found = [words for words, holds in unwise.items() if holds]
    return failed("; ".join(found)) if found else passed("sweep, lease, tolerance and campaign limits fit together")


def leader(around: Surroundings) -> Found:
    """One engine leads, or none; and the one that leads is heard."""
    match around.leaders:
        case Known(value=seen):
            evidence = {"leading": list(seen.leading), "engine": seen.engine_alive, "age_s": seen.heartbeat_age_s}
            if len(seen.leading) > 1:
                return failed(f"more than one reconciler says that it leads: {', '.join(seen.leading)}", **evidence)
            silence_s = around.settings.silence_s
            if seen.engine_alive and (seen.heartbeat_age_s is None or seen.heartbeat_age_s > silence_s):
                return failed(f"an engine holds this home, but was not heard for {silence_s:g} s", **evidence)
            return passed("one engine leads" if seen.engine_alive else "no engine works here now", **evidence)
        case Unknown() as blind:
            return unknown(blind)


def _use(store: str, name: str, incident: str, remedy: str, *, needed: bool = False) -> Guardrail:
    return Guardrail(name, incident, remedy, partial(_usable, store), needed)


_MINE = "Give the user of this program read and write permission on it, or free space; then run doctor again."

GUARDRAILS = (
    Guardrail("settings", "2 truth_without_intent", "Correct PARJANYA_SETTINGS as the message says.", settings, True),
    _use("truth", "truth_writable", "truth_unavailable", f"{_MINE} Nothing works without Truth.", needed=True),
    Guardrail("schema", "12 contract_drift", "Use one version of this program for all of this home.", schema, True),
    Guardrail("write_ahead_log", "truth_unavailable", "Stop all programs on this home and start one.", write_ahead_log),
    Guardrail("disk_headroom", "disk_full", "Free space on that file system, or move the home.", disk_headroom),
    Guardrail("tenants", "9a undiscovered_tenant", "Ingest one item of that tenant: it becomes a row.", tenants),
    _use("intent", "intent_usable", "8 control_plane_blind", f"{_MINE} The queue may be deleted: Truth rebuilds it."),
    Guardrail("retention", "9b intent_expired", "Raise retention_s above the longest time nobody looks.", retention),
    Guardrail(
        "visibility", "1 intent_destroyed_early", "Raise visibility_timeout_s, or lower max_run_s of the stage.",
        visibility, needed=True,
    ),
    Guardrail("dead_letters", "1 intent_destroyed_early", "Let the queue be read; see intent_usable.", dead_letters),
    Guardrail("addresses", "4 misrouted_intent", "Make the bucket known to this profile, or correct it.", addresses),
    _use("objects", "objects_writable", "1 intent_destroyed_early", _MINE),
    Guardrail(
        "manifest", "6b incomplete_model", "Start the engine again after an upgrade: it declares what it is.",
        manifest, at_start=False,
    ),
    Guardrail(
        "worker_starts", "6a stale_image_tag", "Repair the installation as the message says; no worker will start.",
        worker_starts, at_start=False,
    ),
    _use("run", "run_writable", "6a stale_image_tag", _MINE, needed=True),
    Guardrail(
        "file_locks", "two_reconcilers", "Put the home on a local file system: this one does not keep locks.",
        file_locks, needed=True,
    ),
    Guardrail("open_files", "8 control_plane_blind", f"Raise the limit (`ulimit -n {OPEN_FILES}`).", open_files),
    _use("ledger", "ledger_usable", "8 control_plane_blind", f"{_MINE} The ledger may be deleted; only history goes."),
    Guardrail("clock", "clock_skew", "Let one time service set the clocks of all machines on this home.", clock),
    Guardrail("intervals", "2 truth_without_intent", "Change one of the two in PARJANYA_SETTINGS.", intervals),
    Guardrail("leader", "two_reconcilers", "Stop all engines but one; start it again if none is heard.", leader, at_start=False),
)  # fmt: skip
