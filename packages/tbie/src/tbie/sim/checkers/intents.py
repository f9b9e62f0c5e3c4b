"""Invariants 1, 2, 7 and 8: open work has its intent, an intent outlives its execution, is addressed, and does not multiply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tbie.core.keys import ItemKey
from tbie.intent import Bury, Delete, Disposal, Envelope, Presence
from tbie.sim.checkers.base import Checker
from tbie.sim.process import Process
from tbie.sim.workload import BUCKET
from tbie.truth import Command, Committed, Result, Rotate

if TYPE_CHECKING:
    from tbie.sim.world import World

Name = tuple[str, ItemKey]
"""A stage of an item."""


class NoLostWork(Checker):
    """What was open and had no live intent when a sweep began has one when it has ended."""

    number, name = 1, "no lost work"

    def __init__(self) -> None:
        super().__init__()
        self.missing: dict[Name, tuple[str, int, int]] = {}
        """Open stages without a live intent: their token, and number of the call and time when that was first seen."""
        self._sweeps: dict[str, tuple[int, int]] = {}
        """By reconciler: the number of the call with which its sweep began, and the time."""

    def look(self, world: World) -> None:
        """Compare what is open with what is queued."""
        queued, missing = world.intent.everything(), self.missing
        now: dict[Name, tuple[str, int, int]] = {}
        at = (world.calls, world.clock.now_ms())
        for name, token in world.shadow.open.items():
            stored = queued.get(name)
            if stored is None or stored.envelope.token != token:
                before = missing.get(name)
                now[name] = before if before is not None and before[0] == token else (token, *at)
        self.missing = now

    def forget(self) -> None:
        """A message was destroyed just now: whatever was seen before does not count."""
        self.missing = {}

    def sweep_begins(self, world: World, who: str) -> None:
        """*who* reads the first page."""
        self.look(world)
        self._sweeps[who] = (world.calls, world.clock.now_ms())

    def sweeping(self, who: str) -> bool:
        """Whether a sweep of *who* has begun and not ended."""
        return who in self._sweeps

    def swept(self, world: World, who: str) -> None:
        """A sweep of *who* that could see has ended. It may have taken several passes."""
        self.look(world)
        now = world.clock.now_ms()
        began, began_ms = self._sweeps.pop(who, (world.calls, now))
        if began <= world.stale_call:
            return  # it was told what was true some time ago
        grace_ms = int(world.settings.sweep_grace_s * 1000) + world.tolerance_ms
        self.checked += 1
        for (stage, key), (token, since, _) in self.missing.items():
            row = world.shadow.row(key, stage)
            assert row is not None
            if since < began and began_ms - row["since_ms"] > grace_ms:
                self.fail(f"{stage} of {'/'.join(key)} ({token}) had no intent before a sweep, and has none after it")


class IntentSurvives(Checker):
    """A message goes only once Truth holds a result for its token, or has another token."""

    number, name = 2, "intent survives execution"

    def on_exchange(self, world: World, process: Process, disposals: Sequence[Disposal]) -> None:
        """Before it takes effect."""
        for disposal in disposals:
            if not isinstance(disposal, Delete | Bury):
                continue
            envelope = disposal.message.envelope
            wanted = world.shadow.open.get((envelope.stage, envelope.key)) == envelope.token
            stored = world.intent.everything().get((envelope.stage, envelope.key))
            live = stored is not None and stored.receipt == disposal.message.receipt
            if self.broken(not (wanted and live)):
                self.fail(f"{process.name} drops {envelope.token}, and Truth waits for it")


class AddressedWork(Checker):
    """An intent says where, what, which generation and version, as Truth says it; a wrong address is never sent."""

    number, name = 7, "addressed work"

    def on_send(self, world: World, process: Process, envelopes: Sequence[Envelope]) -> None:
        """Before it takes effect."""
        for envelope in envelopes:
            issued = world.shadow.tokens.get(envelope.token)
            if issued is None:
                self.fail(f"{envelope} has a token that Truth never gave")
                return
            named = (issued.key, issued.stage, issued.generation)
            if self.broken(named == (envelope.key, envelope.stage, envelope.generation)):
                self.fail(f"{envelope} is of {issued}")
            addresses = world.shadow.addresses[envelope.key]
            if self.broken(tuple(envelope.address) in addresses):
                self.fail(f"{envelope} leads where its item never was")
            if self.broken(envelope.address.bucket == BUCKET):
                self.fail(f"{envelope} leads nowhere")
            version = process.workflow.version(envelope.stage, envelope.key.tenant)
            declared = (version, ",".join(process.workflow[envelope.stage].owns))
            if self.broken((envelope.version, envelope.expected) == declared):
                self.fail(f"{envelope}, declared {declared}")


class BacklogGuard(Checker):
    """A sweep that sees a live intent leaves it alone; a queue holds no more messages of a stage than there are items."""

    number, name = 8, "backlog guard"

    def on_commit(
        self,
        world: World,
        process: Process,
        commands: Sequence[Command],
        results: Sequence[Result],
        seen: dict[Name, Presence | None],
    ) -> None:
        """A fresh token is justified by what this pass was told about the queue. The shadow is as it was before."""
        for command, result in zip(commands, results, strict=True):
            name = (getattr(command, "stage", ""), command.key)
            if (
                not isinstance(command, Rotate)
                or not isinstance(result, Committed)
                or name not in seen
                or command.at_once
            ):
                continue  # at once: a probe, or the end of a pause: nothing was lost, it is wanted now
            found = seen[name]
            declared = process.workflow.declared(command.stage, command.key.tenant)
            about = world.shadow.about[command.key]
            row = world.shadow.row(command.key, command.stage)
            healthy = (
                found is not None
                and not found.dead
                and (found.token, found.address) == (command.token, tuple(about["address"]))
                and row is not None
                and row["version"] == declared
            )
            if self.broken(not healthy):
                self.fail(f"{process.name} rotates {command.token}, which has a live intent")

    def look(self, world: World) -> None:
        """One message per (item, stage)."""
        depth = len(world.intent.everything())
        if self.broken(depth <= len(world.shadow.rows) * 5):
            self.fail(f"{depth} messages for {len(world.shadow.rows)} items")
