"""A control plane that lost one permission: for twelve hours, when it happened (incident 8)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.aws.scene import AwsScene
from parjanya.drills.shape import Drill, cycles
from parjanya.profiles.permitted import allow, deny
from tbie.core.finding import Boundary

LOST = "sqs:GetQueueAttributes"


@contextmanager
def take_the_permission_away(scene: AwsScene) -> Iterator[None]:
    """Attach an explicit Deny to the user that the engine runs as; then detach it."""
    late, early = scene.shoot[0], scene.shoot[1:]
    who = scene.become_user()
    with scene.backlog(early) as waiting:
        deny(scene.clients, who, [LOST])
        scene.injected()
        before_ms = scene.beat_ms()
        yield
        scene.ingest(paths=[late])
        scene.measure("emitted_while_blind_s", lambda: scene.waiting() == waiting + 1, "the stream goes on emitting")
        scene.until(lambda: scene.beat_ms() > before_ms, "the reconciler goes on saying that it lives")
        body = scene.beat()
        blind = [str(words) for words in body["blind"]]
        scene.measures["unreadable"] = len(blind)
        scene.require(any(LOST in words for words in blind), f"it does not say which permission is missing: {blind}")
        scene.require(body["desired"].get("images", 0) >= 1, f"it scaled in while it was blind: {body['desired']}")
        allow(scene.clients, who)
        scene.measure("sees_again_s", lambda: not scene.beat().get("blind"), "the reconciler sees again")


CONTROL_PLANE_BLIND = Drill(
    "control_plane_blind",
    "8",
    f"An explicit Deny of {LOST} is attached to the user that the engine runs as.",
    "control_plane_blind",
    Boundary.CONTROL_PLANE,
    take_the_permission_away,
    cycles(2),
)
