"""The peers' own Python environment, made from ``requirements/bench.txt`` in a cache folder.

Our own environment never sees their packages, and nothing but the comparison needs them.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parents[2] / "requirements" / "bench.txt"


def peers_python(cache: Path) -> str:
    """The interpreter of the environment; makes it at first, and again when the lock has changed."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    home = cache / f"peers-{sys.version_info.major}.{sys.version_info.minor}-{digest}"
    python = home / "bin" / "python"
    done = home / "complete"
    if not done.exists():
        print(f"making the peers' environment in {home}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([*pip, "-r", str(LOCK)], check=True)
        done.touch()
    return str(python)
