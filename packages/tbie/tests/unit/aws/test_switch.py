"""The switch that runs the suites on an account: tried against the local server as if that were one.

What runs is a child with the environment of somebody who has an account, except that boto3 is told the address of the local
server, and a key that no account knows. Time is real, and nobody moves it.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tbie.backends.aws.client import Clients
from tbie.testing.aws import leftovers, role
from tbie.testing.aws.leftovers import find, of_tests, remove_all
from tbie.testing.aws.policies import ACCOUNT, locally
from tbie.testing.aws.server import ROOT_KEY, LocalServer
from tbie.testing.on_demand import on_demand

ROOT = Path(__file__).parents[5]
TESTS = "packages/tbie/tests"
NUMBERS = itertools.count(1)
GOOD = {"TBIE_AWS_LIVE": "1", "TBIE_AWS_REGION": "eu-central-1", "TBIE_AWS_PREFIX": "try1x"}
SUITES = {
    "truth": f"{TESTS}/conformance/test_truth_on_aws.py",
    "intent": f"{TESTS}/conformance/test_intent_on_aws.py",
    "belief": f"{TESTS}/conformance/test_belief_on_aws.py",
    "ledger": f"{TESTS}/conformance/test_ledger_on_aws.py",
    "objects": f"{TESTS}/aws_objects",
    "time": f"{TESTS}/conformance/test_time_on_an_account.py",
}
FEW = (
    f"{SUITES['truth']}::TestDynamoTruth::test_a_mark_lies_between_what_was_and_what_follows",
    f"{SUITES['intent']}::TestSqsIntent::test_a_new_token_supersedes_the_message_even_in_flight",
    f"{SUITES['intent']}::TestSqsIntent::test_a_claimed_message_is_hidden_until_its_lease_ends",
    f"{SUITES['belief']}::TestAwsBelief::test_every_queue_and_every_pool_is_read",
    f"{SUITES['ledger']}::TestDynamoLedger::test_a_decision_is_read_as_it_was_noted",
    f"{SUITES['objects']}/test_s3_objects.py::TestS3Objects::test_putting_the_same_bytes_again_gives_the_same_address",
)
WHY_SKIPPED = re.compile(
    r"moves the server's clock \(here by [0-9.e+]+ s\), and nobody owns that of an account"
    r"|needs a server whose clock and users are the test's: not an account"
)


def account_at(server: LocalServer, key: Mapping[str, str] = ROOT_KEY) -> dict[str, str]:
    """The environment of somebody who has an account, and *key* there."""
    return {
        **GOOD,
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": key["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": key["aws_secret_access_key"],
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "TBIE_AWS_PATIENCE": "0",
    }


@pytest.fixture
def tester(aws_server: LocalServer) -> dict[str, str]:
    """The key of a user who may do what the role of testers may, and nothing else."""
    clients = aws_server.clients("granting")
    iam = clients.of("iam")
    allowed = locally(role.policy("eu-central-1", "try1x", ACCOUNT))
    name = f"tester{next(NUMBERS)}"
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(allowed))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    clients.close()
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


class Ran(NamedTuple):
    """What a child said."""

    outcomes: Counter[str]
    skipped: set[str]
    output: str

    @property
    def calls(self) -> str:
        """How many calls were made, by service, as the child says at its end."""
        found = re.search(r"calls to AWS in eu-central-1, names try1x-test[0-9a-f]{8}-…: (.+)", self.output)
        assert found is not None, self.output
        return found[1]


def run_on_an_account(server: LocalServer, key: Mapping[str, str], folder: Path, *tests: str) -> Ran:
    """Run *tests* in a child that takes *server* for an account."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PYTEST_", "COVERAGE"))}
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *tests]
    child = subprocess.run(
        command, cwd=ROOT, env={**ours, **account_at(server, key)}, capture_output=True, text=True, check=False
    )
    outcomes, skipped = Counter[str](), set[str]()
    for case in ET.parse(report).iter("testcase"):
        ends = [(end.tag, end.get("type", ""), end.get("message", "")) for end in case if end.tag != "properties"]
        tag, kind, message = next(
            (end for end in ends if end[0] in {"failure", "error", "skipped"}), ("passed", "", "")
        )
        outcomes["xfailed" if kind == "pytest.xfail" else tag] += 1
        if tag == "skipped" and kind != "pytest.xfail":
            skipped.add(message)
    return Ran(outcomes, skipped, child.stdout + child.stderr)


def check_nothing_is_left(server: LocalServer) -> None:
    clients = server.clients("looking")
    assert not find(clients, of_tests("try1x"), "try1x-test")
    clients.close()


class TestOneOfEach:
    """With every change: a test of each suite, one of which moves the clock."""

    def test_a_suite_runs_on_what_boto3_takes_for_an_account_and_leaves_nothing(
        self, aws_server: LocalServer, tester: dict[str, str], tmp_path: Path
    ) -> None:
        ran = run_on_an_account(aws_server, tester, tmp_path, *FEW)
        assert ran.outcomes == {"passed": 5, "skipped": 1}, ran.output
        assert all(WHY_SKIPPED.fullmatch(why) for why in ran.skipped), ran.skipped
        assert set(re.findall(r"[a-z0-9]+(?= [0-9,]+)", ran.calls)) >= {"dynamodb", "sqs", "s3"}
        check_nothing_is_left(aws_server)


@on_demand("a minute of two cores")
@pytest.mark.timeout(600)
class TestEverything:
    """Before a release: all of them."""

    @pytest.mark.parametrize("suite", SUITES)
    def test_every_suite_passes_but_for_what_needs_the_server_s_clock_or_users(
        self, aws_server: LocalServer, tester: dict[str, str], tmp_path: Path, suite: str
    ) -> None:
        ran = run_on_an_account(aws_server, tester, tmp_path, SUITES[suite])
        logging.getLogger(__name__).info("%s: %s; calls: %s", suite, dict(ran.outcomes), ran.calls)
        assert ran.outcomes["passed"] > 0, ran.output
        assert set(ran.outcomes) <= {"passed", "skipped", "xfailed"}, ran.output
        assert all(WHY_SKIPPED.fullmatch(why) for why in ran.skipped), ran.skipped
        check_nothing_is_left(aws_server)


def test_what_tests_left_is_removed_by_name_and_a_system_under_the_same_prefix_stays(
    aws_server: LocalServer, aws: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, other = "try2x-test0123abcd-", "try2x-test9999abcd-"
    tables, queues, buckets = aws.dynamodb, aws.sqs, aws.s3
    named = {"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST"}
    for begin in (f"{run}1", f"{other}1", "try2x"):
        tables.create_table(TableName=f"{begin}-items", KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}], **named)
        queues.create_queue(QueueName=f"{begin}-a")
        where = {"LocationConstraint": "eu-central-1"}
        buckets.create_bucket(Bucket=f"{begin}-objects", CreateBucketConfiguration=where)
        buckets.put_object(Bucket=f"{begin}-objects", Key="objects/x", Body=b"x")
    everyones = of_tests("try2x")
    before = find(aws, everyones, "try2x-test")
    assert [len(before.tables), len(before.queues), len(before.buckets)] == [2, 2, 2]
    remove_all(aws, re.compile(f"{run}.+"), run, lambda: None)
    left = find(aws, everyones, "try2x-test")
    assert (left.tables, left.buckets) == ((f"{other}1-items",), (f"{other}1-objects",))
    assert [url.rpartition("/")[2] for url in left.queues] == [f"{other}1-a"]
    for name, value in {**account_at(aws_server), "TBIE_AWS_PREFIX": "try2x"}.items():
        if name != "TBIE_AWS_LIVE":
            monkeypatch.setenv(name, value)
    assert leftovers.main([]) == str(left)
    assert leftovers.main(["--remove"]) == f"{left}\nremoved"
    assert leftovers.main([]).startswith("no test has left anything")
    assert find(aws, re.compile("try2x-[a-z]+"), "try2x").tables == ("try2x-items",)
