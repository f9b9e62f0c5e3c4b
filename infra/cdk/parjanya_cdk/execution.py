"""Execution: a network that costs nothing while nobody works, and the machines of each pool. Nothing in it must survive."""

from __future__ import annotations

from aws_cdk import Environment, Stack
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from parjanya_cdk.declaration import Declaration
from parjanya_cdk.machine import Workers
from parjanya_cdk.options import Options
from parjanya_cdk.parts import named

NETWORK = "10.78.0.0/16"


class ExecutionStack(Stack):
    """Workers that come when there is work and leave when there is none."""

    def __init__(self, scope: Construct, name: str, declared: Declaration, options: Options, env: Environment) -> None:
        super().__init__(scope, name, env=env, description="Parjanya: Execution (network, images, groups, warm pools)")
        # Public subnets, because a NAT gateway or an endpoint for each service costs day and night, and a public address
        # only while an instance runs. Nothing listens: no rule lets anything in. Tables and objects are reached
        # through the gateways, free.
        network = ec2.Vpc(
            self,
            "Network",
            ip_addresses=ec2.IpAddresses.cidr(NETWORK),
            max_azs=2,
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="workers", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=20, map_public_ip_on_launch=False
                )
            ],
            gateway_endpoints={
                "Objects": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "Tables": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
        )
        firewall = ec2.CfnSecurityGroup(
            self,
            "NothingIn",
            group_description="Nothing comes in; out goes TLS alone",
            vpc_id=network.vpc_id,
            security_group_egress=[
                ec2.CfnSecurityGroup.EgressProperty(
                    ip_protocol="tcp", from_port=443, to_port=443, cidr_ip="0.0.0.0/0", description="AWS by TLS"
                )
            ],
            tags=named(f"{options.place.prefix}-workers"),
        )
        subnets = [subnet.subnet_id for subnet in network.public_subnets]
        for pool in declared.pools:
            Workers(self, pool, declared, options, subnets, firewall.attr_group_id)
