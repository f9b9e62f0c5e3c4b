"""The twelve invariants, checked after each call that could break them and after each step. Callers: ``world``, ``run``.

Each looks only at what has changed; each counts how often it had something to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tbie.core.errors import FencedError
from tbie.execution import Drift, Work
from tbie.intent import Hold
from tbie.pause import PAUSE
from tbie.sim.checkers.base import Checker
from tbie.sim.checkers.control import BoundedConvergence, DeclaredEnvironment, Fair, UnknownIsNotZero
from tbie.sim.checkers.effects import CleanReplay, HistoryIsComplete, NoZombies, OneEffect
from tbie.sim.checkers.intents import AddressedWork, BacklogGuard, IntentSurvives, NoLostWork
from tbie.sim.checkers.sound import Sound
from tbie.sim.checkers.tenants import DeclaredForTenant
from tbie.sim.process import Process
from tbie.truth import QUARANTINED, Document

if TYPE_CHECKING:
    from tbie.reconciler.loop import Pass
    from tbie.sim.actors.control import Control
    from tbie.sim.actors.hand import Hand
    from tbie.sim.world import World


class Checkers:
    """All of them, in the order of their numbers."""

    def __init__(self) -> None:
        self.lost, self.survives, self.effect, self.zombies = NoLostWork(), IntentSurvives(), OneEffect(), NoZombies()
        self.replay, self.unknown, self.addressed = CleanReplay(), UnknownIsNotZero(), AddressedWork()
        self.backlog, self.history, self.declared = BacklogGuard(), HistoryIsComplete(), DeclaredEnvironment()
        self.fair, self.bounded, self.sound = Fair(), BoundedConvergence(), Sound()
        self.tenants = DeclaredForTenant()

    @property
    def all(self) -> tuple[Checker, ...]:
        """By number: the twelve invariants, soundness, and versions by tenant."""
        first = (self.lost, self.survives, self.effect, self.zombies, self.replay, self.unknown)
        later = (
            self.addressed,
            self.backlog,
            self.history,
            self.declared,
            self.fair,
            self.bounded,
            self.sound,
            self.tenants,
        )
        return (*first, *later)

    # -- calls

    def observe(
        self,
        world: World,
        process: Process,
        what: str,
        method: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """Make the call, and look at it from both sides."""
        match what:
            case "truth.commit" | "truth.add":
                answer = self._commit(world, process, what, method, args, kwargs)
            case "intent.send":
                self.addressed.on_send(world, process, args[0])
                answer = method(*args, **kwargs)
                self.fair.after_send(world, args[0])
                self.bounded.sent(args[0])
            case "intent.exchange":
                self.survives.on_exchange(world, process, args[0])
                self.declared.on_exchange(world, process, args[1])
                held = sum(isinstance(disposal, Hold) for disposal in args[0])
                world.sometimes["what a pause holds back was put off"] += held
                answer = method(*args, **kwargs)
                self.fair.after_exchange(world, answer)
            case "intent.expire":
                answer = method(*args, **kwargs)
                if answer:
                    world.sometimes["a message expired"] += 1
                    self.destroyed()
            case "fleet.set_desired":
                self.unknown.on_desired(process, *args)
                answer = method(*args, **kwargs)
            case "truth.open_stages" if args[1] is None and args[0] == process.workflow.stages[0].name:
                self.lost.sweep_begins(world, process.name)
                answer = method(*args, **kwargs)
            case "truth.opened_since":
                answer = method(*args, **kwargs)
                world.sometimes["a sweep was under way while the stream ran"] += self.lost.sweeping(process.name)
                if args[1] != world.settings.stream_batch and process.kind == "reconciler" and answer[0]:
                    world.sometimes["an express-lane emission"] += 1
            case "truth.write_document":
                answer = method(*args, **kwargs)
                self._document(world, answer)
            case _:
                answer = method(*args, **kwargs)
        if process.kind == "reconciler":
            self.bounded.on_call(process, what, args, answer)
        return answer

    def _commit(
        self,
        world: World,
        process: Process,
        what: str,
        method: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any:
        seq, shadow = world.truth.last_seq(), world.shadow
        self.zombies.on_fence(world, process, args)
        try:
            answer = method(*args, **kwargs)
        except FencedError:
            self.zombies.expected_fence = False
            world.sometimes["a fenced leader was refused"] += 1
            raise
        entries = world.truth.changes_since(seq)
        self.zombies.not_fenced(process)
        if what == "truth.commit":
            commands = args[0]
            self.zombies.on_commit(world, commands, answer, entries)
            self.replay.on_commit(world, commands, answer)
            self.unknown.on_commit(process, commands)
            if process.kind == "reconciler":
                self.backlog.on_commit(world, process, commands, answer, self.unknown.seen[process.name])
        for entry in entries:
            self.history.on_entry(shadow, entry)
            self.effect.on_entry(shadow, entry)
            self.replay.on_entry(entry)
            shadow.take((entry,))
        touched = [command.key for command in args[0]]
        self.history.on_items(world, list(dict.fromkeys([*touched, *(entry.key for entry in entries)])))
        self.replay.on_items(world, entries)
        self.tenants.on_items(world, entries)
        return answer

    @staticmethod
    def _document(world: World, document: Document | None) -> None:
        if document is None or document.kind != PAUSE:
            return
        body = document.body
        name = (
            "a pause was healed by its probe"
            if body.get("healed")
            else "a probe was sent"
            if body.get("probe")
            else None
        )
        world.sometimes[name or "a class was paused"] += 1

    def on_reading(self, world: World, process: Process, what: str, args: tuple[Any, ...], answer: Any) -> None:
        """What a process was told."""
        if process.kind == "reconciler":
            self.unknown.on_reading(process, what, args, answer)
            self.bounded.on_call(process, what, args, answer)

    def on_away(self, world: World, process: Process, what: str) -> None:
        """A store that could not be reached."""
        world.sometimes[f"{what.partition('.')[0]} was away"] += 1

    def destroyed(self) -> None:
        """A message was destroyed just now: what was seen of the queue before does not count."""
        self.lost.forget()
        self.fair.excuse()

    # -- turns

    def on_attest(self, world: World, hand: Hand, drift: Drift | None) -> None:
        """What a worker was told of its machine."""
        self.declared.on_attest(world, hand.name, drift)

    def on_run(self, world: World, hand: Hand, work: Work) -> None:
        """A handler begins."""
        self.tenants.on_run(world, hand, work)

    def before_pass(self, world: World, control: Control) -> None:
        """A reconciler begins a pass."""
        self.unknown.before_pass(control.name)
        self.bounded.before_pass(world, control.name)
        self.lost.look(world)
        control.began_nested = world.nested

    def after_pass(self, world: World, control: Control, done: Pass) -> None:
        """It has ended without a crash."""
        atomic = control.began_nested == world.nested
        self.unknown.after_pass(world, control, done)
        self.bounded.after_pass(world, control, done, atomic)
        if done.swept is not None and not done.swept.blind:
            self.lost.swept(world, control.name)

    def after_step(self, world: World) -> None:
        """A turn at the top has ended."""
        self.lost.look(world)
        self.backlog.look(world)
        self.sound.look(world)

    def at_end(self, world: World) -> None:
        """Everything is settled: every row of every item, once more."""
        self.history.on_items(world, sorted(world.shadow.rows))
        for key, rows in world.shadow.rows.items():
            for stage, row in rows.items():
                world.sometimes["a poison item was quarantined"] += row["reason"] in QUARANTINED
                said = row["state"] == "completed" or row["reason"]
                if self.lost.broken(bool(said)):
                    self.lost.fail(f"{stage} of {'/'.join(key)} is {row['state']} and does not say why")

    def counts(self) -> dict[str, int]:
        """How often each had something to look at."""
        return {f"{checker.number:02} {checker.name}": checker.checked for checker in self.all}
