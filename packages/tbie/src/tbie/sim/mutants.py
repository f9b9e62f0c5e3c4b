"""Defects planted into the real kernel, one at a time: a simulation that lets one of them pass proves nothing.

Callers: tests, and ``--mutant NAME``. Each replaces one function or method for as long as the context lasts.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from tbie import lifecycle
from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.reading import Unknown
from tbie.diagnose import Diagnosis, diagnose
from tbie.diagnose.rules import control as control_rules
from tbie.diagnose.rules import mended as mended_rules
from tbie.diagnose.verdict import HEALTHY
from tbie.diagnose.view import View
from tbie.intent import Delete, Disposal
from tbie.reconciler import decide, emit, fleet, loop, stream, sweep
from tbie.reconciler.decide import Action, Decision, Looked
from tbie.sim.actors import fleet as sim_fleet
from tbie.sim.planted import Patch, one_version_for_all, several_go_free
from tbie.truth import StageState
from tbie.worker.settling import disposal, settle_death
from tbie.worker.worker import Worker


class Mutant(NamedTuple):
    """One planted defect."""

    words: str
    plant: Callable[[], list[Patch]]


def _no_sweep() -> list[Patch]:
    def go_on(self: sweep.Sweep, *_: Any) -> bool:
        self._left.clear()
        return True

    return [(sweep.Sweep, "go_on", go_on)]


def _acknowledge_first() -> list[Patch]:
    commit = Worker._commit

    def too_early(self: Worker, settles: Any, jobs: Any, stepped: Any) -> None:
        self._intent.exchange([Delete(job.message) for job in jobs], ())
        commit(self, settles, jobs, stepped)

    return [(Worker, "_commit", too_early)]


def _settle_anything(*, state: bool) -> list[Patch]:
    settle = lifecycle._settle

    def trusting(draft: Any, command: Any) -> Any:
        record = draft.records.get(command.stage)
        if record is not None and state and record.state is StageState.COMPLETED:
            draft.records = {**draft.records, command.stage: record._replace(state=StageState.PENDING)}
        if record is not None:
            token, generation = (command.token, record.generation) if state else (record.token, record.generation)
            command = command._replace(token=token, generation=generation)
        return settle(draft, command)

    return [(lifecycle, "_settle", trusting)]


def _same_generation() -> list[Patch]:
    reset = lifecycle._reset

    def in_place(draft: Any, names: Any, resets: int = 0) -> Any:
        before = dict(draft.records)
        refused = reset(draft, names, resets)
        for stage, record in draft.touched.items():
            if stage in before:
                draft.touched[stage] = record._replace(generation=before[stage].generation)
        return refused

    return [(lifecycle, "_reset", in_place)]


def _downstream_stays() -> list[Patch]:
    reset = lifecycle._reset

    def shallow(draft: Any, names: Any, resets: int = 0) -> Any:
        refused = reset(draft, names, resets)
        for stage in list(draft.touched):
            if stage not in names and stage in draft.records:
                del draft.touched[stage]
        return refused

    return [(lifecycle, "_reset", shallow)]


def _error_is_empty() -> list[Patch]:
    sight = sweep._sight
    return [
        (sweep, "_sight", lambda reading, key: Looked(None) if isinstance(reading, Unknown) else sight(reading, key))
    ]


def _blind_scale_in() -> list[Patch]:
    size = decide.size_fleet
    return [
        (fleet, "size_fleet", lambda open_work, live, *rest: size(0 if live is None else open_work, live or 0, *rest))
    ]


def _no_backlog_guard() -> list[Patch]:
    found = decide._found

    def always(open_stage: Any, stage: Any, presence: Any) -> Decision:
        decision = found(open_stage, stage, presence)
        return decision._replace(action=Action.SUPERSEDE) if decision.reason == "intent_is_live" else decision

    return [(decide, "_found", always)]


def _no_fence() -> list[Patch]:
    commit = MemoryTruth.commit
    return [(MemoryTruth, "commit", lambda self, commands, fence=None: commit(self, commands))]


def _attest_ignored() -> list[Patch]:
    attest = Worker._attest_now

    def shrug(self: Worker) -> None:
        attest(self)
        self.drift = None

    return [(Worker, "_attest_now", shrug)]


def _history_gap() -> list[Patch]:
    store = MemoryTruth._store

    def forgetful(self: MemoryTruth, item: Any, change: Any) -> None:
        store(self, item, change)
        entry = self._history[-1]
        if len(entry.after) > 1 and entry.before:
            after = dict(entry.after)
            after.popitem()
            self._history[-1] = entry._replace(after=after)

    return [(MemoryTruth, "_store", forgetful)]


def _retry_deletes() -> list[Patch]:

    def gone(settle: Any, message: Any, result: Any, *rest: Any) -> Disposal:
        disposal(settle, message, result, *rest)
        return Delete(message)

    return [(sys.modules["tbie.worker.worker"], "disposal", gone)]


def _pause_drops() -> list[Patch]:
    return [(sys.modules["tbie.worker.worker"], "Hold", lambda message, _until: Delete(message))]


def _cursor_first() -> list[Patch]:
    pump = stream.Stream.pump

    def hasty(self: stream.Stream) -> Any:
        before = self.seq
        try:
            return pump(self)
        except BaseException:
            if self.seq == before:
                _, self.seq = self._desk.truth.opened_since(before, self._batch)
            raise

    return [(stream.Stream, "pump", hasty)]


def _stream_asleep() -> list[Patch]:
    return [(stream.Stream, "take", lambda self, opened: emit.Emitted())]


def _address_unchecked() -> list[Patch]:
    address = emit.address
    return [(emit, "address", lambda open_stage, workflow, resolve: address(open_stage, workflow, lambda _: True))]


def _one_tenant_first() -> list[Patch]:
    def turn(self: MemoryIntent, stage: str, tenant: str) -> int:
        del stage
        self._serial = getattr(self, "_serial", 0) + 1  # type: ignore[attr-defined]
        return self._serial - (1_000 if tenant == "t1" else 0)  # type: ignore[attr-defined,no-any-return]

    return [(MemoryIntent, "_next_turn", turn)]


def _barrier_stays() -> list[Patch]:
    return [(sweep, "lift_barriers", lambda desk: 0), (loop, "lift_barriers", lambda desk: 0)]


def _poison_for_ever() -> list[Patch]:
    return [(sim_fleet, "settle_death", lambda owner, suspects, *rest: settle_death(owner, (), *rest))]


def _token_stays() -> list[Patch]:
    rotate = lifecycle._rotate

    def lazy(draft: Any, command: Any) -> Any:
        refused = rotate(draft, command)
        if refused is None:
            draft.touched[command.stage] = draft.touched[command.stage]._replace(token=command.token)
        return refused

    return [(lifecycle, "_rotate", lazy)]


def _blind_and_silent() -> list[Patch]:
    step = loop.Reconciler.step

    def cheerful(self: Any, *args: Any, **kwargs: Any) -> Any:
        done = step(self, *args, **kwargs)
        done.blind.clear()
        return done

    return [(loop.Reconciler, "step", cheerful)]


def _reset_for_ever() -> list[Patch]:
    one = lifecycle._reset_one
    return [(lifecycle, "_reset_one", lambda draft, command: one(draft, command._replace(automatic=False)))]


def _silence_unseen() -> list[Patch]:
    return [(control_rules, "control_plane", lambda beats, now_ms, silence_ms: [])]


def _gaps_unseen() -> list[Patch]:
    return [(View, "gaps", property(lambda self: ())), (mended_rules, "missing_cases", lambda view: [])]


def _always_healthy() -> list[Patch]:
    def optimist(readings: Any, settings: Any) -> Diagnosis:
        return diagnose(readings, settings)._replace(verdict=HEALTHY, boundary=None, findings=())

    return [(sys.modules["tbie.sim.actors.watch"], "diagnose", optimist)]


MUTANTS: dict[str, Mutant] = {
    "no_sweep": Mutant("the sweep looks at nothing", _no_sweep),
    "acknowledge_first": Mutant("a worker deletes the message before it commits", _acknowledge_first),
    "token_ignored": Mutant(
        "a result counts whatever token and generation it is for", lambda: _settle_anything(state=False)
    ),
    "second_result": Mutant("a result counts for a stage that has one", lambda: _settle_anything(state=True)),
    "same_generation": Mutant("a replay keeps the generation", _same_generation),
    "downstream_stays": Mutant("a replay clears its own stage alone", _downstream_stays),
    "error_is_empty": Mutant("a queue that cannot be read counts as empty", _error_is_empty),
    "blind_scale_in": Mutant("a fleet is made smaller on a reading that failed", _blind_scale_in),
    "no_backlog_guard": Mutant("a sweep emits again what has a live intent", _no_backlog_guard),
    "no_fence": Mutant("a commit under a term that is over is taken", _no_fence),
    "attest_ignored": Mutant("a worker does not care what its machine is", _attest_ignored),
    "history_gap": Mutant("an entry of the history leaves one stage out", _history_gap),
    "retry_deletes": Mutant("a retry deletes the message", _retry_deletes),
    "pause_drops": Mutant("what is put off by a pause is deleted", _pause_drops),
    "cursor_first": Mutant("the stream moves on before it has emitted", _cursor_first),
    "stream_asleep": Mutant("the stream emits nothing", _stream_asleep),
    "address_unchecked": Mutant("an address is not looked up before it is sent", _address_unchecked),
    "one_tenant_first": Mutant("claims serve one tenant before all others", _one_tenant_first),
    "barrier_stays": Mutant("no barrier is ever lifted", _barrier_stays),
    "poison_for_ever": Mutant("a death never counts against the item that caused it", _poison_for_ever),
    "token_stays": Mutant("a lost intent is sent again under its old token", _token_stays),
    "blind_and_silent": Mutant("a blind pass says that it saw everything", _blind_and_silent),
    "silence_unseen": Mutant("a diagnosis does not notice a silent or blind control plane", _silence_unseen),
    "gaps_unseen": Mutant("a diagnosis does not notice missing intents", _gaps_unseen),
    "always_healthy": Mutant("a diagnosis says healthy whatever it found", _always_healthy),
    "reset_for_ever": Mutant("automatic resets are not counted", _reset_for_ever),
    "one_version": Mutant("a worker goes by the same version for every tenant", one_version_for_all),
    "several_go_free": Mutant("a death over several items charges none of them", several_go_free),
}
"""By name."""


@contextmanager
def planted(name: str | None) -> Iterator[None]:
    """The kernel with that defect; with None, as it is."""
    patches = MUTANTS[name].plant() if name is not None else []
    before = [(where, what, inspect.getattr_static(where, what)) for where, what, _ in patches]
    try:
        for where, what, instead in patches:
            setattr(where, what, instead)
        yield
    finally:
        for where, what, original in before:
            setattr(where, what, original)
