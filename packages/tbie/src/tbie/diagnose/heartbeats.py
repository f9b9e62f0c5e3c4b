"""What components say of themselves: who leads, who is silent, who is blind, who declines work. Pure.

Callers: the watchdog, which looks at nothing else, and the rules of the diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterable

from tbie.core.finding import Evidence, Finding
from tbie.core.reading import Known, Reading
from tbie.diagnose.catalogue import found
from tbie.truth import Heartbeat

RECONCILER, ABSORBER, WORKER = "reconciler", "absorber", "worker"
"""absorber: a function that takes changes that are pushed to it. It is silent while none come, so its silence says nothing."""


def leader(beats: Iterable[Heartbeat]) -> Heartbeat | None:
    """The newest heartbeat of a reconciler that leads, or does not say whether it does."""
    leading = (b for b in beats if b.component == RECONCILER and b.body.get("role") != "standby")
    return max(leading, key=lambda b: b.at_ms, default=None)


def number(beat: Heartbeat, name: str) -> float | None:
    """A number out of a heartbeat; None if it does not say, which is not zero."""
    value = beat.body.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def position(beats: Reading[tuple[Heartbeat, ...]], cursor: Reading[int]) -> int | None:
    """How far the stream has certainly been read: what was saved, or what the leader last said, whichever is further.

    None where changes are pushed: whoever pushes them knows, and nobody in Truth does.
    """
    said = leader(beats.value) if isinstance(beats, Known) else None
    if said is not None and said.body.get("pushed") is True:
        return None
    heard = number(said, "cursor") if said is not None else None
    saved = cursor.value if isinstance(cursor, Known) else None
    places = [int(place) for place in (heard, saved) if place is not None]
    return max(places) if places else None


def told(beat: Heartbeat, name: str, value: object) -> Evidence:
    """Evidence out of a heartbeat."""
    return Evidence(name, value, f"heartbeat of {beat.component} {beat.instance}", beat.at_ms)


def drifted(beats: Iterable[Heartbeat], now_ms: int, silence_ms: int) -> list[Finding]:
    """One finding for all workers that differ from what was declared: they look idle, and are not."""
    fresh = [b for b in beats if b.component == WORKER and now_ms - b.at_ms <= silence_ms]
    declining = [b for b in fresh if b.body.get("state") == "execution_drift"]
    if not declining:
        return []
    first = declining[0]
    workers = told(first, "workers", [b.instance for b in declining])
    return [found("execution_drift", workers, told(first, "differences", first.body.get("drift")))]


def control_plane(beats: Iterable[Heartbeat], now_ms: int, silence_ms: int) -> list[Finding]:
    """Silence, or blindness, of the reconciler."""
    beats = list(beats)
    newest = leader(beats)
    limit = Evidence("silence_s", silence_ms / 1000, "settings", now_ms)
    if newest is None:
        never = Evidence("last_heartbeat_ms", None, "truth", now_ms)
        step = "No reconciler has ever run here: start `serve`, or run `reconcile --once`."
        return [found("control_plane_silent", never, limit, next_step=step)]
    age = told(newest, "age_s", (now_ms - newest.at_ms) / 1000)
    if now_ms - newest.at_ms > silence_ms:
        last = told(newest, "last_heartbeat_ms", newest.at_ms)
        who = told(newest, "instance", newest.instance)
        step = "The reconciler has stopped: start `serve` again. Until then no new work is emitted; nothing is lost."
        return [found("control_plane_silent", last, age, limit, who, next_step=step)]
    taking = [b for b in beats if b.component == ABSORBER and now_ms - b.at_ms <= silence_ms]
    for beat in (newest, *sorted(taking, key=lambda b: -b.at_ms)):
        blind = beat.body.get("blind")
        if isinstance(blind, list) and blind:
            return [
                found(
                    "control_plane_blind",
                    told(beat, "unreadable", blind),
                    told(beat, "age_s", (now_ms - beat.at_ms) / 1000),
                )
            ]
    return []
