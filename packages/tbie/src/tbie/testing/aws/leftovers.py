"""Removes what tests made on an account: after each test, at the end, and by hand after an interruption.

``TBIE_AWS_REGION=… TBIE_AWS_PREFIX=… python -m tbie.testing.aws.leftovers`` lists what tests have left there;
``--remove`` removes it. Only names that tests give are looked at (``PREFIX-test`` and eight hexadecimal digits): a system that is
deployed under the same prefix has others.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tbie.backends.aws.client import MISSING, ClientError, Clients, code_of
from tbie.backends.aws.place import TABLES, Place
from tbie.testing.aws.account import LIVE_PREFIX, LIVE_REGION, rest

_ROUNDS = 24
_BUSY = {"ResourceInUseException", "LimitExceededException", "BucketNotEmpty", "OperationAborted"}


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Things that can be removed."""

    tables: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    """Their addresses."""
    buckets: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.tables or self.queues or self.buckets)

    def __str__(self) -> str:
        return "\n".join([*self.tables, *self.queues, *self.buckets])


def of_tests(prefix: str) -> re.Pattern[str]:
    """The names that tests give under *prefix*, whichever run it was."""
    return re.compile(rf"{re.escape(prefix)}-test[0-9a-f]{{8}}-[0-9]+-[A-Za-z0-9_-]+")


def find(clients: Clients, names: re.Pattern[str], begin: str) -> Leftovers:
    """What is there whose name begins with *begin* and matches *names*."""
    tables = (name for page in clients.dynamodb.get_paginator("list_tables").paginate() for name in page["TableNames"])
    queues = (
        url
        for page in clients.sqs.get_paginator("list_queues").paginate(
            QueueNamePrefix=begin, PaginationConfig={"PageSize": 1_000}
        )
        for url in page.get("QueueUrls", ())
    )
    buckets = (each["Name"] for each in clients.s3.list_buckets().get("Buckets", ()))
    return Leftovers(
        tuple(name for name in tables if names.fullmatch(name)),
        tuple(url for url in queues if names.fullmatch(url.rpartition("/")[2])),
        tuple(name for name in buckets if names.fullmatch(name)),
    )


def remove(clients: Clients, found: Leftovers) -> Leftovers:
    """Remove *found*; what AWS cannot remove yet is returned."""

    def drop_queue(url: str) -> None:
        clients.sqs.delete_queue(QueueUrl=url)

    return Leftovers(
        tuple(name for name in found.tables if not _gone(partial(_drop_table, clients), name)),
        tuple(url for url in found.queues if not _gone(drop_queue, url)),
        tuple(name for name in found.buckets if not _gone(partial(_drop_bucket, clients), name)),
    )


def _gone(drop: Callable[[str], None], name: str) -> bool:
    try:
        drop(name)
    except ClientError as refused:
        if code_of(refused) in _BUSY:
            return False
        if code_of(refused) not in MISSING:
            raise
    return True


def _drop_table(clients: Clients, name: str) -> None:
    try:
        clients.dynamodb.delete_table(TableName=name)
    except ClientError as refused:
        if code_of(refused) != "ResourceInUseException":
            raise
        if clients.dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] != "DELETING":
            raise


def _drop_bucket(clients: Clients, name: str) -> None:
    for page in clients.s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        keys = [{"Key": each["Key"]} for each in page.get("Contents", ())]
        if keys:
            clients.s3.delete_objects(Bucket=name, Delete={"Objects": keys, "Quiet": True})
    clients.s3.delete_bucket(Bucket=name)


def drop_place(clients: Clients) -> None:
    """Remove what may have been made in one place. What cannot be removed yet is left for the end."""
    place = clients.place
    begin = f"{place.prefix}-"
    queues = clients.sqs.list_queues(QueueNamePrefix=begin).get("QueueUrls", ())
    remove(clients, Leftovers(tuple(map(place.table, TABLES)), tuple(queues), (place.bucket,)))


def remove_all(clients: Clients, names: re.Pattern[str], begin: str, pause: Callable[[], None]) -> Leftovers:
    """Remove everything that ``find`` finds, and return it; *pause* is called before what could not be removed is tried again.

    Raises:
        RuntimeError: something is still there after two dozen times; it is named.
    """
    found = left = find(clients, names, begin)
    for attempt in range(_ROUNDS):
        if attempt:
            pause()
        left = remove(clients, left)
        if not left:
            return found
    raise RuntimeError(f"left on the account, remove it (docs/aws-testing.md):\n{left}")


def main(arguments: Sequence[str]) -> str:
    """What was found, as text; *arguments* are those of the command."""
    region, prefix = os.environ.get(LIVE_REGION, ""), os.environ.get(LIVE_PREFIX, "")
    if not region or not prefix or set(arguments) - {"--remove"}:
        raise SystemExit(f"{LIVE_REGION} and {LIVE_PREFIX} are needed, and at most --remove: docs/aws-testing.md")
    clients = Clients(Place(region, prefix, f"{prefix}-objects"))
    names, begin = of_tests(prefix), f"{prefix}-test"
    try:
        if not arguments:
            return str(find(clients, names, begin)) or f"no test has left anything under {prefix} in {region}"
        return f"{remove_all(clients, names, begin, lambda: rest(5.0)) or 'nothing'}\nremoved"
    finally:
        clients.close()


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]) + "\n")
