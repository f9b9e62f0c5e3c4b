"""Errors as evidence: bounded, printable, and never a traceback, which would keep the device's memory alive."""

from __future__ import annotations

MOST_CHARACTERS = 300


def printable(text: str) -> str:
    """*text* in at most ``MOST_CHARACTERS`` characters that a terminal shows as they are."""
    shown = "".join(c if c.isprintable() else " " for c in text[: 2 * MOST_CHARACTERS]).strip()
    return shown if len(shown) <= MOST_CHARACTERS else shown[: MOST_CHARACTERS - 1] + "…"


def evidence_of(error: Exception) -> dict[str, object]:
    """What *error* was."""
    return {"type": type(error).__name__, "message": printable(str(error))}
