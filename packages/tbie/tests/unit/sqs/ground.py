"""A queue on the local server, the hands that disturb it, and what a sweep does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tbie.backends.aws.client import Clients
from tbie.backends.aws.intent import SqsIntent
from tbie.backends.aws.queues import create_queues
from tbie.backends.aws.tables import create_tables
from tbie.core.clock import ManualClock
from tbie.core.settings import Settings
from tbie.testing.aws.server import LocalServer
from tbie.testing.aws.session import fresh_place
from tbie.testing.builders import RETENTION_S, chain

STAGES = ("a", "b")
SETTLE_MS = 60_000


@dataclass(slots=True)
class Ground:
    """One place, and a queue on it as one process has it."""

    clients: Clients
    clock: ManualClock
    intent: SqsIntent

    def another(self, **options: Any) -> SqsIntent:
        """The same queue as another process has it."""
        return SqsIntent(self.clients, self.clock, RETENTION_S, STAGES, **options)

    def url(self, stage: str = "a", dead: bool = False) -> str:
        """The address of a queue."""
        place = self.clients.place
        name = place.dead_queue(stage) if dead else place.queue(stage)
        return str(self.clients.sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def lose(self, count: int, stage: str = "a") -> None:
        """So many messages vanish behind everybody's back."""
        left = count
        while left:
            answer = self.clients.sqs.receive_message(QueueUrl=self.url(stage), MaxNumberOfMessages=min(10, left))
            for message in answer["Messages"]:
                self.clients.sqs.delete_message(QueueUrl=self.url(stage), ReceiptHandle=message["ReceiptHandle"])
                left -= 1

    def put(self, body: str, stage: str = "a") -> None:
        """Somebody else sends something."""
        self.clients.sqs.send_message(QueueUrl=self.url(stage), MessageBody=body)

    def dead(self, stage: str = "a") -> list[dict[str, Any]]:
        """The dead letters as they lie in their queue."""
        answer = self.clients.sqs.receive_message(
            QueueUrl=self.url(stage, dead=True),
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages", ()))

    def forget_register(self) -> None:
        """The register is emptied."""
        table = self.clients.place.table("register")
        for item in self.clients.dynamodb.scan(TableName=table)["Items"]:
            self.clients.dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})


def new_ground(server: LocalServer, clock: ManualClock) -> Ground:
    """An empty queue. The server's clock is *clock* if that is one that it follows."""
    clients = fresh_place(server)
    create_tables(clients, ("register",))
    create_queues(clients, chain(*STAGES), Settings())
    return Ground(clients, clock, SqsIntent(clients, clock, RETENTION_S, STAGES))
