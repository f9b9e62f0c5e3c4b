"""How far has each worker come, and where does one hang? Silence is a signal. Readings → findings, pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tbie.core.finding import Evidence, Finding
from tbie.core.reading import Boot, BootState
from tbie.diagnose.catalogue import found
from tbie.diagnose.heartbeats import WORKER, number
from tbie.diagnose.rules.execution import visible
from tbie.diagnose.view import View
from tbie.reconciler.boots import budget_s, join
from tbie.truth import Heartbeat


def bootstrap_silence(view: View) -> Iterator[Finding]:
    """Pools in which a worker hangs on its way, or of which nobody is heard although there is work."""
    if view.leader is None:
        return  # nobody starts workers; that has a finding of its own
    for pool in view.readings.workflow.pools:
        yield from _hanging(view, pool) or _silent(view, pool)


def _hanging(view: View, pool: str) -> list[Finding]:
    """The worker that has been longest over the budget of its state."""
    over: list[tuple[float, float, Boot]] = []
    longest_run_s = max(stage.max_run_s for stage in view.readings.workflow.in_pool(pool))
    for boot in boots(view, pool):
        waited_s = (view.now_ms - boot.since_ms) / 1000
        if boot.state is BootState.REGISTERED:
            work = visible(view, pool)
            waited_s = min(waited_s, work[1]) if work is not None else 0.0  # idle is not stuck
        allowed_s = budget_s(boot.state, view.settings, longest_run_s)
        if allowed_s is not None and waited_s > allowed_s:
            over.append((waited_s, allowed_s, boot))
    if not over:
        return []
    waited_s, allowed_s, boot = max(over)
    return [
        found(
            "bootstrap_silence",
            view.read("pool", pool, "workflow"),
            view.read("state", boot.state.value, "fleet"),
            view.read("worker", boot.owner, "fleet"),
            view.read("waited_s", waited_s, "fleet"),
            view.read("budget_s", allowed_s, "settings"),
            view.read("workers_over_budget", len(over), "fleet"),
            *_last_words(view, pool),
        )
    ]


def boots(view: View, pool: str) -> list[Boot]:
    """Workers of *pool* on their way: as the fleet tells, refined by what they say of themselves."""
    fleet = view.fleet(pool)
    mine = [b for b in view.beats if b.component == WORKER and b.body.get("pool") == pool and view.is_fresh(b)]
    told = {boot.owner: boot for boot in fleet.value.boots} if fleet is not None else {}
    for beat in mine:  # one that was started by hand is known by its own word alone
        started_ms = number(beat, "started_ms")
        if beat.instance not in told and started_ms is not None:
            told[beat.instance] = Boot(beat.instance, BootState.REGISTERED, int(started_ms))
    resting = ("execution_drift", "warm")  # one takes nothing, the other waits in a warm pool: both say so
    excused = {b.instance for b in mine if b.body.get("state") in resting or _is_loading(view, b)}
    on_their_way = [boot for boot in join(told.values(), mine) if boot.owner not in excused]
    if (
        fleet is not None and fleet.value.refused is not None
    ):  # what is refused does not hang: it has a finding of its own
        return [boot for boot in on_their_way if boot.state is not BootState.REQUESTED]
    return on_their_way


def _is_loading(view: View, beat: Heartbeat) -> bool:
    """Whether a worker says that it reads what it needs (a model, say), and has not said so for too long."""
    started_ms = number(beat, "started_ms")
    allowed_ms = view.settings.boot_load_budget_s * 1000
    return beat.body.get("state") == "loading" and started_ms is not None and view.now_ms - started_ms <= allowed_ms


def _silent(view: View, pool: str) -> list[Finding]:
    """Nobody of *pool* has been heard since its work became visible, for longer than a start takes."""
    work = visible(view, pool)
    heard = [b for b in view.beats if b.component == WORKER and b.body.get("pool") == pool and view.is_fresh(b)]
    if work is None or heard:
        return []
    last_ms = view.last_heard_ms(pool)
    waited_s = work[1] if last_ms is None else min(work[1], (view.now_ms - last_ms) / 1000)
    allowed_s = view.settings.boot_start_budget_s + view.settings.boot_register_budget_s
    if waited_s <= allowed_s:
        return []
    fleet = view.fleet(pool)
    if fleet is not None and fleet.value.refused is not None and not fleet.value.running:
        return []  # there is nobody who could be silent
    return [
        found(
            "bootstrap_silence",
            view.read("pool", pool, "workflow"),
            view.read("state", "nobody is heard", "heartbeats"),
            view.read("desired", desired(view, pool), "heartbeats"),
            view.read("running", fleet.value.running if fleet is not None else None, "fleet"),
            view.read("visible", work[0], "queue"),
            view.read("waited_s", waited_s, "queue"),
            view.read("budget_s", allowed_s, "settings"),
            *_last_words(view, pool),
        )
    ]


def desired(view: View, pool: str) -> int | None:
    """How many workers of *pool* are wanted; None if nobody says."""
    fleet = view.fleet(pool)
    if fleet is not None:
        return fleet.value.desired
    said = view.leader.body.get("desired") if view.leader is not None else None
    value = said.get(pool) if isinstance(said, Mapping) else None
    return value if isinstance(value, int) else None


def _last_words(view: View, pool: str) -> Iterator[Evidence]:
    fleet = view.fleet(pool)
    if fleet is not None and (fleet.value.boot_failures or fleet.value.last_boot_error):
        yield Evidence("boot_failures", fleet.value.boot_failures, fleet.source, fleet.at_ms)
        yield Evidence("last_words", fleet.value.last_boot_error, fleet.source, fleet.at_ms)
