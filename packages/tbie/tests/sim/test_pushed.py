"""Functions in the place of engines: one is handed every change, often twice and out of order, one sweeps within a bounded time.

The same faults, checkers and mutants' prey as for any other reconciler; what is different is only who reads the stream.
"""

from __future__ import annotations

from functools import partial

import pytest

from tbie.backends.memory.belief import belief
from tbie.core.errors import TbieError
from tbie.reconciler.loop import Pass, Reconciler
from tbie.reconciler.place import PLACE
from tbie.reconciler.pushed import Row
from tbie.sim import world as worlds
from tbie.sim.actors.control import Control
from tbie.sim.declaring import refresh
from tbie.sim.plan import Plan
from tbie.sim.run import plan_of, run
from tbie.sim.workload import LIMITS, SETTINGS, resolve

SEEDS = range(1, 61)
UNKNOWN = ("stream_gap", "reader_stalls")
"""Faults of somebody who reads the stream: nobody does."""


class Function(Control):
    """A process that lives as long as a warm function; every pass is either a batch of records or a schedule."""

    def _start(self) -> Reconciler:
        world = self.world
        self.process = process = world.process(self.name, "reconciler")
        process.clock.skew_ms = self.skew_ms
        world.note(self.name, "starts", f"version {world.version}")
        self.swept_s = -1_000.0
        return Reconciler(
            process.workflow,
            process.truth,
            process.intent,
            resolve,
            process.clock,
            world.settings,
            instance=self.name,
            belief=belief(process.workflow, process.intent, process.fleet),
            fleet=process.fleet,
            limits=LIMITS,
            ledger=world.ledger,
            refresh=partial(refresh, process),
            pushed=True,
        )

    def _act(self) -> None:
        world = self.world
        if self.reconciler is None or self.process.dead:
            self.reconciler = self._start()
        world.checkers.before_pass(world, self)
        done = self._pass(self.reconciler)
        world.note(self.name, "pass", f"read {done.read}, {done.emitted}, blind {done.blind}")
        world.checkers.after_pass(world, self, done)

    def _pass(self, reconciler: Reconciler) -> Pass:
        world, now_s = self.world, self.process.clock.monotonic_s()
        if now_s - self.swept_s >= SETTINGS.sweep_interval_s:
            self.swept_s = now_s
            went_on = reconciler._sweep.under_way or bool(world.truth.documents(PLACE))
            done = reconciler.step(force_sweep=True, until_s=now_s + world.chance.pick((0.0, 5.0)))
            if (
                went_on
            ):  # the checkers ask of a sweep what was so when its pass began; this one began in an earlier pass
                world.sometimes["a sweep was gone on with"] += done.swept is not None
                done.swept = None
            return done
        opened, seq = world.truth.opened_since(getattr(world, "pushed_seq", 0), 8)
        rows = [Row(row.key, row.stage) for row in reversed(opened)]
        try:
            done = reconciler.absorb([*rows, *rows])
        except TbieError as error:  # the records come again
            return Pass(blind=[str(error)])
        world.pushed_seq = seq if not world.chance.percent(20) else max(0, seq - 5)  # type: ignore[attr-defined]
        return done


def _plan(seed: int) -> Plan:
    plan = plan_of(seed)
    watched = None  # who names what is tested with an engine
    return plan._replace(watched=watched, faults=tuple(f for f in plan.faults if f.kind not in UNKNOWN))


def test_every_promise_holds_where_changes_are_pushed_and_sweeps_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worlds, "Control", Function)
    reports = [run(_plan(seed)) for seed in SEEDS]
    assert [(r.plan.seed, r.checker, r.words) for r in reports if not r.ok] == []
    assert sum(r.sometimes["a sweep was gone on with"] for r in reports) > 0
