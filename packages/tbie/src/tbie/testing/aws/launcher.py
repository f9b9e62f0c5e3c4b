"""Runs inside the local server's own environment: the server, with a clock that a test may move.

Started by ``server`` as a script, not imported: that environment holds neither this kernel nor a test. The file named in
``TBIE_SERVER_CLOCK`` holds two little-endian doubles: an offset in seconds that is added to this machine's time, and a time in
seconds since the epoch at which the clock stands still (0: it runs). The server asks for the time often, so the file is mapped.
"""

import datetime
import mmap
import os
import struct
import time

_TWO = struct.Struct("<dd")


def install(path: str) -> None:
    """Replace the clock of this process by the one that the file at *path* describes."""
    with open(path, "rb") as file:  # noqa: PTH123 - a script of the standard library alone
        shared = mmap.mmap(file.fileno(), _TWO.size, access=mmap.ACCESS_READ)
    machine = time.time

    def now() -> float:
        offset_s, frozen_s = _TWO.unpack(shared[: _TWO.size])
        return float(frozen_s) or machine() + float(offset_s)

    class Moved(datetime.datetime):
        """``datetime`` by the same clock."""

        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
            return cls.fromtimestamp(now(), tz)

        @classmethod
        def utcnow(cls) -> datetime.datetime:  # type: ignore[override]
            return cls.fromtimestamp(now(), datetime.timezone.utc).replace(tzinfo=None)

    time.time = now
    time.time_ns = lambda: int(now() * 1e9)
    datetime.datetime = Moved  # type: ignore[misc]


if __name__ == "__main__":
    install(os.environ["TBIE_SERVER_CLOCK"])
    # only now: it takes what it needs of these modules when it is imported
    from ministack.app import main  # type: ignore[import-not-found]

    main()
