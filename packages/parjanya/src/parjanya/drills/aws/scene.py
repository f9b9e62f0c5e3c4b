"""One instance under drill whose stores are AWS's: what an operator, a script or a change of permissions does to it from outside.

Callers: the drills of this package. The hands here are the root user's, over HTTP; the instance has its own key.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from parjanya.catalog.items import item_id
from parjanya.drills.any_scene import TENANT, AnyScene
from parjanya.drills.environments import that_waits
from parjanya.drills.shape import QUICK, Budget, DrillStoppedError
from parjanya.home import Home
from parjanya.profiles import aws, local_server
from parjanya.profiles.declared_profile import AwsPlace, credentials, declared_profile, write, write_credentials
from parjanya.profiles.deploying import deploy
from parjanya.profiles.permitted import Who, make_user
from tbie.core.clock import Clock
from tbie.core.reading import Known

SETTLE_S = aws.LOCAL_COUNT_SETTLE_S
AWS_QUICK: Mapping[str, float] = MappingProxyType(
    {
        **QUICK,
        "sweep_interval_s": 2.0,  # each is some dozen calls
        "heartbeat_interval_s": 2.0,
        "heartbeat_cycles": 3,
        "boot_register_budget_s": 60.0,  # workers are kept from starting: a silence that belongs to another drill
    }
)
STAGE = "technical"
"""The first one of every image: its queue is the one that incidents are injected into."""


def by_conservation() -> Budget:
    """The promise about messages that vanish from SQS: two comparisons of register and counts, each made by a sweep."""
    return Budget(
        "one sweep, and two comparisons of the counts",
        lambda s: s.sweep_interval_s + s.sweep_grace_s + 2 * (SETTLE_S + s.sweep_interval_s),
    )


class AwsScene(AnyScene):
    """An instance on the local server that *server*, another home, has."""

    quick = AWS_QUICK
    look_every_s = 0.25
    """A look is some dozen calls."""
    patience_s = 120.0

    def __init__(
        self,
        root: Path,
        shoot: Sequence[Path],
        clock: Clock,
        stopped: threading.Event,
        workers: int = 1,
        settings: Mapping[str, float] | None = None,
        *,
        server: Home,
    ) -> None:
        super().__init__(root, shoot, clock, stopped, workers, settings)
        self.server = server
        there = declared_profile(server)
        key = credentials(server, there) if there is not None else None
        if there is None or key is None:
            raise DrillStoppedError(f"no local server belongs to {server.root}")
        prefix = root.name.replace("_", "-")
        self.place = AwsPlace(there.region, prefix, f"{prefix}-objects", there.endpoint)
        self.instance = Home(self.home)
        mine = (key["aws_access_key_id"], key["aws_secret_access_key"])
        write_credentials(self.instance, *mine)
        write(self.instance, self.place)
        self.clients = aws.connect(self.instance, self.place)
        """Of the root user."""
        self._closing.callback(self.clients.close)
        deploy(self.clients, self.settings)
        self._marker = root / "not-yet"

    @property
    def begun(self) -> bool:
        return True

    def settled(self) -> bool:
        tally = self.system.truth.tally()
        items = sum(n for (_, stage, _), n in tally.items() if stage == STAGE)
        rows = sum(tally.values())
        is_open = any(n for (_, _, state), n in tally.items() if not state.final)
        return bool(items > 0 and not is_open and rows == items * len(self.system.workflow.stages))

    def committed_twice(self) -> list[tuple[str, str, int, int]]:
        found: Counter[tuple[str, str, str, int]] = Counter()
        for item in self.items():
            for entry in self.system.truth.history(item.key):
                for stage, record in entry.after.items():
                    if isinstance(record, Mapping) and record.get("state") == "completed":
                        found[*item.key, stage, int(record["generation"])] += 1
        return [(item, stage, nth, n) for (_, item, stage, nth), n in found.items() if n > 1]

    def items(self) -> Iterator[Any]:
        """Every item in Truth."""
        after = None
        while page := self.system.truth.items(after=after):
            after = page[-1].key
            yield from page

    def failures(self) -> dict[str, str]:
        """Why a stage failed, by item and stage."""
        records = ((item.key.item, record) for item in self.items() for record in item.stages.values())
        return {f"{item} {r.stage}": str(r.reason) for item, r in records if r.state.value == "failed"}

    # -- processes

    def become_user(self) -> Who:
        """What starts from now on has the key of a user who may do what an engine with its workers has to, and nothing else."""
        _ = self.system  # opened as root: whoever looks is somebody else
        who = make_user(self.clients, self.system.workflow)
        write_credentials(self.instance, who.access_key_id, who.secret_access_key)
        return who

    @contextmanager
    def no_workers_yet(self) -> Iterator[None]:
        """Worker processes that start inside stand still before their first line, until the end of it."""
        self._marker.touch()
        try:
            yield
        finally:
            self._marker.unlink(missing_ok=True)

    @property
    def waiting_image(self) -> Mapping[str, str]:
        """The environment for that, of an engine."""
        folder = self.root / "image"
        if folder.exists():
            return {"PYTHONPATH": str(folder)}
        return that_waits(folder, "parjanya.profiles.worker_process", self._marker)

    @contextmanager
    def backlog(self, paths: Sequence[Path] | None = None) -> Iterator[int]:
        """An engine whose worker is not there yet, in front of a queue with everything; gives the number of messages."""
        with ExitStack() as stack:
            stack.enter_context(self.no_workers_yet())
            self.start_engine(environment=self.waiting_image)
            began_s = self.clock.monotonic_s()
            self.ingest(paths=paths)
            wanted = len(self.shoot if paths is None else paths)
            self.until(lambda: self.waiting() == wanted, "the stream emits", every_s=0.05, look=False)
            self.measures["emitted_by_the_stream_s"] = round(self.clock.monotonic_s() - began_s, 3)
            self.measures["waiting_messages"] = wanted
            self.until(self.looked_and_quiet, "the instance looks well before the incident")
            yield wanted

    def looked_and_quiet(self) -> bool:
        """Whether the last look found nothing, and a sweep has seen every message that waits."""
        swept = self.beat().get("last_sweep_ms")
        return self.quiet() and isinstance(swept, int) and swept > self._newest_ms()

    def _newest_ms(self) -> int:
        rows = self.system.truth.open_stages(STAGE, None, 1_000)
        return max((row.since_ms for row in rows), default=0) + int(self.settings.sweep_grace_s * 1000)

    def beat(self) -> Mapping[str, Any]:
        """What the reconciler said last; empty if it never did."""
        beats = [beat for beat in self.system.truth.heartbeats() if beat.component == "reconciler"]
        return max(beats, key=lambda beat: beat.at_ms).body if beats else {}

    def beat_ms(self) -> int:
        """When it said that."""
        return max((b.at_ms for b in self.system.truth.heartbeats() if b.component == "reconciler"), default=0)

    # -- the queues, as anybody with the permission reaches them

    def url(self, stage: str = STAGE) -> str:
        """The address of the queue of *stage*."""
        return str(self.clients.sqs.get_queue_url(QueueName=self.clients.place.queue(stage))["QueueUrl"])

    def counts(self, stage: str = STAGE) -> tuple[int, int, int]:
        """Messages that may be received, are in flight, are delayed; SQS's own numbers."""
        names = ("", "NotVisible", "Delayed")
        asked = [f"ApproximateNumberOfMessages{name}" for name in names]
        found = self.clients.sqs.get_queue_attributes(QueueUrl=self.url(stage), AttributeNames=asked)["Attributes"]
        visible, in_flight, delayed = (int(found[name]) for name in asked)
        return visible, in_flight, delayed

    def waiting(self, stage: str = STAGE) -> int:
        """Messages that may be received now."""
        return self.counts(stage)[0]

    def receive(self, most: int, hidden_s: int = 60) -> list[dict[str, Any]]:
        """Take messages as any program does that may."""
        found: list[dict[str, Any]] = []
        while len(found) < most:
            asked = min(10, most - len(found))
            answer = self.clients.sqs.receive_message(
                QueueUrl=self.url(), MaxNumberOfMessages=asked, VisibilityTimeout=hidden_s
            )
            if not answer.get("Messages"):
                break
            found += answer["Messages"]
        return found

    def delete(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Delete what was taken."""
        for message in messages:
            self.clients.sqs.delete_message(QueueUrl=self.url(), ReceiptHandle=message["ReceiptHandle"])

    def retention(self, seconds: int) -> None:
        """Let every queue keep its messages for that long."""
        for stage in self.system.workflow.stages:
            self.clients.sqs.set_queue_attributes(
                QueueUrl=self.url(stage.name), Attributes={"MessageRetentionPeriod": str(seconds)}
            )

    def guardrail(self, name: str) -> str:
        """What is wrong with what is deployed, as `doctor` reads it for the guardrail *name*; empty if nothing."""
        found = self.system.profile.deployment(self.system.workflow, thorough=True)[name]
        if not isinstance(found, Known):
            raise DrillStoppedError(f"{name} cannot be read: {json.dumps(str(found))}")
        return "; ".join(found.value.problems)  # type: ignore[attr-defined]

    def server_clock(self, ahead_s: float) -> None:
        """Let the clock of the server run *ahead_s* ahead of this machine's."""
        local_server.set_clock(self.server, ahead_s)


__all__ = ["STAGE", "TENANT", "AwsScene", "by_conservation", "item_id"]
