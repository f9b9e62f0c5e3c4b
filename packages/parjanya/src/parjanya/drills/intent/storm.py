"""An unguarded control plane emits the same backlog again and again (incident 10)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.scene import Scene
from parjanya.drills.shape import Drill, one_sweep
from parjanya.profiles.running import open_reconciler
from tbie.core.finding import Boundary

SWEEPS = 1_000
IMPATIENT = 2
"""`reconcile --once` processes beside the sweeps."""

_STRAYS = (
    "INSERT INTO message(stage, tenant, item, token, generation, version, bucket, address, expected, visible_ms, rank,"
    " receives, receipt, owner, sent_ms)"
    " SELECT 'technical', m.tenant, m.item || '-' || n.value, m.token, m.generation, m.version, m.bucket, m.address,"
    " m.expected, 0, 0, 0, 0, NULL, m.sent_ms FROM message m, json_each('[1,2,3,4,5,6,7,8,9,10]') n WHERE m.owner IS NULL"
)


@contextmanager
def emit_without_a_guard(scene: Scene) -> Iterator[None]:
    """First what must not swell the queue: a thousand sweeps. Then what an unguarded reconciler would have left there."""
    with scene.backlog():
        _sweep_again_and_again(scene)
        scene.intent_sql(_STRAYS)
        scene.injected()
        scene.measures["stray_messages"] = _depth(scene)
        yield


def _sweep_again_and_again(scene: Scene) -> None:
    impatient = [scene.command("reconcile", "--once") for _ in range(IMPATIENT)]
    reconciler = open_reconciler(scene.system)
    deepest = 0
    for _ in range(SWEEPS):
        reconciler.step(force_sweep=True, grace_s=0.0)
        deepest = max(deepest, _depth(scene))
    scene.until(lambda: not any(process.alive for process in impatient), "`reconcile --once` ends", look=False)
    open_stages = scene.truth_sql("SELECT count(*) FROM stage WHERE state = 'pending'")[0][0]
    scene.measures |= {"sweeps": SWEEPS, "deepest_queue": deepest, "open_stages": open_stages}
    scene.require(deepest <= open_stages, f"{SWEEPS} sweeps made {deepest} messages of {open_stages} open stages")


def _depth(scene: Scene) -> int:
    return int(scene.intent_sql("SELECT count(*) FROM message")[0][0])


REPLAY_STORM = Drill(
    "replay_storm",
    "10",
    f"{SWEEPS:,} sweeps over a standing backlog; then ten stray messages for each one that waits.",
    "replay_storm",
    Boundary.INTENT,
    emit_without_a_guard,
    one_sweep(),
)
