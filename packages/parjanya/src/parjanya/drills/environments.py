"""Python environments for a process of a drill: a wrong image, a wrong clock, an older release.

Callers: the drills of boots, clocks and policies. The product's programs run in them unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

_WAITS = '''"""Part of a drill: a worker of this image starts, says nothing, and never gets to work."""
import sys, threading
from pathlib import Path
if {program!r} in sys.orig_argv:
    while Path({marker!r}).exists():
        threading.Event().wait(0.05)
'''

_SKEWED = '''"""Part of a drill: the clock of this machine is wrong."""
import time
_right_ns = time.time_ns
time.time_ns = lambda: _right_ns() + {ahead_ns}
time.time = lambda: time.time_ns() / 1e9
'''

_OLDER = '''"""Part of a drill: an older release, of which the built-in policy has fewer rules."""
from dataclasses import replace
from parjanya.policy import loading
_load = loading.load
def _older(text, source):
    policy = _load(text, source)
    kept = [replace(g, rules=tuple(r for r in g.rules if r.code not in {without!r})) for g in policy.groups]
    return replace(policy, groups=tuple(kept))
loading.load = _older
'''


def that_waits(folder: Path, program: str, marker: Path) -> Mapping[str, str]:
    """*program* stands still before its first line as long as *marker* exists."""
    return _environment(folder, _WAITS.format(program=program, marker=str(marker)))


def with_a_clock_ahead(folder: Path, ahead_s: float) -> Mapping[str, str]:
    """The wall clock is *ahead_s* seconds ahead."""
    return _environment(folder, _SKEWED.format(ahead_ns=int(ahead_s * 1e9)))


def of_an_older_policy(folder: Path, without: Sequence[str]) -> Mapping[str, str]:
    """The built-in policy does not have the rules *without* yet."""
    return _environment(folder, _OLDER.format(without=tuple(without)))


def _environment(folder: Path, text: str) -> Mapping[str, str]:
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(text)
    return {"PYTHONPATH": str(folder)}
