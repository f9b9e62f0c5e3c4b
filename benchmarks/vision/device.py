"""What the accelerator says of itself while something runs: how busy it is, from its own tool; nothing is guessed."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from types import TracebackType

EVERY_MS = 100


@dataclass(slots=True)
class Busy:
    """Samples of utilisation, in percent, between entering and leaving. Without the tool there are none."""

    samples: list[int] = field(default_factory=list)
    _process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Busy:
        tool = shutil.which("nvidia-smi")
        if tool is not None:
            query = [tool, "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", f"--loop-ms={EVERY_MS}"]
            self._process = subprocess.Popen(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        self._process.terminate()
        text, _ = self._process.communicate(timeout=10)
        self.samples = [int(line) for line in text.split() if line.isdigit()]

    def share(self) -> float | None:
        """The mean, 0..1; None if nothing was sampled."""
        return sum(self.samples) / len(self.samples) / 100 if self.samples else None
