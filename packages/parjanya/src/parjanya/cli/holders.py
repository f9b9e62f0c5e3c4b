"""Which process holds a lock on a file: for whoever asks why a home does not answer. Linux tells; elsewhere nobody is named.

Callers: ``diagnose``.
"""

from __future__ import annotations

from pathlib import Path

LOCKS = Path("/proc/locks")
PROCESSES = Path("/proc")


def holders(path: Path) -> list[int]:
    """The processes that hold a lock on *path*; none if this machine does not tell."""
    try:
        inode, lines = path.stat().st_ino, LOCKS.read_text().splitlines()
    except OSError:
        return []
    # 6: FLOCK  ADVISORY  WRITE 22531 fe:00:2654305 0 EOF; "->" after the number marks one that waits
    words = [line.split() for line in lines]
    return sorted({int(w[4]) for w in words if len(w) > 5 and w[1] != "->" and w[5].endswith(f":{inode}")})


def is_stopped(pid: int) -> bool:
    """Whether process *pid* was stopped (Ctrl-Z, ``kill -STOP``, a debugger) and not ended."""
    try:
        text = (PROCESSES / str(pid) / "stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] in ("T", "t")
