"""The functions of the control plane: what each is, as data, and how one is made of it. ARM, from a zip file, no layers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Fn
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from parjanya_cdk.declaration import Declaration
from parjanya_cdk.options import Options
from parjanya_cdk.parts import log_group, role, scope_of, title

RUNTIME = "python3.14"
"""What ``infra/functions/build.py`` packs for."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function."""

    name: str
    handler: str
    timeout_s: int
    memory_mib: int
    """Processor time comes with it: 1,769 MiB are one core."""
    does: str
    at_once: int | None = None
    """How many may run at the same time; None: as many as there is work for."""


FUNCTIONS = (
    Function(
        "intake", "parjanya.functions.intake.handler", 60, 1769, "looks at what was uploaded and makes an item of it"
    ),
    Function(
        "reconcile", "parjanya.functions.reconcile.handler", 60, 1024, "hands changes of open work to the reconciler"
    ),
    Function(
        "sweep", "parjanya.functions.sweep.handler", 300, 1024, "compares all open work with its intents", at_once=1
    ),
)
"""Also the name of each one's role in ``tbie.backends.aws.permissions``."""


def log_name(options: Options, function: str) -> str:
    """Lambda writes into the group of this name."""
    return f"/aws/lambda/{options.place.prefix}-{function}"


def environment(declared: Declaration, options: Options) -> Mapping[str, str]:
    """What a function is told: where its system lives."""
    place = options.place
    return {
        "PARJANYA_REGION": place.region,
        "PARJANYA_PREFIX": place.prefix,
        "PARJANYA_BUCKET": place.bucket,
        "PARJANYA_ENGINE": declared.engine,
        "PARJANYA_SETTINGS": json.dumps(dict(declared.settings), sort_keys=True),
    }


def make(scope: Construct, what: Function, declared: Declaration, options: Options) -> lambda_.CfnFunction:
    """The function with its role and its log."""
    name = title(what.name)
    group = log_group(scope, name, log_name(options, what.name))
    resources = scope_of(options.place, [stage.name for stage in declared.stages], declared.pools)
    may = role(scope, name, what.name, "lambda", resources, log_name(options, what.name))
    code = assets.Asset(scope, f"{name}Code", path=str(options.functions[what.name]))
    made = lambda_.CfnFunction(
        scope,
        name,
        function_name=f"{options.place.prefix}-{what.name}",
        description=what.does,
        runtime=RUNTIME,
        architectures=["arm64"],
        handler=what.handler,
        code=lambda_.CfnFunction.CodeProperty(s3_bucket=code.s3_bucket_name, s3_key=code.s3_object_key),
        role=may.attr_arn,
        timeout=what.timeout_s,
        memory_size=what.memory_mib,
        reserved_concurrent_executions=what.at_once,
        environment=lambda_.CfnFunction.EnvironmentProperty(variables=dict(environment(declared, options))),
        logging_config=lambda_.CfnFunction.LoggingConfigProperty(
            log_format="JSON", log_group=log_name(options, what.name)
        ),
    )
    made.add_resource_dependency(group)
    return made


def name_of(function: lambda_.CfnFunction) -> str:
    """The name that metrics carry."""
    return Fn.ref(function.logical_id)
