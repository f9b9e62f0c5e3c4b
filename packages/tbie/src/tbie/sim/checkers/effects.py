"""Invariants 3, 4, 5 and 9: what a commit may change, and what history says of it. Seen at every commit, entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tbie.campaign.record import KIND as CAMPAIGN
from tbie.core.cause import Cause
from tbie.core.keys import ItemKey
from tbie.history import brief, plain
from tbie.sim.checkers.base import Checker
from tbie.sim.process import Process
from tbie.sim.shadow import Row, Shadow
from tbie.truth import Command, Committed, Document, HistoryEntry, Reset, Result, Rotate, Settle, Update

if TYPE_CHECKING:
    from tbie.sim.world import World


class OneEffect(Checker):
    """At most one result is committed per (item, stage, generation)."""

    number, name = 3, "one effect"

    def __init__(self) -> None:
        super().__init__()
        self._effects: dict[tuple[ItemKey, str, int], Any] = {}

    def on_entry(self, shadow: Shadow, entry: HistoryEntry) -> None:
        """A completed row that says something else than before is a new result."""
        for stage, row in entry.after.items():
            if stage == "@item" or not isinstance(row, dict) or row["state"] != "completed":
                continue
            effect = (entry.key, stage, row["generation"])
            if self.broken(effect not in self._effects):
                self.fail(f"a second result of {effect}, by {entry.cause}")
            self._effects[effect] = row["facts"]


class NoZombies(Checker):
    """A result for a superseded token changes nothing; one for the live token counts."""

    number, name = 4, "no zombies"

    def __init__(self) -> None:
        super().__init__()
        self.expected_fence = False
        """Whether this commit must be refused as a whole: it is made under a term that is over."""

    def on_fence(self, world: World, process: Process, args: Sequence[Any]) -> None:
        """Before a commit: whether its caller still leads."""
        fence: Document | None = args[1] if len(args) > 1 and isinstance(args[1], Document) else None
        if fence is None:
            return
        self.checked += 1
        self.expected_fence = fence not in world.truth.documents(fence.kind)

    def not_fenced(self, process: Process) -> None:
        """It was not refused."""
        if self.expected_fence:
            self.fail(f"{process.name} leads no more, and its commit was taken")

    def on_commit(
        self, world: World, commands: Sequence[Command], results: Sequence[Result], entries: Sequence[HistoryEntry]
    ) -> None:
        """Predict each answer from the rows as they were, change by change."""
        rows: dict[tuple[ItemKey, str], Any] = {}
        left = iter(entries)
        for command, result in zip(commands, results, strict=True):
            if isinstance(command, Settle):
                row = rows.get((command.key, command.stage)) or world.shadow.row(command.key, command.stage)
                live = _live(row, command)
                if self.broken(live == isinstance(result, Committed)):
                    self.fail(f"{command} met {row}: {result}")
                if not live:
                    world.sometimes["a zombie commit was refused"] += 1
            if isinstance(command, Rotate) and isinstance(result, Committed):
                world.sometimes["a lost intent was sent anew"] += command.cause.why == "truth_without_intent"
                fresh = next(record for record in result.records if record.stage == command.stage)
                if self.broken(fresh.token not in world.shadow.tokens):
                    self.fail(
                        f"{command} gave the token {fresh.token}, which was given before: zombies of it live again"
                    )
            if isinstance(result, Committed):
                entry = next(left, None)
                while entry is not None and (entry.key, entry.cause) != (command.key, command.cause):
                    _remember(rows, entry)  # another item, invalidated by the command before
                    entry = next(left, None)
                if entry is None:
                    self.fail(f"{command} was committed and left no trace")
                else:
                    _remember(rows, entry)
        if not any(isinstance(result, Committed) for result in results) and self.broken(not entries):
            self.fail(f"nothing was committed and yet there is {entries}")


def _live(row: Row | None, settle: Settle) -> bool:
    return row is not None and (row["state"], row["token"], row["generation"]) == (
        "pending",
        settle.token,
        settle.generation,
    )


def _remember(rows: dict[tuple[ItemKey, str], Any], entry: HistoryEntry) -> None:
    for stage, row in entry.after.items():
        rows[entry.key, stage] = row


class CleanReplay(Checker):
    """After a replay no fact of that stage or downstream survives; and facts are made of the facts that are stored."""

    number, name = 5, "clean replay"

    def __init__(self) -> None:
        super().__init__()
        self._reset_by: set[tuple[ItemKey, Cause]] = set()

    def on_entry(self, entry: HistoryEntry) -> None:
        """A campaign resets an item once, however often its driver dies."""
        if entry.cause.who.startswith(f"{CAMPAIGN}:"):
            if self.broken((entry.key, entry.cause) not in self._reset_by):
                self.fail(f"{entry.key} was reset twice by {entry.cause}")
            self._reset_by.add((entry.key, entry.cause))

    def on_commit(self, world: World, commands: Sequence[Command], results: Sequence[Result]) -> None:
        """Right after a reset, before anybody works again. The shadow is as it was before."""
        for command, result in zip(commands, results, strict=True):
            if not isinstance(command, Reset | Update) or not isinstance(result, Committed):
                continue
            world.sometimes["a stage was reset"] += 1
            roots = [command.stage] if isinstance(command, Reset) else ["read"]
            names = {s.name for root in roots for s in world.workflow.downstream[root]} | set(roots)
            after = {record.stage: record for record in result.records}
            for name in sorted(names):
                before = world.shadow.row(command.key, name)
                if before is None or len(commands) > 1:
                    continue
                record = after.get(name)
                clean = record is not None and record.facts is None and record.generation == before["generation"] + 1
                if self.broken(clean):
                    self.fail(f"{command} left {name} as {record}, which was {before}")

    def on_items(self, world: World, entries: Sequence[HistoryEntry]) -> None:
        """Every changed item, after the commit."""
        for key in dict.fromkeys(entry.key for entry in entries):
            rows = world.shadow.rows[key]
            stored = {name: row["facts"] for name, row in rows.items() if row["facts"] is not None}
            dirty = {stage for stage, item in world.shadow.dirty if item == key}
            for name, facts in stored.items():
                upstream = world.workflow.upstream[name]
                if name in dirty or dirty & upstream:
                    continue
                row = rows[name]
                if self.broken(row["state"] == "completed"):
                    self.fail(f"{key} {name} is {row['state']} and has facts")
                given = {other: stored[other][other] for other in sorted(upstream) if other in stored}
                if self.broken(facts["given"] == given):
                    self.fail(f"{key} {name} was made of {facts['given']}, stored is {given}")
                made = str(facts[name]).split("/")[1]
                if self.broken(made == str(row["generation"])):
                    self.fail(f"{key} {name}: facts of generation {made} in {row}")


class HistoryIsComplete(Checker):
    """Every change appends one entry with who, why and what was there; folding them gives the row."""

    number, name = 9, "history is complete"

    def on_entry(self, shadow: Shadow, entry: HistoryEntry) -> None:
        """Before it is folded."""
        if self.broken(entry.seq == shadow.seq + 1):
            self.fail(f"entry {entry.seq} follows {shadow.seq}")
        if self.broken(bool(entry.cause.who and entry.cause.why)):
            self.fail(f"entry {entry.seq} does not say who and why")
        for stage, before in entry.before.items():
            row = shadow.row(entry.key, stage)
            if row is None or (stage, entry.key) in shadow.dirty:
                continue
            was = {name: row[name] for name in ("state", "generation", "token")}
            if self.broken(before == was):
                self.fail(f"entry {entry.seq} says that {stage} was {before}; it was {was}")

    def on_items(self, world: World, keys: Sequence[ItemKey]) -> None:
        """Rows against the fold, of every item that a call may have touched."""
        for key, item in zip(keys, world.truth.get(keys), strict=True):
            if item is None:
                if self.broken(key not in world.shadow.rows):
                    self.fail(f"{key} has a history and no row")
                continue
            about = {"address": list(item.address), "attributes": item.attributes}
            if self.broken(world.shadow.about.get(key) == about):
                self.fail(f"{key} is {about}; its history says {world.shadow.about.get(key)}")
            rows = world.shadow.rows.get(key, {})
            if self.broken(rows.keys() == item.stages.keys()):
                self.fail(f"{key} has {sorted(item.stages)}, history {sorted(rows)}")
            for stage, record in item.stages.items():
                if (stage, key) not in world.shadow.dirty and self.broken(plain(record) == rows[stage]):
                    self.fail(f"{key} {stage}: row {brief(record)}, fold {rows[stage]}")
