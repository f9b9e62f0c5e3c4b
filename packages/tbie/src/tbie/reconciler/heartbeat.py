"""What a reconciler says of itself: one body, the same keys always, so that whoever reads it can tell what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tbie.belief import Beliefs
from tbie.core.reading import Known, Unknown
from tbie.reconciler.boots import join
from tbie.reconciler.errand import Coverage
from tbie.truth import Heartbeat

RECONCILER, ABSORBER = "reconciler", "absorber"
"""Components: who makes passes, and who only takes what is pushed. The latter may be many, and are silent while nothing comes."""

_DEATHS = 5  # the last few are evidence, the rest is in the history


def fleet_body(beliefs: Beliefs | None, heartbeats: Iterable[Heartbeat]) -> dict[str, object]:
    """Every pool as it was last seen: numbers, or the error."""
    beats = list(heartbeats)
    body: dict[str, object] = {}
    for pool, view in (beliefs.fleets if beliefs is not None else {}).items():
        match view:
            case Known(value=seen):
                body[pool] = {
                    "desired": seen.desired,
                    "running": seen.running,
                    "busy": seen.busy,
                    "boot_failures": seen.boot_failures,
                    "last_boot_error": seen.last_boot_error,
                    "boots": [[b.owner, b.state.value, b.since_ms] for b in join(seen.boots, beats)],
                    "refused": seen.refused._asdict() if seen.refused is not None else None,
                    "drift": list(seen.drift),
                }
            case Unknown(error=error):
                body[pool] = {"error": error}
    return body


def deaths_body(beliefs: Beliefs | None) -> list[dict[str, object]]:
    """The last few workers that died, newest last."""
    views = (beliefs.fleets if beliefs is not None else {}).values()
    deaths = [death for view in views if isinstance(view, Known) for death in view.value.deaths]
    return [death._asdict() for death in sorted(deaths, key=lambda death: death.at_ms)[-_DEATHS:]]


def coverage_body(coverage: Mapping[str, Coverage]) -> dict[str, object]:
    """Each stage as the last finished sweep found it."""
    return {
        stage: {"open": seen.open, "gap": seen.gap, "oldest_ms": seen.oldest_ms} for stage, seen in coverage.items()
    }
