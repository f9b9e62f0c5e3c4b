"""Functions in the local server: packed, deployed under roles of their own, called by streams, news and queues over HTTP."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from parjanya.profiles.deploying import deploy
from parjanya.profiles.functions import settings_of
from parjanya.profiles.local_functions import LocalFunctions
from parjanya.workflow import image_workflow
from tbie.backends.aws.client import Clients
from tbie.backends.aws.intent import SqsIntent
from tbie.backends.aws.truth import DynamoTruth
from tbie.core.clock import SystemClock
from tbie.core.ids import RandomIds
from tbie.testing.aws.server import LocalServer

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "infra" / "functions"))
import build


def packages(out: Path, *names: str) -> Path:
    """The packages of *names*, made of this environment."""
    assert build.main([*names, "--out", str(out), "--machine", "here"]) == 0
    return out


def all_packages(out: Path) -> Path:
    """The same of every function; where they have been made already, as in CI, those."""
    made = os.environ.get("PARJANYA_PACKED_FUNCTIONS")
    return Path(made) if made else packages(out)


class Deployment:
    """One system on the server, with functions."""

    def __init__(self, server: LocalServer, prefix: str, zips: Path) -> None:
        self.server, self.zips, self.prefix = server, zips, prefix
        self.clients: Clients = server.clients(prefix)
        self.place = self.clients.place
        self.workflow, self.clock = image_workflow(), SystemClock()
        self.settings = settings_of({})
        deploy(self.clients, self.settings)
        self.truth = DynamoTruth(self.clients, self.workflow, self.clock, RandomIds())
        stages = [stage.name for stage in self.workflow.stages]
        self.intent = SqsIntent(self.clients, self.clock, self.settings.retention_s, stages, count_settle_s=0.0)
        self.functions = LocalFunctions(self.clients, self.workflow)

    def statements(self, component: str, *without: str) -> list[dict[str, Any]]:
        """What *component* may do on AWS, but for the actions *without*."""
        return self.functions.allowed(component, *without)

    def function(self, name: str, allowed: list[dict[str, Any]], **environment: str) -> str:
        """Deploy *name* under a role that allows just this; returns its ARN."""
        return self.functions.make(name, self.zips / f"{name}.zip", allowed, **environment)

    def live(self, stage: str) -> int:
        """Messages in the queue of *stage*."""
        url = self.clients.sqs.get_queue_url(QueueName=self.place.queue(stage))["QueueUrl"]
        return int(
            self.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"][
                "ApproximateNumberOfMessages"
            ]
        )

    def lines(self, name: str) -> list[dict[str, Any]]:
        """What *name* has told so far."""
        return list(self.functions.lines(name))


def until(holds: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until *holds*; the server's own threads do the work."""
    end_s, pause = time.monotonic() + seconds, threading.Event()
    while not holds():
        assert time.monotonic() < end_s, f"not within {seconds:g} s"
        pause.wait(0.05)


__all__ = ["Deployment", "build", "packages", "until"]
