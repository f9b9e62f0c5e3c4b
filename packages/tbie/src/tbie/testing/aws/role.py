"""What the role of whoever runs the suites on an account must be allowed: these actions on names that tests give, and to list.

``TBIE_AWS_REGION=… TBIE_AWS_PREFIX=… python -m tbie.testing.aws.role`` prints it as a policy. It is tried: the suites run
under it on the local server.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from tbie.testing.aws.account import LIVE_PREFIX, LIVE_REGION

_TABLES = (
    *("CreateTable", "DeleteTable", "DescribeTable", "UpdateTimeToLive"),
    *("BatchGetItem", "BatchWriteItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "UpdateItem"),
    *("PartiQLDelete", "PartiQLUpdate", "Query", "Scan"),
    *("DescribeStream", "GetRecords", "GetShardIterator"),
)
_QUEUES = (
    *("CreateQueue", "DeleteQueue", "GetQueueAttributes", "GetQueueUrl", "PurgeQueue"),
    *("ChangeMessageVisibility", "DeleteMessage", "ReceiveMessage", "SendMessage"),
)
_BUCKETS = (
    *("CreateBucket", "DeleteBucket", "ListBucket", "PutBucketCORS", "PutLifecycleConfiguration"),
    *("GetBucketPublicAccessBlock", "PutBucketPublicAccessBlock", "PutBucketOwnershipControls"),
)
_OBJECTS = ("DeleteObject", "GetObject", "PutObject")
_LISTS = ("dynamodb:ListTables", "sqs:ListQueues", "s3:ListAllMyBuckets")
"""AWS offers these on everything alone. What tests left is found by them."""


def policy(region: str, prefix: str, account: str = "*", partition: str = "aws") -> dict[str, Any]:
    """The policy for tests under *prefix*: it reaches nothing that was deployed there."""
    names = f"{prefix}-test*"
    table = f"arn:{partition}:dynamodb:{region}:{account}:table/{names}"
    bucket = f"arn:{partition}:s3:::{names}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            _allow("dynamodb", _TABLES, table, f"{table}/stream/*"),
            _allow("sqs", _QUEUES, f"arn:{partition}:sqs:{region}:{account}:{names}"),
            _allow("s3", _BUCKETS, bucket),
            _allow("s3", _OBJECTS, f"{bucket}/*"),
            {"Effect": "Allow", "Action": list(_LISTS), "Resource": ["*"]},
        ],
    }


def _allow(service: str, actions: tuple[str, ...], *resources: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [f"{service}:{name}" for name in actions], "Resource": list(resources)}


def main() -> str:
    """The policy that the environment asks for, as text."""
    region, prefix = os.environ.get(LIVE_REGION, ""), os.environ.get(LIVE_PREFIX, "")
    if not region or not prefix:
        raise SystemExit(f"{LIVE_REGION} and {LIVE_PREFIX} are needed: docs/aws-testing.md")
    return json.dumps(policy(region, prefix), indent=2)


if __name__ == "__main__":
    sys.stdout.write(main() + "\n")
