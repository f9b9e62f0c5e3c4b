"""Where things are on a machine that becomes an image, and how the program there is asked. The standard library alone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

UNIT = "parjanya-worker.service"
FILES = ("recipe.py", "complete.py", "machine.py", "record.py", UNIT)
MANIFEST = "parjanya-manifest.json"


class RefusedError(Exception):
    """It is not done; each line says what is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Places:
    """Where things are on the machine; *root* is ``/`` but in tests."""

    def __init__(self, root: Path) -> None:
        self.env = root / "opt/parjanya/env"
        self.model = root / "opt/parjanya/model"
        self.image = root / "opt/parjanya/image"
        self.record = root / "etc/parjanya/image.json"
        self.told = root / "etc/parjanya/worker.env"
        self.unit = root / "etc/systemd/system" / UNIT
        self.home = root / "var/lib/parjanya"
        self.program = self.env / "bin/parjanya"
        self.lock = self.env / "lock.sha256"


def program(at: Places, arguments: list[str]) -> str:
    """What the program says. Raises RefusedError with its own words."""
    done = subprocess.run([str(at.program), *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        said = f"{done.stdout}\n{done.stderr}".strip().splitlines()
        raise RefusedError([f"parjanya {' '.join(arguments[:2])} exits with {done.returncode}", *said[:200]])
    return done.stdout


def manifest_id(at: Places) -> str:
    """Of the model in its place."""
    return str(json.loads((at.model / MANIFEST).read_text())["id"])
