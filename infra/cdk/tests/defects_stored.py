"""Defects that are planted in the templates: what is stored and what runs. Data: check → what is wrong → how it is planted."""

from __future__ import annotations

from parjanya_cdk.checks import running, storing
from parjanya_cdk.checks.base import Check
from planting import (
    BUCKET,
    DATA,
    GROUP,
    QUEUE,
    TABLE,
    TEMPLATE,
    Plant,
    added,
    door_open,
    hook,
    plain,
    plain_bucket,
    setting,
    unsaved,
    without,
)

DEFECTS: dict[Check, dict[str, Plant]] = {
    storing.truth_survives: {
        "a table of Truth without recovery": setting(
            TABLE, "Items", "PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled", False
        ),
        "a table of Truth that may be deleted": setting(TABLE, "History", "DeletionProtectionEnabled", False),
        "a table of Truth that goes with its stack": unsaved,
        "a table of Truth that nobody backs up": without("Backup::BackupSelection"),
        "a table that costs while idle": setting(TABLE, "Open", "BillingMode", "PROVISIONED"),
    },
    storing.tables_are_as_the_program_expects: {
        "an index of open work without its stream": setting(TABLE, "Open", "StreamSpecification", None),
        "a stream with another view": setting(TABLE, "Open", "StreamSpecification.StreamViewType", "KEYS_ONLY"),
        "a register whose rows never go": setting(TABLE, "Register", "TimeToLiveSpecification", None),
        "a table with another key": setting(TABLE, "Items", "KeySchema.1.AttributeName", "sort"),
    },
    storing.no_message_expires_in_an_outage: {
        "retention shorter than the outage (9b)": setting(QUEUE, "Observe", "MessageRetentionPeriod", 86_400),
    },
    storing.no_second_worker_starts: {
        "visibility shorter than a run (1)": setting(QUEUE, "Group", "VisibilityTimeout", 30),
    },
    storing.dead_letters_are_kept: {
        "a queue without dead letters": setting(QUEUE, "Preview", "RedrivePolicy", None),
        "dead letters that go before messages do": setting(QUEUE, "CurateDead", "MessageRetentionPeriod", 600_000),
        "messages given up after one receive": setting(QUEUE, "Curate", "RedrivePolicy.maxReceiveCount", 1),
    },
    storing.a_function_that_is_fed_has_time: {
        "a queue that feeds a function and hides too shortly": setting(
            QUEUE, "ObjectsArrivals", "VisibilityTimeout", 60
        ),
    },
    storing.everything_is_encrypted_and_spoken_to_by_tls: {
        "a queue that speaks plainly": plain,
        "a bucket that speaks plainly": plain_bucket,
        "a queue in plain text": setting(QUEUE, "Technical", "SqsManagedSseEnabled", False),
    },
    storing.the_bucket_is_closed_and_answers_our_pages_alone: {
        "a wildcard origin (7)": setting(BUCKET, "", "CorsConfiguration.CorsRules.0.AllowedOrigins", ["*"]),
        "a wildcard header (7)": setting(BUCKET, "", "CorsConfiguration.CorsRules.0.AllowedHeaders", ["*"]),
        "an origin that nobody declared (7)": setting(
            BUCKET, "", "CorsConfiguration.CorsRules.0.AllowedOrigins", ["https://evil.example"]
        ),
        "a bucket that answers no preflight (7)": setting(BUCKET, "", "CorsConfiguration", None),
        "a bucket with one wall missing (7)": setting(
            BUCKET, "", "PublicAccessBlockConfiguration.RestrictPublicBuckets", False
        ),
        "a page that may not PUT (7)": setting(BUCKET, "", "CorsConfiguration.CorsRules.0.AllowedMethods", ["GET"]),
    },
    storing.uploads_are_told_and_originals_kept: {
        "uploads of which nobody is told": setting(BUCKET, "", "NotificationConfiguration", None),
        "a queue that S3 may not send to": without("SQS::QueuePolicy", "ObjectsArrivalsPolicy"),
        "objects that expire": setting(BUCKET, "", "LifecycleConfiguration.Rules.1.ExpirationInDays", 30),
    },
    running.machine_image_and_model_belong_together: {
        "an image that nobody published (6a)": setting(TEMPLATE, "Vision", f"{DATA}.ImageId", "ami-11111111111111111"),
        "a template whose tags name another model (6a)": setting(
            TEMPLATE, "Vision", "TagSpecifications.0.Tags", [{"Key": "parjanya:manifest", "Value": "1" * 64}]
        ),
        "an instance without tags (6a)": setting(TEMPLATE, "Vision", f"{DATA}.TagSpecifications", []),
        "an instance that is not told what it must be (6a)": setting(
            TEMPLATE, "Images", f"{DATA}.UserData", {"Fn::Base64": "#!/bin/bash\n"}
        ),
    },
    running.the_newest_template_is_used: {
        "a group pinned to an old template (6a)": setting(GROUP, "Vision", "LaunchTemplate.Version", "1"),
    },
    running.machines_are_hardened: {
        "metadata without a token": setting(TEMPLATE, "", f"{DATA}.MetadataOptions.HttpTokens", "optional"),
        "a volume in plain text": setting(TEMPLATE, "", f"{DATA}.BlockDeviceMappings.0.Ebs.Encrypted", False),
        "a machine without a role": setting(TEMPLATE, "", f"{DATA}.IamInstanceProfile", None),
        "an open port": setting(
            "EC2::SecurityGroup",
            "",
            "SecurityGroupIngress",
            [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}],
        ),
    },
    running.nothing_costs_while_nobody_works: {
        "a NAT gateway": added("execution", "EC2::NatGateway"),
        "an endpoint that is paid by the hour": added(
            "execution", "EC2::VPCEndpoint", VpcEndpointType="Interface", ServiceName="com.amazonaws.eu-central-1.sqs"
        ),
        "no way to the tables but the internet": without("EC2::VPCEndpoint", "NetworkTables"),
        "a fleet that never sleeps": setting(GROUP, "", "MinSize", "1"),
        "a deployment that sets the fleet's size": setting(GROUP, "", "DesiredCapacity", "0"),
    },
    running.busy_machines_are_let_finish: {
        "a dead instance that stays (6a)": hook("LAUNCHING", DefaultResult="CONTINUE"),
        "a worker that is cut off": hook("TERMINATING", HeartbeatTimeout=30),
        "an instance that is taken before its worker can protect it": setting(
            GROUP, "", "NewInstancesProtectedFromScaleIn", False
        ),
        "a group that does not tell its size": setting(GROUP, "", "MetricsCollection", None),
    },
    running.the_warm_pool_is_stopped: {
        "a warm pool that runs": setting("AutoScaling::WarmPool", "", "PoolState", "Running"),
        "no warm pool": without("AutoScaling::WarmPool"),
    },
    running.templates_with_something_made_up_refuse: {
        "something made up that may be deployed": door_open,
    },
}
