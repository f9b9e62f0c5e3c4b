"""The bucket of uploads and derived objects: who may reach it, from which pages, and over what, in one construct (incident 7).

CORS, public access and transport are one decision. A bucket that is closed but answers no preflight, or one that answers every
page, is not something that this construct can make.
"""

from __future__ import annotations

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from parjanya_cdk.declaration import Bucket
from parjanya_cdk.options import check_origins
from parjanya_cdk.parts import document, only_tls, queue, queue_arn, sent_by
from tbie.backends.aws.place import Place

ARRIVAL_VISIBILITY_S = 6 * 60
"""Six times the time that the function has which is fed by this queue, as Lambda asks for."""
ARRIVAL_RECEIVES = 5


class Objects(Construct):
    """The bucket, and the queue that tells of what arrived in it."""

    def __init__(self, scope: Construct, name: str, declared: Bucket, place: Place, origins: tuple[str, ...]) -> None:
        """Raises OptionsError for origins that would open it to any page."""
        super().__init__(scope, name)
        check_origins(origins)
        arn = f"arn:{Aws.PARTITION}:s3:::{place.bucket}"
        arrivals = queue_arn(place, place.queue("arrivals"))
        dead = queue(self, place, "arrivals-dead")
        told = queue(
            self,
            place,
            "arrivals",
            visibility_s=ARRIVAL_VISIBILITY_S,
            retention_s=10 * 86_400,
            dead=place.queue("arrivals-dead"),
            max_receives=ARRIVAL_RECEIVES,
            allow=[sent_by("s3", arrivals, "sqs:SendMessage", arn)],
        )
        told.add_resource_dependency(dead)
        self.bucket = s3.CfnBucket(
            self,
            "Bucket",
            bucket_name=place.bucket,
            public_access_block_configuration=s3.CfnBucket.PublicAccessBlockConfigurationProperty(
                block_public_acls=True, block_public_policy=True, ignore_public_acls=True, restrict_public_buckets=True
            ),
            ownership_controls=s3.CfnBucket.OwnershipControlsProperty(
                rules=[s3.CfnBucket.OwnershipControlsRuleProperty(object_ownership="BucketOwnerEnforced")]
            ),
            bucket_encryption=s3.CfnBucket.BucketEncryptionProperty(
                server_side_encryption_configuration=[
                    s3.CfnBucket.ServerSideEncryptionRuleProperty(
                        server_side_encryption_by_default=s3.CfnBucket.ServerSideEncryptionByDefaultProperty(
                            sse_algorithm="AES256"
                        )
                    )
                ]
            ),
            versioning_configuration=s3.CfnBucket.VersioningConfigurationProperty(status="Enabled"),
            cors_configuration=s3.CfnBucket.CorsConfigurationProperty(
                cors_rules=[
                    s3.CfnBucket.CorsRuleProperty(
                        allowed_methods=declared.methods,
                        allowed_origins=list(origins),
                        allowed_headers=declared.headers,
                        exposed_headers=declared.exposed,
                        max_age=declared.preflight_s,
                    )
                ]
            ),
            lifecycle_configuration=s3.CfnBucket.LifecycleConfigurationProperty(rules=_rules(declared)),
            notification_configuration=s3.CfnBucket.NotificationConfigurationProperty(
                queue_configurations=[_arrival(arrivals, f"{declared.uploads}/")]
            ),
        )
        self.bucket.apply_removal_policy(RemovalPolicy.RETAIN)  # originals are Truth: nobody can make them again
        # S3 asks the queue whether it may send, when the bucket is made
        self.bucket.node.add_dependency(self.node.find_child("ArrivalsPolicy"))
        # by its name, as cdk-nag looks for it
        policy = s3.CfnBucketPolicy(
            self, "BucketPolicy", bucket=place.bucket, policy_document=document([only_tls("s3", arn, f"{arn}/*")])
        )
        policy.add_resource_dependency(self.bucket)
        policy.apply_removal_policy(RemovalPolicy.RETAIN)


def _arrival(queue_of_arrivals: str, uploads: str) -> s3.CfnBucket.QueueConfigurationProperty:
    prefix = s3.CfnBucket.FilterRuleProperty(name="prefix", value=uploads)
    return s3.CfnBucket.QueueConfigurationProperty(
        event="s3:ObjectCreated:*",
        queue=queue_of_arrivals,
        filter=s3.CfnBucket.NotificationFilterProperty(s3_key=s3.CfnBucket.S3KeyFilterProperty(rules=[prefix])),
    )


def _rules(declared: Bucket) -> list[s3.CfnBucket.RuleProperty]:
    """What may go: uploads that stopped halfway, and what was replaced or deleted a month ago."""
    return [
        s3.CfnBucket.RuleProperty(
            id="unfinished-uploads",
            status="Enabled",
            abort_incomplete_multipart_upload=s3.CfnBucket.AbortIncompleteMultipartUploadProperty(
                days_after_initiation=declared.abandoned_days
            ),
        ),
        s3.CfnBucket.RuleProperty(
            id="deleted-a-month-ago",
            status="Enabled",
            noncurrent_version_expiration=s3.CfnBucket.NoncurrentVersionExpirationProperty(noncurrent_days=30),
        ),
    ]
