"""Watches the reconciler from outside it: in the API process and in every worker. Pure, except for what it is handed.

A dead or blind control plane looks like an idle system; this is what tells them apart (incident 8).
"""

from __future__ import annotations

from collections.abc import Iterable

from tbie.core.finding import Boundary, Finding
from tbie.truth import Heartbeat


def watch(heartbeats: Iterable[Heartbeat], now_ms: int, silence_ms: int) -> list[Finding]:
    """What the last heartbeats say about the control plane, and about workers that decline work.

    Args:
        heartbeats: of every component; only the newest of the reconcilers counts.
        now_ms: epoch milliseconds.
        silence_ms: a heartbeat older than this is silence.
    """
    beats = list(heartbeats)
    return [*_control_plane(beats, now_ms, silence_ms), *_drifted(beats, now_ms, silence_ms)]


def _drifted(beats: Iterable[Heartbeat], now_ms: int, silence_ms: int) -> list[Finding]:
    """One finding for all workers that differ from what was declared: they look idle, and are not."""
    fresh = [b for b in beats if b.component == "worker" and now_ms - b.at_ms <= silence_ms]
    drifted = [b for b in fresh if b.body.get("state") == "execution_drift"]
    if not drifted:
        return []
    return [
        Finding(
            "execution_drift",
            Boundary.EXECUTION,
            {"workers": [b.instance for b in drifted], "differences": drifted[0].body.get("drift")},
            "These workers are not what the engine declared and take no work: restart the engine after an upgrade.",
        )
    ]


def _control_plane(beats: Iterable[Heartbeat], now_ms: int, silence_ms: int) -> list[Finding]:
    acting = (b for b in beats if b.component == "reconciler" and b.body.get("role") != "standby")
    newest = max(acting, key=lambda b: b.at_ms, default=None)  # who only stands by must not hide a dead leader
    if newest is None:
        return [
            Finding(
                "control_plane_silent",
                Boundary.CONTROL_PLANE,
                {"last_heartbeat_ms": None, "silence_ms": silence_ms},
                "No reconciler has ever run here: start `serve`, or run `reconcile --once`.",
            )
        ]
    age = now_ms - newest.at_ms
    if age > silence_ms:
        return [
            Finding(
                "control_plane_silent",
                Boundary.CONTROL_PLANE,
                {
                    "last_heartbeat_ms": newest.at_ms,
                    "age_ms": age,
                    "silence_ms": silence_ms,
                    "instance": newest.instance,
                },
                "The reconciler has stopped: restart it. Until then no new work is emitted; nothing is lost.",
            )
        ]
    blind = newest.body.get("blind")
    if isinstance(blind, list) and blind:
        return [
            Finding(
                "control_plane_blind",
                Boundary.CONTROL_PLANE,
                {"unreadable": blind, "age_ms": age},
                "The reconciler runs but cannot read what it needs: restore the reading named in the evidence.",
            )
        ]
    return []
