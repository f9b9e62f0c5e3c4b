"""The app: the four stacks, in the order in which they are deployed, and what stands at their door.

Callers: ``app.py``, tests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from parjanya_cdk.control import ControlStack
from parjanya_cdk.declaration import Declaration
from parjanya_cdk.execution import ExecutionStack
from parjanya_cdk.intent import IntentStack
from parjanya_cdk.options import Options
from parjanya_cdk.truth import TruthStack


@dataclass(frozen=True, slots=True)
class Stacks:
    """What was built."""

    app: cdk.App
    truth: TruthStack
    intent: IntentStack
    execution: ExecutionStack
    control: ControlStack

    def all(self) -> tuple[cdk.Stack, ...]:
        """In the order of deployment."""
        return (self.truth, self.intent, self.execution, self.control)

    def templates(self) -> dict[str, Any]:
        """What was written, by the last part of each stack's name. After ``synth``."""
        folder = Path(self.app.outdir)
        names = ("truth", "intent", "execution", "control")
        return {
            name: json.loads((folder / f"{stack.artifact_id}.template.json").read_text())
            for name, stack in zip(names, self.all(), strict=True)
        }


def build(declared: Declaration, options: Options, outdir: Path | None = None) -> Stacks:
    """The app with everything in it. Nothing is written before ``synth``; no network, no credentials, no CLI."""
    prefix = options.place.prefix
    app = cdk.App(analytics_reporting=False, outdir=str(outdir) if outdir else None)
    environment = cdk.Environment(region=options.place.region)
    # the account is left open: one template for each account that deploys it
    truth = TruthStack(app, f"{prefix}-truth", declared, options, environment)
    intent = IntentStack(app, f"{prefix}-intent", declared, options, environment)
    execution = ExecutionStack(app, f"{prefix}-execution", declared, options, environment)
    control = ControlStack(app, f"{prefix}-control", declared, options, environment, truth.changes)
    intent.add_stack_dependency(truth)
    execution.add_stack_dependency(intent)
    control.add_stack_dependency(execution)
    made = Stacks(app, truth, intent, execution, control)
    for stack in made.all():
        cdk.Tags.of(stack).add("parjanya:system", prefix)
        _door(stack, options)
    return made


def _door(stack: cdk.Stack, options: Options) -> None:
    """A template with something made up in it refuses to be deployed, whatever tool deploys it."""
    if not options.placeholders:
        return
    made_up = cdk.CfnParameter(
        stack,
        "MadeUp",
        type="String",
        default=", ".join(options.placeholders),
        description="What in this template is no real thing",
    )
    cdk.CfnRule(
        stack,
        "NothingMadeUp",
        assertions=[
            cdk.CfnRuleAssertion(
                assert_=cdk.Fn.condition_equals(made_up.value_as_string, "nothing"),
                assert_description="This template was made to be looked at: give real functions and images, and synthesise again",
            )
        ],
    )
