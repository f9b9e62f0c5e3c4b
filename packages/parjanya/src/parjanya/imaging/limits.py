"""What one image may cost, and how a worker process holds its decoders to it.

Callers: the stages get ``Limits`` from their profile; ``apply_process_limits`` is the first thing a worker process
calls. Every figure carries its unit and its reason. The limits in the decoders give the true code; the limits of the
process catch what the decoders' authors did not think of.
"""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one image. Reasons stand beside the figures."""

    max_file_bytes: int = 512 * MIB
    """The file is held in memory once: a mapped file that is cut short under us would kill the worker (SIGBUS).
    Twice what a 16-bit picture of 40 megapixels takes without compression, so raw files and scans fit."""

    max_pixels: int = 260_000_000
    """Phones make real photographs of 200 megapixels; the well-known bombs start at 280."""

    max_frames: int = 10_000
    """Animations and multi-page TIFFs: only the first is looked at, but counting must end."""

    max_metadata_bytes: int = 16 * MIB
    """Text and profiles of a PNG after inflation: sixteen times what its loader allows by itself."""

    max_jpeg_scans: int = 200
    """Passes of a progressive JPEG. Encoders write ten; a megabyte can hold thousands, each as slow as the image."""

    max_scan_pixels: int = 6_000_000_000
    """Passes times pixels. The ten passes of a 260-megapixel photograph make 2.6e9, so twice that is left."""

    decode_memory_bytes: int = 3072 * MIB
    """Address space of a worker process with its libraries. A picture of ``max_pixels`` takes 1 GiB in Pillow, and
    the codec may hold it once more."""

    max_run_s: float = 30.0
    """Wall time of one image before its worker is ended from outside. Of 750 test files none takes two on a core
    of its own; the rest is for a busy machine."""


DEFAULT_LIMITS = Limits()

_STATM = Path("/proc/self/statm")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def apply_process_limits(limits: Limits = DEFAULT_LIMITS) -> None:
    """Hold this process to *limits* for the rest of its life. For worker processes: call before importing numpy.

    Memory becomes a ``MemoryError`` instead of the machine's out-of-memory killer, a crash leaves no core file with
    somebody's photograph in it, and libraries use one thread, because there is one worker for each core.
    """
    for name in _ONE_THREAD:
        os.environ[name] = "1"
    _lower(resource.RLIMIT_AS, limits.decode_memory_bytes)
    _lower(resource.RLIMIT_CORE, 0)


def apply_model_process_limits() -> None:
    """The same for a process that holds a model: no core file, and nothing else.

    It decodes no stranger's bytes, only previews that this program made. Frameworks for models map address space by the tens of
    gigabytes that they never use, so a bound on it would stop them and bound nothing; and they want their threads.
    """
    _lower(resource.RLIMIT_CORE, 0)


def memory_left_bytes() -> int | None:
    """How much more this process may map before its decoders fail; None without a limit, or where it is unknown."""
    allowed = resource.getrlimit(resource.RLIMIT_AS)[0]
    try:
        pages = int(_STATM.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
    return None if allowed == resource.RLIM_INFINITY else max(0, allowed - pages * resource.getpagesize())


def _lower(what: int, wanted: int) -> None:
    soft, hard = resource.getrlimit(what)
    bounds = [bound for bound in (soft, hard, wanted) if bound != resource.RLIM_INFINITY]
    resource.setrlimit(what, (min(bounds), hard))
