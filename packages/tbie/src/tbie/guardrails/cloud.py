"""The guardrails of an instance on AWS: what is deployed is what the program declares. Pure; readings come in as problems found.

Each incident of the original platform that a service's setting caused has its line here. The same is asserted of the templates
before they are deployed (``infra/cdk``); this looks at what is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from tbie.core.reading import Known, Unknown
from tbie.guardrails.base import Found, Guardrail, Surroundings, failed, not_read, passed, unknown


class Looked(NamedTuple):
    """What somebody saw who looked at one part of a deployment."""

    problems: tuple[str, ...]
    """One sentence each: what, and what it should be."""
    well: str
    """What there is to say if there is none."""
    evidence: Mapping[str, object] = MappingProxyType({})


def _as_it_should_be(part: str, around: Surroundings) -> Found:
    match around.cloud.get(part, not_read(part)):
        case Known(value=Looked(problems=problems, well=well, evidence=evidence)):
            return failed("; ".join(problems), **evidence) if problems else passed(well, **evidence)
        case Known(value=other):
            return unknown(Unknown(f"nobody can say what {other!r:.60} means", part, 0))
        case Unknown() as blind:
            return unknown(blind)


def _rail(name: str, incident: str, remedy: str, *, needed: bool = False, at_start: bool = True) -> Guardrail:
    return Guardrail(name, incident, remedy, partial(_as_it_should_be, name), needed, at_start)


_DEPLOY = "Deploy the stacks again; nobody should change this by hand."

CLOUD_GUARDRAILS = (
    _rail("aws_tables", "truth_unavailable", _DEPLOY, needed=True),
    _rail("aws_recovery", "truth_unavailable", f"{_DEPLOY} Truth is the one thing that cannot be made again.", at_start=False),
    _rail("aws_queues", "1 intent_destroyed_early", _DEPLOY),
    _rail("aws_outage_window", "9b intent_expired", "Raise retention_s above outage_window_s and deploy the queues again."),
    _rail("aws_bucket", "7 upload_never_landed", f"{_DEPLOY} CORS and public access are one construct.", at_start=False),
    _rail(
        "aws_endpoint", "7 upload_never_landed",
        "Name the bucket's own region in profile.json: a browser does not follow the redirect of another one.",
    ),
    _rail(
        "aws_fleet", "6a stale_image_tag",
        "Deploy the execution stack with an image that exists, and refresh the instances of the warm pool.", at_start=False,
    ),
    _rail(
        "aws_permissions", "8 control_plane_blind",
        "Deploy the stacks again; the list is tbie.backends.aws.permissions, nothing is granted by hand.", at_start=False,
    ),
    _rail(
        "aws_functions", "8 control_plane_blind",
        "Deploy the control stack; a function that is there and fails says why in its log.", at_start=False,
    ),
    _rail(
        "aws_stream_filter", "2 truth_without_intent",
        "Deploy the control stack: the filter is made of the workflow's stages.", at_start=False,
    ),
    _rail(
        "aws_alarms", "8 control_plane_silent",
        "Deploy the control stack; without its alarms nobody is told that the control plane is silent.", at_start=False,
    ),
)  # fmt: skip
"""Truth, Intent, Execution, control plane. Those that are examined at a start need nothing but what an engine may do anyway."""
