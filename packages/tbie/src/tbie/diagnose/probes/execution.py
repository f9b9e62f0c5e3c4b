"""Readings of the fleet: asked directly where there is a way, else as the reconciler last told. Never raises."""

from __future__ import annotations

from collections.abc import Mapping

from tbie.belief import BeliefSource
from tbie.core.clock import Clock
from tbie.core.reading import Boot, BootState, FleetView, Known, Reading, Refused, Unknown
from tbie.diagnose.probes.attempt import attempt
from tbie.truth import Heartbeat


def fleets(belief: BeliefSource | None, told: Heartbeat | None, clock: Clock) -> Mapping[str, Reading[FleetView]]:
    """Every pool that anybody speaks of. A pool that nobody speaks of is absent, which is not zero workers."""
    if belief is not None:
        outer = attempt("fleet", clock, belief.read)
        if isinstance(outer, Unknown):
            return {"*": outer}
        return outer.value.fleets
    body = told.body.get("fleet") if told is not None else None
    if told is None or not isinstance(body, Mapping):
        return {}
    source = f"heartbeat of {told.component} {told.instance}"
    if isinstance(body.get("error"), str):
        return {"*": Unknown(str(body["error"]), source, told.at_ms)}
    return {str(pool): _view(one, source, told.at_ms) for pool, one in body.items()}


def _view(body: object, source: str, at_ms: int) -> Reading[FleetView]:
    if not isinstance(body, Mapping):
        return Unknown(f"not a fleet: {body!r}", source, at_ms)
    if "error" in body:
        return Unknown(str(body["error"]), source, at_ms)
    try:
        boots = tuple(Boot(str(o), BootState(s), int(t)) for o, s, t in body.get("boots") or ())
        desired, running, busy = (int(body[name]) for name in ("desired", "running", "busy"))
        failures, error = int(body.get("boot_failures") or 0), body.get("last_boot_error")
        refused, drift = _refused(body.get("refused")), tuple(str(words) for words in body.get("drift") or ())
    except (KeyError, TypeError, ValueError) as problem:
        return Unknown(f"not a fleet: {type(problem).__name__} {problem}", source, at_ms)
    words = str(error) if error else None
    view = FleetView(desired, running, busy, boots, failures, words, (), refused, drift)
    return Known(view, source, at_ms)


def _refused(body: object) -> Refused | None:
    if not isinstance(body, Mapping):
        return None
    return Refused(str(body["reason"]), str(body["words"]), int(body["since_ms"]), int(body["times"]))
