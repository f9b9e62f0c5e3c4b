"""The ground of drills on AWS's interfaces: one local server for all of them, a place of its own for each.

Callers: ``parjanya drill --profile aws``, tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from parjanya.drills.aws.scene import AwsScene
from parjanya.drills.run import Ground, ground
from parjanya.home import Home
from parjanya.profiles import local_server


@contextmanager
def ground_on_aws(images: Path | None = None, keep: bool = False) -> Iterator[Ground]:
    """As ``ground``, with a server."""
    with ground(images, keep) as common, served(common) as found:
        yield found


@contextmanager
def served(common: Ground) -> Iterator[Ground]:
    """*common* on a server that ends with it: homes that are kept are without their stores then.

    Raises:
        ProfileError: the server is not installed, or does not start.
    """
    server = Home(common.root / "server")
    local_server.start(server)
    try:
        yield replace(common, root=common.root / "aws", make=partial(AwsScene, server=server))
    finally:
        local_server.stop(server)
