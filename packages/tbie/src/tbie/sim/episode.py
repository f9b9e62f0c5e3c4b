"""One fault under the eyes of the watch: within one sweep the diagnosis has to name it, or the boundary of another that lives.

Caller: ``run``, once in a run. Everybody gets turns in a fair order meanwhile, without interleaving; what the plan had
wrong before stays wrong. What is asserted, exactly: docs/simulation.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tbie.core.finding import State
from tbie.diagnose import Diagnosis
from tbie.diagnose.catalogue import CATALOGUE as CODES
from tbie.diagnose.readings import RECENT_MS
from tbie.sim.faults import CATALOGUE
from tbie.sim.faults.intent import LOST
from tbie.sim.plan import Planned
from tbie.sim.strike import begin, end
from tbie.sim.violation import ViolationError
from tbie.sim.workload import NOWHERE

if TYPE_CHECKING:
    from tbie.sim.world import World

NAMEABLE = tuple(kind.name for kind in CATALOGUE.values() if kind.codes)
"""Faults that a diagnosis has to name."""

CHECKER = "13 diagnosis is sound"
ROUND_MS = 1_000
SLOW = frozenset({"boot_failure", "boot_silence", "drift", "reconcilers_gone", "weekend", "truth_away"})
"""Kinds that show after a budget of their own, on top of the sweep: a boot, an attestation, a silence."""

NEEDS_WORK = frozenset({"presence_unreadable"})
"""Kinds that nobody can meet while nothing is open."""
MENDED = "a lost intent was sent anew"
"""A destroyed message may be sent again by the stream, under its token, before anybody looks: then nothing was wrong."""


def episode(world: World, fault: Planned) -> None:
    """Strike, look on, end.

    Raises:
        ViolationError: the time is over, and the diagnosis never named it.
    """
    kind = CATALOGUE[fault.kind]
    interleaving, world.interleaving = world.interleaving, 0
    settings = world.settings
    others = _others(world)
    began_ms = world.clock.now_ms()
    lost = world.checkers.lost
    lost.look(world)
    before = set(lost.missing)
    if begin(world, fault) is not False:
        began_ms = world.clock.now_ms()  # a weekend is long
        lost.look(world)
        robbed = {name: seen[0] for name, seen in lost.missing.items() if name not in before}
        world.checkers.sound.robbed, world.checkers.sound.gaps = robbed, 0
        extra_s = settings.boot_start_budget_s + settings.boot_register_budget_s + settings.silence_s
        allowed_s = settings.sweep_interval_s + settings.sweep_grace_s + (extra_s if fault.kind in SLOW else 0.0)
        rounds = int(allowed_s * 1000 / ROUND_MS) + 2
        seen: list[str] = []
        mended, seq = world.sometimes[MENDED], world.truth.last_seq()
        named = any(_round(world, fault, others, seen) for _ in range(rounds))
        without_work = fault.kind in NEEDS_WORK and not world.shadow.open
        unnoticed = kind.codes == LOST and world.sometimes[MENDED] == mended and not world.checkers.sound.gaps
        if fault.kind == "wrong_address" and not _met(world, seq):
            unnoticed = True  # the row was replayed, and the message with it, before anybody came to the wrong place
        # workers may all leave, idle, before one of them has said that its machine drifted
        unmet = fault.kind == "drift" and not any(
            beat.body.get("state") == "execution_drift" for beat in world.truth.heartbeats()
        )
        if not (named or without_work or unnoticed or unmet or "stale_reading" in others):
            raise ViolationError(
                CHECKER, f"{fault.kind} was never named in {allowed_s:g} s; other faults {others}; seen {seen}"
            )
        world.sometimes[f"named: {fault.kind}"] += named
    if kind.end is not None:
        end(world, fault)
    world.interleaving = interleaving
    world.note("watch", "episode ends", f"after {(world.clock.now_ms() - began_ms) / 1000:g} s")


def _others(world: World) -> list[str]:
    """Faults that stand, or struck so lately that a diagnosis still tells of them, or are still to strike."""
    now = world.clock.now_ms()
    lately = [fault for fault, at_ms in world.struck if now - at_ms <= RECENT_MS]
    waiting = [armed.fault for armed in world.weather.armed] + [fault for fault, _ in world.weather.once]
    return sorted({fault.kind for fault in [*lately, *waiting, *world.weather.standing]})


def _met(world: World, seq: int) -> bool:
    """Whether anybody has come upon a wrong address since change number *seq*, or still may."""
    if any(entry.cause.why == "misrouted_intent" for entry in world.truth.changes_since(seq)):
        return True
    stored = world.intent.everything().items()
    return any(m.envelope.address.bucket == NOWHERE and world.wanted(name) for name, m in stored)


def _round(world: World, fault: Planned, others: list[str], seen: list[str]) -> bool:
    """Everybody's turn, then a look; whether the fault was named."""
    world.advance(ROUND_MS)
    for actor in list(world.actors):
        if actor.ready() and actor not in (world.watch, world.operator):
            world.act(actor)
    world.checkers.after_step(world)
    missing = world.checkers.lost.missing
    robbed = world.checkers.sound.robbed.items()
    world.checkers.sound.gaps += any(name in missing and missing[name][0] == token for name, token in robbed)
    found = world.watch.look()
    if found is None:
        return False
    seen[:] = [found.verdict, *(f"{f.code} ({f.state.value})" for f in found.findings)]
    world.checkers.sound.checked += 1
    return _named(found, fault, others)


def _named(found: Diagnosis, fault: Planned, others: list[str]) -> bool:
    """Whether *found* says what is wrong: this fault by its code, or the boundary of any that lives besides."""
    codes, lasts = CATALOGUE[fault.kind].codes, CATALOGUE[fault.kind].end is not None
    mine = [finding for finding in found.findings if finding.code in codes]
    if not others:
        roots = {finding.boundary.value for finding in mine if finding.state is State.STANDING}
        return bool(mine) and (not lasts or found.verdict in roots)
    live = [CATALOGUE[kind] for kind in (fault.kind, *others)]
    boundaries = {kind.boundary for kind in live} | {CODES[code].boundary for kind in live for code in kind.codes}
    return bool(mine) or any(finding.boundary in boundaries for finding in found.findings)
