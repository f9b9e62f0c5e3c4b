"""What a worker process is doing, in a small shared file that outlives it: for whoever has to bury it.

The worker holds a lock on the file as long as it lives, so "is it alive?" needs no process ids, which get reused.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tbie.core.clock import Clock
from tbie.core.keys import ItemKey
from tbie.execution import Suspect

_SIZE = 4096
_ROOM_FOR_TOKENS = 2560
SUSPECTS = 64
"""Items named at once, as far as their tokens fit (of the usual length they do). Whoever is not named is not charged for a death
and goes back with the batch-mates: if it is to blame, it is named, or alone, when enough of the others have been settled."""
UNBEGUN_S = 900.0
"""So long may nothing begin and nothing end: generous, because what a flow does before it begins is its own affair (it may read a
model of 16 GiB), but a decoder that hangs in a thread that prepares must not keep its items for ever."""
_BUSY, _PREPARED = 1, 2
_HEAD = struct.Struct("<BdH")  # one of these or 0, deadline on the monotonic clock, length of the text that follows
SUFFIX = ".slot"


class Doing(NamedTuple):
    """What a worker was working on; ``deadline_s`` is on the machine's monotonic clock."""

    stage: str
    item: ItemKey
    """The first of the items in hand."""
    tokens: tuple[str, ...]
    """Of the items in hand, that one's first."""
    deadline_s: float
    unnamed: int = 0
    """How many more there were for which there was no room."""
    begun: bool = True
    """False: they were to come next."""

    @property
    def items(self) -> int:
        """Items in hand."""
        return len(self.tokens) + self.unnamed


class Slot:
    """The worker's side: a ``Progress`` that costs about a microsecond."""

    def __init__(self, folder: Path, owner: str, clock: Clock) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self.path = folder / f"{owner}{SUFFIX}"
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        os.ftruncate(self._fd, _SIZE)
        self._map = mmap.mmap(self._fd, _SIZE)

    def begin(self, stage: str, suspects: Sequence[Suspect], max_run_s: float) -> None:
        self._note(_BUSY, stage, suspects, self._clock.monotonic_s() + max_run_s)

    def prepare(self, stage: str, suspects: Sequence[Suspect]) -> None:
        self._note(_PREPARED, stage, suspects, self._clock.monotonic_s() + UNBEGUN_S)

    def _note(self, flag: int, stage: str, suspects: Sequence[Suspect], deadline_s: float) -> None:
        if not suspects:
            self.end()
            return
        words = (stage, _tokens(suspects), *suspects[0].item)
        text = "\n".join(words).encode("utf-8", "surrogateescape")[: _SIZE - _HEAD.size]
        self._map[0] = 0  # not valid while it is being written
        self._map[_HEAD.size : _HEAD.size + len(text)] = text
        _HEAD.pack_into(self._map, 0, 0, deadline_s, len(text))
        self._map[0] = flag  # last: a reader that sees it sees a whole entry

    def end(self) -> None:
        self._map[0] = 0

    def close(self) -> None:
        """Leave cleanly: no slot, nothing to bury."""
        self.path.unlink(missing_ok=True)
        self._map.close()
        os.close(self._fd)


def _tokens(suspects: Sequence[Suspect]) -> str:
    """As many tokens as there is room for, the first ones, and how many there was none for."""
    named = [suspects[0].token]
    room = _ROOM_FOR_TOKENS - len(named[0])
    for suspect in suspects[1:SUSPECTS]:
        room -= 1 + len(suspect.token)
        if room < 0:
            break
        named.append(suspect.token)
    left = len(suspects) - len(named)
    return ",".join([*named, f"+{left}"] if left else named)


def read_slot(path: Path, prepared: bool = False) -> Doing | None:
    """What the worker of this slot is, or was, working on; None if nothing, or if it changed while it was read.

    With *prepared*, also what was to come next where nothing had begun.
    """
    try:
        data, again = path.read_bytes(), path.read_bytes()
    except FileNotFoundError:
        return None
    if data != again or len(data) < _HEAD.size or data[0] not in (_BUSY, _PREPARED):
        return None  # half of one entry and half of the next would name the wrong item, or a deadline long past
    flag, deadline_s, length = _HEAD.unpack_from(data)
    parts = data[_HEAD.size : _HEAD.size + length].decode("utf-8", "surrogateescape").split("\n", 3)
    if len(parts) != 4 or (flag == _PREPARED and not prepared):
        return None
    stage, tokens, tenant, item = parts
    named, _, left = tokens.partition(",+")
    unnamed = int(left) if left.isdecimal() else 0
    return Doing(stage, ItemKey(tenant, item), tuple(named.split(",")), deadline_s, unnamed, flag == _BUSY)


def is_alive(path: Path) -> bool:
    """Whether some process holds the slot."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(fd)


def dead_owners(folder: Path) -> list[tuple[str, Path]]:
    """Slots that nobody holds: workers that died without leaving."""
    return [(p.name.removesuffix(SUFFIX), p) for p in sorted(folder.glob(f"*{SUFFIX}")) if not is_alive(p)]
