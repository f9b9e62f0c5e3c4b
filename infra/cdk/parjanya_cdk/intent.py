"""Intent: a queue and its dead letters for each stage, and the register of what was sent. All of it may be deleted."""

from __future__ import annotations

from aws_cdk import Environment, Stack
from constructs import Construct

from parjanya_cdk.declaration import Declaration
from parjanya_cdk.options import Options
from parjanya_cdk.parts import queue
from parjanya_cdk.truth import make_table


class IntentStack(Stack):
    """Queues as the stages declare them."""

    def __init__(self, scope: Construct, name: str, declared: Declaration, options: Options, env: Environment) -> None:
        super().__init__(scope, name, env=env, description="Parjanya: Intent (queues, dead letters, register)")
        place = options.place
        for stage in declared.stages:
            dead = queue(
                self,
                place,
                f"{stage.name}-dead",
                name=place.dead_queue(stage.name),
                retention_s=stage.dead_retention_s,
                visibility_s=stage.visibility_s,
            )
            sent = queue(
                self,
                place,
                stage.name,
                retention_s=stage.retention_s,
                visibility_s=stage.visibility_s,
                dead=place.dead_queue(stage.name),
                max_receives=stage.max_receives,
            )
            sent.add_resource_dependency(dead)
        for table in declared.tables:
            if not table.durable:
                make_table(self, table, options)
