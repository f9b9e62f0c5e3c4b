"""Looks at what is deployed of Execution and of the control plane: groups, roles, functions, their triggers, alarms.

Caller: `doctor`. As ``deployed``: calls here, comparisons where they are declared or pure below.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tbie.backends.aws import changes, groups
from tbie.backends.aws.client import Clients, told
from tbie.backends.aws.permissions import GRANTS, Scope, arns
from tbie.core.errors import TbieError
from tbie.guardrails import Looked
from tbie.workflow import Workflow

FUNCTIONS = ("intake", "reconcile", "sweep")
HEARTBEAT_ALARM = "heartbeat-absent"


class DeploymentUnreadableError(TbieError):
    """AWS does not say what is deployed. The message has its words; nothing was changed."""


def look_at_permissions(clients: Clients, workflow: Workflow) -> Looked:
    """Each role of a function may do what its component has to, as AWS itself evaluates it."""
    found: list[str] = []
    tried = 0
    for component in FUNCTIONS:
        role = _role(clients, component)
        stages = [stage.name for stage in workflow.stages]
        scope = Scope(clients.place, stages, workflow.pools, *_account(role))
        for grant in GRANTS[component]:
            resources = [_concrete(arn) for arn in arns(grant.kind, scope)]
            tried += len(grant.actions)
            found += [
                f"{component} may not {action} on {_short(resource)}: {grant.why}"
                for action, resource in _denied(clients, role, grant.actions, resources)
            ]
    return Looked(tuple(found), f"{tried} permissions of {len(FUNCTIONS)} roles hold")


def _role(clients: Clients, component: str) -> str:
    name = f"{clients.place.prefix}-{component}"
    with told(DeploymentUnreadableError, f"asking for the role of the function {name}"):
        return str(clients.of("lambda").get_function_configuration(FunctionName=name)["Role"])


def _account(role: str) -> tuple[str, str]:
    """Account and partition of an ARN."""
    _, partition, _, _, account, _ = role.split(":", 5)
    return account, partition


def _concrete(arn: str) -> str:
    """A resource that *arn* stands for: what is granted on everything below a prefix is tried on one thing there."""
    return arn[:-1] + "doctor" if arn.endswith("/*") else arn


def _denied(clients: Clients, role: str, actions: Sequence[str], resources: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(action, resource) that AWS would refuse *role*."""
    for resource in resources:
        with told(DeploymentUnreadableError, f"asking what {_short(role)} may do"):
            answer = clients.of("iam").simulate_principal_policy(
                PolicySourceArn=role, ActionNames=list(actions), ResourceArns=[resource]
            )
        for result in answer["EvaluationResults"]:
            if result["EvalDecision"] != "allowed":
                yield result["EvalActionName"], resource


def _short(arn: str) -> str:
    return arn.rsplit(":", 1)[-1]


def look_at_functions(clients: Clients) -> Looked:
    """The functions are there and active, and the clock calls the sweep."""
    found: list[str] = []
    with told(DeploymentUnreadableError, "looking at the functions"):
        for component in FUNCTIONS:
            name = f"{clients.place.prefix}-{component}"
            found += function_problems(name, clients.of("lambda").get_function_configuration(FunctionName=name))
        rule = clients.of("events").describe_rule(Name=f"{clients.place.prefix}-sweep")
    if rule.get("State") != "ENABLED":
        found.append(f"the schedule of the sweep is {rule.get('State')}: nothing repairs itself")
    every = rule.get("ScheduleExpression")
    return Looked(tuple(found), f"{len(FUNCTIONS)} functions; the sweep is called at {every}")


def function_problems(name: str, answer: Mapping[str, Any]) -> list[str]:
    """What is wrong with the function *name*. Pure. A pending one was just deployed, an inactive one wakes when it is called."""
    if answer.get("State") == "Failed":
        return [f"function {name} could not be made: {answer.get('StateReason', 'AWS gives no reason')}"]
    if answer.get("LastUpdateStatus") == "Failed":
        why = answer.get("LastUpdateStatusReason", "AWS gives no reason")
        return [f"function {name} still runs what was deployed before: its last update failed: {why}"]
    return []


def look_at_stream_filter(clients: Clients, workflow: Workflow) -> Looked:
    """The reconciler is told of every stage of this workflow, and its mapping is switched on."""
    name = f"{clients.place.prefix}-reconcile"
    with told(DeploymentUnreadableError, f"looking at what calls {name}"):
        mappings = clients.of("lambda").list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    found = mapping_problems(name, mappings, [stage.name for stage in workflow.stages])
    return Looked(tuple(found), f"{name} is told of {len(workflow.stages)} stages, and of nothing else")


def mapping_problems(name: str, mappings: Sequence[Mapping[str, Any]], stages: Sequence[str]) -> list[str]:
    """What is wrong with the mappings of a stream to the function *name*. Pure."""
    ours = [mapping for mapping in mappings if "/stream/" in str(mapping.get("EventSourceArn"))]
    if not ours:
        return [f"no stream calls {name}: changes wait for the sweep"]
    found = []
    for mapping in ours:
        if mapping.get("State") not in {"Enabled", "Creating", "Enabling", "Updating"}:
            found.append(f"the mapping of the stream to {name} is {mapping.get('State')}")
        filters = (mapping.get("FilterCriteria") or {}).get("Filters") or ()
        found += changes.unlike([str(each.get("Pattern")) for each in filters], stages)
        if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or ()):
            found.append(f"{name} cannot say which record failed: one that fails repeats its whole batch")
        if not ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination"):
            found.append(
                f"what {name} cannot handle is dropped without a trace: give the mapping a failure destination"
            )
        if mapping.get("MaximumRetryAttempts", -1) == -1 and mapping.get("MaximumRecordAgeInSeconds", -1) == -1:
            found.append(f"a record that {name} cannot handle blocks its shard for a day: bound retries or age")
    return found


def look_at_fleet(clients: Clients, pools: Sequence[str], bound: Sequence[str]) -> Looked:
    """The groups are what they were declared to be, and start machines from an image that exists.

    Tags *bound* name what an image holds (program, model): template and image must say the same of each (incident 6).
    """
    found: list[str] = []
    names = [clients.place.group(pool) for pool in pools]
    with told(DeploymentUnreadableError, "looking at the groups of workers"):
        answer = clients.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=names)
    bodies = {str(body["AutoScalingGroupName"]): body for body in answer["AutoScalingGroups"]}
    for name in names:
        if name not in bodies:
            found.append(f"there is no group {name}: work of that pool is never executed")
            continue
        group = groups.read_group(bodies[name])
        found += [f"{name}: {drift}" for drift in groups.drifts(group, None, groups.Declared())]
        found += _image_problems(clients, name, bodies[name].get("LaunchTemplate") or {}, bound)
    return Looked(tuple(found), f"{len(names)} groups; their images exist and hold what their templates say")


def _image_problems(clients: Clients, name: str, template: Mapping[str, str], bound: Sequence[str]) -> list[str]:
    if not template:
        return [f"{name} has no launch template"]
    with told(DeploymentUnreadableError, f"looking at the image of {name}"):
        version = clients.of("ec2").describe_launch_template_versions(
            LaunchTemplateId=template["LaunchTemplateId"], Versions=[template.get("Version", "$Default")]
        )["LaunchTemplateVersions"][0]
        image = str(version["LaunchTemplateData"].get("ImageId", ""))
        filters = [{"Name": "image-id", "Values": [image]}]
        images = clients.of("ec2").describe_images(Filters=filters)["Images"]
    return image_problems(name, image, version["LaunchTemplateData"], images, bound)


def image_problems(
    name: str, image: str, template: Mapping[str, Any], images: Sequence[Mapping[str, Any]], bound: Sequence[str]
) -> list[str]:
    """What is wrong between a template and the image that it starts. Pure."""
    if not images:
        return [f"{name} starts image {image or '(none)'}, which does not exist: no worker will come (incident 6a)"]
    specified = {
        tag["Key"]: tag["Value"]
        for each in template.get("TagSpecifications", ())
        if each.get("ResourceType") == "instance"
        for tag in each.get("Tags", ())
    }
    has = {tag["Key"]: tag["Value"] for tag in images[0].get("Tags", ())}
    return [
        f"{name}: the template says {tag} is {specified.get(tag, 'not set')}, image {image} says {has.get(tag, 'not set')}"
        for tag in bound
        if specified.get(tag) != has.get(tag) or tag not in has
    ]


def look_at_alarms(clients: Clients) -> Looked:
    """Somebody is told when nothing is heard of the control plane."""
    prefix = f"{clients.place.prefix}-"
    with told(DeploymentUnreadableError, "looking at the alarms"):
        pages = clients.of("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
        alarms = {str(alarm["AlarmName"]): alarm for page in pages for alarm in page["MetricAlarms"]}
    found = alarm_problems(prefix, alarms)
    return Looked(tuple(found), f"{len(alarms)} alarms; silence of the control plane is one of them")


def alarm_problems(prefix: str, alarms: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is wrong with the alarms of one system. Pure."""
    silent = alarms.get(f"{prefix}{HEARTBEAT_ALARM}")
    if silent is None:
        return [f"there is no alarm {prefix}{HEARTBEAT_ALARM}: a dead control plane looks like an idle one"]
    found = []
    if silent.get("TreatMissingData") != "breaching":
        said = silent.get("TreatMissingData", "missing")
        found.append(f"{prefix}{HEARTBEAT_ALARM} takes silence for {json.dumps(said)}: it must be breaching")
    found += [
        f"alarm {name} tells nobody: give it an action"
        for name, alarm in sorted(alarms.items())
        if not alarm.get("AlarmActions") or alarm.get("ActionsEnabled") is False
    ]
    return found
