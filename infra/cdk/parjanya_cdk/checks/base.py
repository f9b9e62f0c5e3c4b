"""Templates as data to ask: resources by type, values with what only AWS knows written as ``<Name>``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from parjanya_cdk.declaration import Declaration
from parjanya_cdk.options import Options

Properties = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked."""

    templates: Mapping[str, Any]
    """Stack (truth, intent, execution, control) → its template."""
    declared: Declaration
    options: Options

    def of(self, kind: str, stack: str | None = None) -> dict[str, Properties]:
        """Logical name → properties of every resource of type ``AWS::…`` *kind*."""
        return {
            name: resource.get("Properties", {})
            for stack_name, template in self.templates.items()
            if stack in (None, stack_name)
            for name, resource in template["Resources"].items()
            if resource["Type"] == f"AWS::{kind}"
        }

    def whole(self, kind: str) -> dict[str, Any]:
        """The same, with policies of deletion and dependencies."""
        return {
            name: resource
            for template in self.templates.values()
            for name, resource in template["Resources"].items()
            if resource["Type"] == f"AWS::{kind}"
        }

    def queue(self, name: str) -> Properties | None:
        """The queue called *name* in full."""
        return next((queue for queue in self.of("SQS::Queue").values() if queue.get("QueueName") == name), None)

    def alarms(self) -> dict[str, Properties]:
        """Every alarm by its name without the prefix."""
        prefix = f"{self.options.place.prefix}-"
        return {alarm["AlarmName"].removeprefix(prefix): alarm for alarm in self.of("CloudWatch::Alarm").values()}

    def arn_of_queue(self, name: str) -> str:
        """Of the queue called *name* in full, as ``flat`` writes it."""
        return f"arn:<AWS::Partition>:sqs:{self.options.place.region}:<AWS::AccountId>:{name}"


Check = Callable[[Subject], Iterator[str]]


def flat(value: Any) -> Any:  # noqa: PLR0911 - one case, one line
    """*value* with each intrinsic function written as text: ``{"Ref": "X"}`` is ``<X>``."""
    match value:
        case {"Ref": str(name)} if len(value) == 1:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, parts]}:
            return separator.join(str(flat(part)) for part in parts)
        case {"Fn::ImportValue": name}:
            return f"<import {flat(name)}>"
        case {"Fn::Base64": inner}:
            return flat(inner)
        case dict():
            return {key: flat(inner) for key, inner in value.items()}
        case list():
            return [flat(inner) for inner in value]
        case _:
            return value


def listed(value: Any) -> list[Any]:
    """One or many, as a list."""
    return value if isinstance(value, list) else [value]


def statements(document: Properties) -> list[Properties]:
    """The statements of a policy document, flat."""
    return [flat(statement) for statement in document["Statement"]]
