"""Watches the reconciler from outside it: in the API process and in every worker. Pure, except for what it is handed.

A dead or blind control plane looks like an idle system; this is what tells them apart (incident 8).
"""

from __future__ import annotations

from collections.abc import Iterable

from tbie.core.finding import Finding
from tbie.diagnose.heartbeats import control_plane, drifted
from tbie.truth import Heartbeat


def watch(heartbeats: Iterable[Heartbeat], now_ms: int, silence_ms: int) -> list[Finding]:
    """What the last heartbeats say about the control plane, and about workers that decline work.

    Args:
        heartbeats: of every component; of the reconcilers, only the newest that does not stand by counts.
        now_ms: epoch milliseconds.
        silence_ms: a heartbeat older than this is silence.
    """
    beats = list(heartbeats)
    return [*control_plane(beats, now_ms, silence_ms), *drifted(beats, now_ms, silence_ms)]
