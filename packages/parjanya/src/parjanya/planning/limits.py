"""What each primitive allows, who says so, and what takes its place when that is not enough.

"documented": an excerpt of the vendor's documentation was read. Nothing here was measured on AWS.
"""

from __future__ import annotations

from typing import NamedTuple


class Limit(NamedTuple):
    """One limit of a service."""

    value: float
    unit: str
    source: str
    then: str
    """What replaces or raises it."""


PARTITION_WRITES = Limit(
    1_000, "write units/s of one partition", "documented: DynamoDB, partition key design",
    "more shards in the key (fixed when a system is made: export, import with more), or several tenants",
)  # fmt: skip
PARTITION_READS = Limit(
    3_000, "read units/s of one partition", "documented: DynamoDB, partition key design", "as for writes"
)
PARTITION_BYTES = Limit(
    10e9, "bytes of one partition", "documented by others, not found at the vendor's", "splits by itself"
)
TABLE_WRITES = Limit(
    40_000, "write units/s of one table", "documented: DynamoDB quotas, on demand, adjustable",
    "ask for a higher quota; then a place (set of tables) for each group of tenants",
)  # fmt: skip
WARM_WRITES = Limit(
    4_000, "write units/s that a new table takes at once", "documented: DynamoDB warm throughput; doubles within 30 minutes",
    "pre-warm the tables before a planned burst, or let the queue hold it: nothing is lost, it takes longer",
)  # fmt: skip
LAMBDA_CONCURRENCY = Limit(
    1_000, "functions at a time in a region", "documented: Lambda quotas, default, adjustable",
    "ask for a higher quota; or let the upload event go through a queue and give it to the fleet",
)  # fmt: skip
STREAM_FACTOR = Limit(
    10, "batches of one stream shard at a time", "documented: Lambda, parallelization factor",
    "a reader that is a process and not a function (the kernel's own), or Kinesis for DynamoDB",
)  # fmt: skip
IN_FLIGHT = Limit(
    120_000, "messages of one queue in flight", "documented: SQS quotas, approximately",
    "a smaller claim of group, or one queue for each group of tenants",
)  # fmt: skip
SQS_RETENTION = Limit(
    14 * 24, "hours that a message is kept", "documented: SQS quotas", "the sweep sends it again, at its price"
)
PREFIX_PUTS = Limit(
    3_500, "writes/s of one prefix", "documented: S3, per prefix, grows by itself after a while",
    "a shard in the upload key",
)  # fmt: skip
PREFIX_GETS = Limit(
    5_500, "reads/s of one prefix", "documented: S3, per prefix, grows by itself after a while", "as for writes"
)
