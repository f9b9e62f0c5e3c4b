"""`parjanya`, with a model whose process dies on one picture: the engine is the real one but for that.

A picture that is higher than it is wide kills the worker that shows it to the model. Everything else is the product. Run as a
worker of its own fleet when its first argument is ``--worker``.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from parjanya.cli.main import main
from parjanya.home import Home
from parjanya.profiles import embedded, engines, worker_process
from parjanya.vision.declared import Declared
from parjanya.vision.engine import Begin, Engine, Picture
from parjanya.vision.sight import look
from tbie.core.clock import Clock

_real_open = engines.open_declared


def odd_open(declared: Declared, clock: Clock) -> Engine:
    """The declared engine, which does not survive one kind of picture."""
    engine = _real_open(declared, clock)
    real_observe = engine.observe

    def observe(pictures, begin: Begin):  # type: ignore[no-untyped-def]
        def begun(positions: Sequence[int]) -> None:
            begin(positions)
            if any(_is_odd(pictures[position]) for position in positions):
                os.write(2, b"the model says its last words\n")
                os.kill(os.getpid(), signal.SIGKILL)

        return real_observe(pictures, begun)

    engine.observe = observe  # type: ignore[method-assign]
    return engine


def _is_odd(picture: Picture) -> bool:
    height, width = look(picture.jpeg).grey.shape
    return bool(height > width)


if __name__ == "__main__":
    if sys.argv[1] == "--worker":
        engines.DeclaredEngine.__init__.__defaults__ = (odd_open,)
        worker_process.run_worker(Home(Path(sys.argv[2])), sys.argv[4], supervised=True, pool=sys.argv[3])
    else:
        embedded._command = lambda root, pool, owner: [sys.executable, __file__, "--worker", str(root), pool, owner]
        main()
