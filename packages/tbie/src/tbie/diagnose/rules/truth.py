"""Is Truth there, is there room in it, and is what it says clean? Readings → findings, pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from tbie.core.finding import Evidence, Finding
from tbie.core.reading import Known, Unknown
from tbie.diagnose.catalogue import found
from tbie.diagnose.view import View
from tbie.truth import Item

FULL = ("disk is full", "no space left", "disk full", "quota exceeded")
"""What stores and systems say when there is no room."""

NAMED = 5
"""Items named as examples: enough to look at, few enough to read."""


def is_full(words: str) -> bool:
    """Whether an error's words speak of a full disk."""
    return any(sign in words.lower() for sign in FULL)


def truth_unavailable(view: View) -> Iterator[Finding]:
    """What of Truth could not be read; a full disk is told apart by its words."""
    truth, control = view.readings.truth, view.readings.control
    parts = (truth.tally, truth.opened, control.heartbeats, truth.versions, control.last_seq, truth.failures)
    unreadable = [part for part in parts if isinstance(part, Unknown)]
    if unreadable and not any(is_full(part.error) for part in unreadable):
        first = unreadable[0]
        yield found("truth_unavailable", Evidence("error", first.error, first.source, first.at_ms))


def disk_full(view: View) -> Iterator[Finding]:
    """No room: as an error said, as the leader said, or as the disk itself says."""
    evidence = [Evidence("error", u.error, u.source, u.at_ms) for u in view.readings.unknown if is_full(u.error)][:1]
    if view.leader is not None:
        blind = view.leader.body.get("blind")
        said = [str(line) for line in blind if is_full(str(line))] if isinstance(blind, list) else []
        source = f"heartbeat of {view.leader.component} {view.leader.instance}"
        evidence += [Evidence("error", line, source, view.leader.at_ms) for line in said[:1]]
    room = view.readings.truth.room_bytes
    if isinstance(room, Known) and room.value < view.settings.disk_headroom_bytes:
        evidence.append(Evidence("room_bytes", room.value, room.source, room.at_ms))
        evidence.append(view.read("headroom_bytes", view.settings.disk_headroom_bytes, "settings"))
    if evidence:
        yield found("disk_full", *evidence)


def dirty_retry(view: View) -> Iterator[Finding]:
    """Open stages that still carry facts, or whose downstream does. Looks at the oldest few."""
    dirty = []
    for row in view.rows:
        item = view.items.get(row.key)
        record = item.stages.get(row.stage) if item is not None else None
        if item is not None and record is not None and record.token == row.token and not record.state.final:
            stale = stale_facts(view, item, row.stage)
            if stale:
                dirty.append({"tenant": row.key.tenant, "item": row.key.item, "stage": row.stage, "stale": stale})
    if dirty:
        yield found(
            "dirty_retry",
            view.read("dirty", len(dirty), "truth"),
            view.read("looked_at", len(view.items), "truth"),
            view.read("items", dirty[:NAMED], "truth"),
        )


def stale_facts(view: View, item: Item, stage: str) -> list[str]:
    """Which stages of *item* hold what was derived before, although *stage*, which they come from, is open."""
    own = item.stages.get(stage)
    later = (item.stages.get(other.name) for other in view.readings.workflow.downstream.get(stage, ()))
    return [r.stage for r in (own,) if r is not None and r.facts is not None] + [
        r.stage for r in later if r is not None and r.state.final
    ]


def policy_change(view: View) -> Iterator[Finding]:
    """Completed rows of a version that is not the one declared for their tenant."""
    reading, workflow = view.readings.truth.versions, view.readings.workflow
    if not isinstance(reading, Known):
        return
    older: dict[str, list[tuple[str, str, int]]] = {}
    for (tenant, name, version), count in sorted(reading.value.items()):
        if count and workflow.declared(name, tenant) not in (None, version):
            older.setdefault(name, []).append((tenant, version, count))
    for name, rows in older.items():
        tenants, versions = Counter[str](), Counter[str]()
        for tenant, version, count in rows:
            tenants[tenant] += count
            versions[version] += count
        most = dict(tenants.most_common(NAMED))
        yield found(
            "policy_change",
            Evidence("stage", name, reading.source, reading.at_ms),
            Evidence("older", sum(versions.values()), reading.source, reading.at_ms),
            Evidence("versions", dict(versions.most_common(NAMED)), reading.source, reading.at_ms),
            Evidence("tenants", len(tenants), reading.source, reading.at_ms),
            Evidence("of", most, reading.source, reading.at_ms),
            view.read("declared", {tenant: workflow.version(name, tenant) for tenant in most}, "workflow"),
        )


def failed_items(view: View) -> Iterator[Finding]:
    """Failures of something outside of the item. What an item itself is to blame for is an answer, not a finding."""
    reading = view.readings.truth.failures
    if not isinstance(reading, Known) or not reading.value.retriable:
        return
    rows = reading.value.retriable
    budget = view.settings.reset_budget_count
    yield found(
        "failed_items",
        Evidence("failed", len(rows), reading.source, reading.at_ms),
        Evidence("reasons", _counted(f"{row.stage}:{row.reason}" for row in rows), reading.source, reading.at_ms),
        Evidence("resets_left", sum(row.resets < budget for row in rows), reading.source, reading.at_ms),
        Evidence("items", [[*row.key] for row in rows[:NAMED]], reading.source, reading.at_ms),
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())
