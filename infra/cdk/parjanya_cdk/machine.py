"""What one pool's workers run on: launch template, group, warm pool, and the waits at both ends of an instance's life.

A launch template names an image, and says in its tags which program and which model that image holds. An image and a model that
do not belong together are refused before there is a template (incident 6a); whoever looks later compares the same tags.
"""

from __future__ import annotations

import json

from aws_cdk import CfnTag, Fn
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.image.record import NO_MODEL, Image
from parjanya_cdk.declaration import Declaration
from parjanya_cdk.options import Options
from parjanya_cdk.parts import log_group, role, scope_of, title

BOOT_S = 900
"""From the start of an instance to its attested worker: a model of 16 GiB, hashed and read from a cold disk."""
HOOK_S = 300
"""How long the group waits to be told of an instance that comes or goes. A worker that lives tells it once a minute."""


def worker_log(options: Options, pool: str) -> str:
    """The log group of the workers of *pool*. Silence in it is a signal (incident 6a)."""
    return f"/parjanya/{options.place.prefix}/worker/{pool}"


class Workers(Construct):
    """The machines of one pool: none while there is nothing to do."""

    def __init__(
        self, scope: Construct, pool: str, declared: Declaration, options: Options, subnets: list[str], firewall: str
    ) -> None:
        super().__init__(scope, f"{title(pool)}Pool")
        place, machine, image = options.place, options.machines[pool], options.images[pool]
        stages = declared.in_pool(pool)
        log_group(self, "Worker", worker_log(options, pool))
        own = scope_of(place, [stage.name for stage in stages], [pool])
        worker = role(self, "Worker", "worker", "ec2", own, worker_log(options, pool))
        profile = iam.CfnInstanceProfile(self, "Profile", roles=[worker.ref])
        template = _template(self, pool, declared, options, image, profile.attr_arn, firewall)
        group = autoscaling.CfnAutoScalingGroup(
            self,
            "Group",
            auto_scaling_group_name=place.group(pool),
            # no desired capacity: it is the reconciler's, and a deployment must not set it back
            min_size="0",
            max_size=str(machine.most),
            vpc_zone_identifier=subnets,
            launch_template=autoscaling.CfnAutoScalingGroup.LaunchTemplateSpecificationProperty(
                launch_template_id=template.ref, version=template.attr_latest_version_number
            ),
            health_check_type="EC2",
            health_check_grace_period=BOOT_S,
            # until its worker says that it is idle; one that never comes up is abandoned by its hook before it is in service
            new_instances_protected_from_scale_in=True,
            metrics_collection=[autoscaling.CfnAutoScalingGroup.MetricsCollectionProperty(granularity="1Minute")],
            lifecycle_hook_specification_list=[
                _hook(declared.hooks["launching"], "LAUNCHING", HOOK_S, "ABANDON"),
                _hook(declared.hooks["terminating"], "TERMINATING", HOOK_S, "CONTINUE"),
            ],
            tags=[
                autoscaling.CfnAutoScalingGroup.TagPropertyProperty(key=key, value=value, propagate_at_launch=False)
                for key, value in image.tags().items()
            ],
        )
        if machine.prepared:
            autoscaling.CfnWarmPool(
                self,
                "WarmPool",
                auto_scaling_group_name=group.ref,
                pool_state="Stopped",
                min_size=machine.prepared,
                max_group_prepared_capacity=machine.most,
                instance_reuse_policy=autoscaling.CfnWarmPool.InstanceReusePolicyProperty(reuse_on_scale_in=True),
            )


def _hook(
    name: str, when: str, heartbeat_s: int, otherwise: str
) -> autoscaling.CfnAutoScalingGroup.LifecycleHookSpecificationProperty:
    return autoscaling.CfnAutoScalingGroup.LifecycleHookSpecificationProperty(
        lifecycle_hook_name=name,
        lifecycle_transition=f"autoscaling:EC2_INSTANCE_{when}",
        heartbeat_timeout=heartbeat_s,
        default_result=otherwise,
    )


def _template(
    scope: Construct,
    pool: str,
    declared: Declaration,
    options: Options,
    image: Image,
    profile: str,
    firewall: str,
) -> ec2.CfnLaunchTemplate:
    machine = options.machines[pool]
    tags = [CfnTag(key=key, value=value) for key, value in image.tags().items()]
    name = CfnTag(key="Name", value=options.place.group(pool))
    specified = ec2.CfnLaunchTemplate.TagSpecificationProperty
    return ec2.CfnLaunchTemplate(
        scope,
        "Template",
        tag_specifications=[
            ec2.CfnLaunchTemplate.LaunchTemplateTagSpecificationProperty(resource_type="launch-template", tags=tags)
        ],
        launch_template_data=ec2.CfnLaunchTemplate.LaunchTemplateDataProperty(
            image_id=image.amis[options.place.region],
            instance_type=machine.instance_type,
            iam_instance_profile=ec2.CfnLaunchTemplate.IamInstanceProfileProperty(arn=profile),
            metadata_options=ec2.CfnLaunchTemplate.MetadataOptionsProperty(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            network_interfaces=[
                ec2.CfnLaunchTemplate.NetworkInterfaceProperty(
                    device_index=0, associate_public_ip_address=True, groups=[firewall], delete_on_termination=True
                )
            ],
            block_device_mappings=[
                ec2.CfnLaunchTemplate.BlockDeviceMappingProperty(
                    device_name="/dev/xvda",
                    ebs=ec2.CfnLaunchTemplate.EbsProperty(
                        volume_size=machine.volume_gib, volume_type="gp3", encrypted=True, delete_on_termination=True
                    ),
                )
            ],
            monitoring=ec2.CfnLaunchTemplate.MonitoringProperty(enabled=True),
            instance_initiated_shutdown_behavior="terminate",
            tag_specifications=[
                specified(resource_type="instance", tags=[name, *tags]),
                specified(resource_type="volume", tags=[name, *tags]),
            ],
            user_data=Fn.base64(user_data(pool, declared, options, image)),
        ),
    )


def user_data(pool: str, declared: Declaration, options: Options, image: Image) -> str:
    """What an instance is told at its first start: where its system lives, and what it is expected to be.

    The image's own check compares the last two with what was baked, before a worker may start.
    """
    place = options.place
    lines = {
        "PARJANYA_POOL": pool,
        "PARJANYA_REGION": place.region,
        "PARJANYA_PREFIX": place.prefix,
        "PARJANYA_BUCKET": place.bucket,
        "PARJANYA_EXPECTED_IMAGE": image.tag,
        "PARJANYA_EXPECTED_MANIFEST": image.manifest or NO_MODEL,
        "PARJANYA_SETTINGS": f"'{json.dumps(dict(declared.settings), sort_keys=True)}'",
    }
    told = "\n".join(f"{name}={value}" for name, value in lines.items())
    return (
        "#!/bin/bash\nset -eu\numask 022\nmkdir -p /etc/parjanya\n"
        f"cat >/etc/parjanya/worker.env <<'END'\n{told}\nEND\n"
        "systemctl enable --now parjanya-worker.service\n"
    )
