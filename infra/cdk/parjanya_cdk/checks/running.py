"""Execution: machines that are what they say, wanted only while there is work, and replaced when they never came up."""

from __future__ import annotations

from collections.abc import Iterator

from parjanya_cdk.checks.base import Properties, Subject, flat


def machine_image_and_model_belong_together(on: Subject) -> Iterator[str]:
    """Each template starts the published image, and its tags say which program and which model that is (incident 6a)."""
    templates = on.of("EC2::LaunchTemplate")
    for pool, image in on.options.images.items():
        mine = [t for name, t in templates.items() if _pool_of(name, on) == pool]
        if len(mine) != 1:
            yield f"pool {pool} has {len(mine)} launch templates"
            continue
        data = mine[0]["LaunchTemplateData"]
        if data["ImageId"] != image.amis[on.options.place.region]:
            yield f"pool {pool} starts {data['ImageId']}, published is {image.amis[on.options.place.region]}"
        for specification in (*mine[0].get("TagSpecifications", []), *data.get("TagSpecifications", [])):
            tags = {tag["Key"]: tag["Value"] for tag in specification["Tags"]}
            if not image.tags().items() <= tags.items():
                yield f"the {specification['ResourceType']} of pool {pool} does not say which image and model it is"
        if len(data.get("TagSpecifications", [])) < 2 or not mine[0].get("TagSpecifications"):
            yield f"pool {pool}: template, instance and volume are not all tagged"
        started = flat(data["UserData"])
        for told in (f"PARJANYA_EXPECTED_IMAGE={image.tag}", f"PARJANYA_EXPECTED_MANIFEST={image.manifest or 'none'}"):
            if told not in started:
                yield f"an instance of pool {pool} is not told {told}: it could not notice that it is another"


def the_newest_template_is_used(on: Subject) -> Iterator[str]:
    """A group starts from the version of the template that is deployed with it: a new image needs no second step."""
    for name, group in on.of("AutoScaling::AutoScalingGroup").items():
        template = group.get("LaunchTemplate", {})
        chosen = template.get("LaunchTemplateId", {}).get("Ref")
        if flat(template.get("Version")) != f"<{chosen}.LatestVersionNumber>":
            yield f"{name} is pinned to version {flat(template.get('Version'))} of its template"


def machines_are_hardened(on: Subject) -> Iterator[str]:
    """Metadata only with a session token and not for containers' neighbours; volumes encrypted; a role, and nothing let in."""
    for name, template in on.of("EC2::LaunchTemplate").items():
        data = template["LaunchTemplateData"]
        metadata = data.get("MetadataOptions", {})
        if metadata.get("HttpTokens") != "required" or metadata.get("HttpPutResponseHopLimit") != 1:
            yield f"{name}: metadata (and with it the role) can be read without a session token"
        if not all(device.get("Ebs", {}).get("Encrypted") for device in data.get("BlockDeviceMappings", [{}])):
            yield f"{name}: a volume is not encrypted"
        if "IamInstanceProfile" not in data:
            yield f"{name} has no role"
    for name, group in on.of("EC2::SecurityGroup").items():
        if group.get("SecurityGroupIngress"):
            yield f"{name} lets something in"
        if any(rule.get("IpProtocol") == "-1" for rule in group.get("SecurityGroupEgress", [{"IpProtocol": "-1"}])):
            yield f"{name} lets everything out"
    yield from (f"{name} lets something in" for name in on.of("EC2::SecurityGroupIngress"))


def nothing_costs_while_nobody_works(on: Subject) -> Iterator[str]:
    """The fleet scales to zero, a deployment never sets its size, and the network has nothing that is paid by the hour."""
    for kind in ("EC2::NatGateway", "EC2::EIP"):
        yield from (f"{name} costs day and night" for name in on.of(kind))
    for name, endpoint in on.of("EC2::VPCEndpoint").items():
        if endpoint.get("VpcEndpointType") != "Gateway":
            yield f"{name} costs day and night"
    services = {str(flat(one["ServiceName"])).rpartition(".")[2] for one in on.of("EC2::VPCEndpoint").values()}
    if services != {"s3", "dynamodb"}:
        yield f"gateways lead to {sorted(services)}, wanted are dynamodb and s3"
    for name, group in on.of("AutoScaling::AutoScalingGroup").items():
        if group["MinSize"] != "0":
            yield f"{name} never scales to zero"
        if "DesiredCapacity" in group:
            yield f"{name}: a deployment would set back what the reconciler asked for"


def busy_machines_are_let_finish(on: Subject) -> Iterator[str]:
    """An instance is in service when its worker says so, is never taken while it works, and may finish before it goes."""
    for name, group in on.of("AutoScaling::AutoScalingGroup").items():
        pool = _pool_of(name, on)
        hooks = {
            hook["LifecycleTransition"].rpartition("_")[2]: hook
            for hook in group.get("LifecycleHookSpecificationList", [])
        }
        if hooks.get("LAUNCHING", {}).get("DefaultResult") != "ABANDON":
            yield f"{name}: an instance whose worker never comes up stays (incident 6a)"
        longest = max((stage.max_run_s for stage in on.declared.in_pool(pool)), default=0)
        if hooks.get("TERMINATING", {}).get("HeartbeatTimeout", 0) <= longest:
            yield f"{name}: a worker is not let finish what it holds"
        if group.get("NewInstancesProtectedFromScaleIn") is not True:
            yield f"{name}: an instance could be taken away before its worker can protect it"
        if not group.get("MetricsCollection"):
            yield f"{name} does not tell how many instances are wanted: silence could not be noticed"


def the_warm_pool_is_stopped(on: Subject) -> Iterator[str]:
    """Prepared instances cost their volume alone."""
    pools = on.of("AutoScaling::WarmPool")
    wanted = [pool for pool, machine in on.options.machines.items() if machine.prepared]
    if len(pools) != len(wanted):
        yield f"{len(pools)} warm pools, wanted for {wanted}"
    yield from (f"{name} runs while it waits" for name, pool in pools.items() if pool.get("PoolState") != "Stopped")


def _pool_of(name: str, on: Subject) -> str:
    return next((pool for pool in on.declared.pools if name.lower().startswith(pool.replace("_", ""))), "")


def templates_with_something_made_up_refuse(on: Subject) -> Iterator[str]:
    """What was made to be looked at cannot be deployed by mistake."""
    for stack, template in on.templates.items():
        rules: Properties = template.get("Rules", {})
        if bool(on.options.placeholders) != ("NothingMadeUp" in rules):
            yield f"stack {stack}: made up is {list(on.options.placeholders)}, the rule that refuses is {sorted(rules)}"


CHECKS = (
    machine_image_and_model_belong_together,
    the_newest_template_is_used,
    machines_are_hardened,
    nothing_costs_while_nobody_works,
    busy_machines_are_let_finish,
    the_warm_pool_is_stopped,
    templates_with_something_made_up_refuse,
)
