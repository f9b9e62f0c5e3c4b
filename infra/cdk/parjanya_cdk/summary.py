"""The templates in a few hundred lines that a reviewer can read: each resource with what matters of it, each role word for word.

    python infra/cdk/app.py --look FOLDER --summary infra/cdk/summary.txt       writes it anew

It is committed, and a test compares: whatever changes in the infrastructure shows in the review, above all for how long
messages are kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from parjanya_cdk.checks.base import flat, listed, statements

_HASH = re.compile(r"([A-Za-z]+)([0-9A-F]{8})\b")
_ASSET = re.compile(r"[0-9a-f]{64}")
LONG = 160
BORING = ("Tags", "FunctionName", "DashboardBody", "UserData", "AlarmDescription", "Description")
POLICIES = ("PolicyDocument", "AssumeRolePolicyDocument", "Policies")


def summary(templates: Mapping[str, Any]) -> str:
    """All stacks in the order given; one line for each property, one for each permission."""
    return "\n".join(line for stack, template in templates.items() for line in (f"# {stack}", *_stack(template))) + "\n"


def _stack(template: Mapping[str, Any]) -> Iterator[str]:
    for name, resource in template["Resources"].items():
        kind = resource["Type"].removeprefix("AWS::")
        if kind in ("CDK::Metadata",):
            continue
        kept = f" ({resource['DeletionPolicy'].lower()})" if "DeletionPolicy" in resource else ""
        if kind == "CloudWatch::Alarm":
            yield _alarm(resource["Properties"])
            continue
        yield f"{_named(name)}: {kind}{kept}"
        for key, value in sorted(resource.get("Properties", {}).items()):
            if key in POLICIES:
                yield from _policies(key, value)
            elif key not in BORING:
                yield f"    {key} = {_short(value)}"


def _alarm(alarm: Mapping[str, Any]) -> str:
    what = alarm.get("MetricName") or next(one["Expression"] for one in alarm["Metrics"] if "Expression" in one)
    sign = "<" if alarm["ComparisonOperator"] == "LessThanThreshold" else ">="
    periods = {one["MetricStat"]["Period"] for one in alarm.get("Metrics", ()) if "MetricStat" in one}
    when = f"{alarm['EvaluationPeriods']} x {alarm.get('Period') or max(periods)} s"
    missing = alarm["TreatMissingData"]
    return f"Alarm {alarm['AlarmName']}: {what} {sign} {alarm['Threshold']:g} for {when}, missing data {missing}"


def _policies(key: str, value: Any) -> Iterator[str]:
    documents = [policy["PolicyDocument"] for policy in value] if key == "Policies" else [value]
    for document in documents:
        for statement in statements(document):
            who = f" {json.dumps(statement['Principal'])}" if "Principal" in statement else ""
            only = f" if {json.dumps(statement['Condition'], sort_keys=True)}" if "Condition" in statement else ""
            for resource in listed(statement.get("Resource", "itself")):
                yield _plain(
                    f"    {statement['Effect']}{who} {', '.join(listed(statement['Action']))} on {resource}{only}"
                )


def _short(value: Any) -> str:
    text = _plain(json.dumps(flat(value), sort_keys=True))
    return text if len(text) <= LONG else f"{text[:LONG]}… ({len(text)} characters)"


def _plain(text: str) -> str:
    return _HASH.sub(r"\1", _ASSET.sub("(hash)", text))


def _named(name: str) -> str:
    return _HASH.sub(r"\1", name)
