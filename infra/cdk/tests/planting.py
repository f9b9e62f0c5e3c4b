"""Ways to spoil a template, so that checks can be seen to fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

Templates = dict[str, Any]
Plant = Callable[[Any], None]


def each(templates: Templates, kind: str, starts: str = "") -> Iterator[dict[str, Any]]:
    """Every resource of type ``AWS::…`` *kind* called *starts*, or, if none is, whose logical name begins like that; whole."""
    found = {
        name: one
        for template in templates.values()
        for name, one in template["Resources"].items()
        if one["Type"] == f"AWS::{kind}" and name.startswith(starts)
    }
    assert found, f"nothing to plant a defect in: {kind} {starts}"
    yield from ([found[starts]] if starts in found else found.values())


def setting(kind: str, starts: str, path: str, value: Any) -> Plant:
    """A defect: the property at *path* (``a.b.0.c``) is *value*; None: it is not there."""

    def plant(templates: Templates) -> None:
        for whole in each(templates, kind, starts):
            *outer, last = path.split(".")
            inside: Any = whole["Properties"] if outer[:1] != [""] else whole
            for step in filter(None, outer):
                inside = inside[int(step) if isinstance(inside, list) else step]
            key: Any = int(last) if isinstance(inside, list) else last
            if value is None:
                del inside[key]
            else:
                inside[key] = value

    return plant


def without(kind: str, starts: str = "") -> Plant:
    """A defect: the resource is not there."""

    def plant(templates: Templates) -> None:
        for template in templates.values():
            gone = [
                n for n, one in template["Resources"].items() if one["Type"] == f"AWS::{kind}" and n.startswith(starts)
            ]
            for name in gone:
                del template["Resources"][name]

    return plant


def added(stack: str, kind: str, **properties: Any) -> Plant:
    """A defect: there is one more resource."""

    def plant(templates: Templates) -> None:
        templates[stack]["Resources"]["Planted"] = {"Type": f"AWS::{kind}", "Properties": properties}

    return plant


def role(starts: str, change: Callable[[list[dict[str, Any]]], None]) -> Plant:
    """A defect in the statements of a role."""

    def plant(templates: Templates) -> None:
        for whole in each(templates, "IAM::Role", starts):
            change(whole["Properties"]["Policies"][0]["PolicyDocument"]["Statement"])

    return plant


def losing(action: str) -> Callable[[list[dict[str, Any]]], None]:
    def change(written: list[dict[str, Any]]) -> None:
        for statement in written:
            statement["Action"] = [one for one in statement["Action"] if one != action]

    return change


def filtered(**image: Any) -> Plant:
    """A defect: the reconciler is told of something else."""
    return setting(
        "Lambda::EventSourceMapping",
        "Changes",
        "FilterCriteria.Filters.0.Pattern",
        json.dumps({"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": image}}),
    )


def everything(action: str) -> Plant:
    return role("Sweep", lambda written: written.append({"Effect": "Allow", "Action": [action], "Resource": "*"}))


def unsaved(templates: Templates) -> None:
    for whole in each(templates, "DynamoDB::Table", "Items"):
        whole["DeletionPolicy"] = "Delete"


def plain(templates: Templates) -> None:
    for whole in each(templates, "SQS::QueuePolicy", "Technical"):
        whole["Properties"]["PolicyDocument"]["Statement"] = [
            one for one in whole["Properties"]["PolicyDocument"]["Statement"] if one["Effect"] != "Deny"
        ]


def plain_bucket(templates: Templates) -> None:
    for whole in each(templates, "S3::BucketPolicy"):
        whole["Properties"]["PolicyDocument"]["Statement"][0]["Condition"] = {}


def unheard(templates: Templates) -> None:
    for whole in each(templates, "SNS::TopicPolicy"):
        document = whole["Properties"]["PolicyDocument"]
        document["Statement"] = [one for one in document["Statement"] if one["Effect"] == "Deny"]


def forgiving(name: str) -> Plant:
    def plant(templates: Templates) -> None:
        for whole in each(templates, "CloudWatch::Alarm"):
            if whole["Properties"]["AlarmName"].endswith(name):
                whole["Properties"]["TreatMissingData"] = "notBreaching"

    return plant


def other_region(templates: Templates) -> None:
    for whole in each(templates, "Lambda::Function", "Intake"):
        whole["Properties"]["Environment"]["Variables"]["PARJANYA_BUCKET"] = "another-bucket"


def door_open(templates: Templates) -> None:
    del templates["execution"]["Rules"]


def hook(transition: str, **changed: Any) -> Plant:
    def plant(templates: Templates) -> None:
        for whole in each(templates, "AutoScaling::AutoScalingGroup"):
            for one in whole["Properties"]["LifecycleHookSpecificationList"]:
                if one["LifecycleTransition"].endswith(transition):
                    one.update(changed)

    return plant


QUEUE, TABLE, BUCKET, GROUP = "SQS::Queue", "DynamoDB::Table", "S3::Bucket", "AutoScaling::AutoScalingGroup"
MAPPING, TEMPLATE, ALARM = "Lambda::EventSourceMapping", "EC2::LaunchTemplate", "CloudWatch::Alarm"
DATA = "LaunchTemplateData"
