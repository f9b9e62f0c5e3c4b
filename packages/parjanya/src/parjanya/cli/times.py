"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(ms: int) -> str:
    """Epoch milliseconds in words."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
