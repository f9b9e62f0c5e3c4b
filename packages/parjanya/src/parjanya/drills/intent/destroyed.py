"""An old worker: meets a transient error, and deletes the only message (incident 1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.scene import Scene
from parjanya.drills.shape import Drill, one_sweep
from parjanya.workflow import image_workflow
from tbie.core.errors import SettingsError
from tbie.core.finding import Boundary
from tbie.core.settings import Settings
from tbie.intent import Claim, Delete

OWNER = "worker-of-an-older-release"


@contextmanager
def take_and_delete(scene: Scene) -> Iterator[None]:
    """Take messages as a worker does, be away for a sweep (a slow download), delete them, and tell Truth nothing."""
    with scene.backlog():
        taken = scene.system.intent.exchange((), [Claim("technical", OWNER, 3, 60.0, 3)])
        scene.require(bool(taken), "the old worker found nothing to take")
        (last_sweep,) = _last_sweep(scene)
        scene.until(lambda: _last_sweep(scene)[0] > last_sweep, "a sweep sees that the messages were taken", look=False)
        scene.system.intent.exchange([Delete(message) for message in taken], ())
        scene.injected()
        scene.measures["messages_deleted"] = len(taken)
        yield


def _last_sweep(scene: Scene) -> tuple[int]:
    (row,) = scene.truth_sql("SELECT max(body->>'last_sweep_ms') FROM heartbeat WHERE component = 'reconciler'")
    return (int(row[0] or 0),)


def visibility(_: Scene) -> str:
    """A visibility timeout that is shorter than a stage may run hands its message to a second worker: refused."""
    stage = max(image_workflow().stages, key=lambda s: s.max_run_s)
    try:
        Settings(visibility_timeout_s=stage.max_run_s).check_stage(stage.name, stage.max_run_s)
    except SettingsError as error:
        return f"refused: {error}"
    raise AssertionError("a visibility timeout without margin was accepted")


INTENT_DESTROYED_EARLY = Drill(
    "intent_destroyed_early",
    "1",
    "A worker of an older release takes messages, fails, and deletes them without an outcome.",
    "intent_destroyed_early",
    Boundary.INTENT,
    take_and_delete,
    one_sweep(),
    guardrail=visibility,
)
