"""Every check holds, the linters find nothing that was not accepted with a reason, and what changed is read by a person."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from parjanya_cdk.accepted import FIXED, LINT, accepted
from parjanya_cdk.checks.base import Check, Subject
from parjanya_cdk.checks.every import CHECKS
from parjanya_cdk.summary import summary

SUMMARY = Path(__file__).resolve().parents[1] / "summary.txt"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_what_an_incident_taught_holds(check: Check, stacks: Subject) -> None:
    assert list(check(stacks)) == [], check.__doc__


def test_the_summary_that_reviewers_read_is_what_is_synthesised(stacks: Subject) -> None:
    now = summary(stacks.templates)
    remedy = "python infra/cdk/app.py --look FOLDER --summary infra/cdk/summary.txt, and read what changed"
    assert now == SUMMARY.read_text(), remedy


def test_cfn_lint_finds_nothing(stacks: Subject, folder: Path) -> None:
    ignored = [part for rule in LINT for part in ("--ignore-checks", rule)]
    files = sorted(str(path) for path in folder.glob("*.template.json"))
    assert len(files) == len(stacks.templates)
    done = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), *ignored, "--", *files],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_an_acceptance_gives_a_reason_and_speaks_of_one_resource(stacks: Subject) -> None:
    every = list(accepted(stacks.declared, stacks.options))
    assert set(FIXED) <= set(every)
    assert [entry for entry in every if len(entry.reason) < 30 or "*" in entry.path] == []
    assert len({(entry.path, entry.rule) for entry in every}) == len(every)


def test_names_of_resources_come_from_the_place(stacks: Subject) -> None:
    place = stacks.options.place
    tables = {one["TableName"] for one in stacks.of("DynamoDB::Table").values()}
    assert tables == {place.table(table.name) for table in stacks.declared.tables}
    groups = {one["AutoScalingGroupName"] for one in stacks.of("AutoScaling::AutoScalingGroup").values()}
    assert groups == {place.group(pool) for pool in stacks.declared.pools}


def test_no_resource_runs_code_that_is_not_ours(stacks: Subject) -> None:
    kinds = {one["Type"] for template in stacks.templates.values() for one in template["Resources"].values()}
    assert [kind for kind in kinds if kind.startswith("Custom::") or "CustomResource" in kind] == []
    assert len(stacks.of("Lambda::Function")) == 3


def test_the_dashboard_is_read_in_the_order_of_the_diagnosis(stacks: Subject) -> None:
    import json

    (board,) = stacks.of("CloudWatch::Dashboard").values()
    widgets = json.loads(board["DashboardBody"])["widgets"]
    headings = [one["properties"]["markdown"] for one in widgets if one["type"] == "text"]
    assert [heading.split()[1].rstrip(":") for heading in headings] == [
        "Truth",
        "Belief",
        "Intent",
        "Execution",
        "Control",
    ]
    assert [one["y"] for one in widgets] == sorted(one["y"] for one in widgets)
    assert all(one["properties"]["metrics"] for one in widgets if one["type"] == "metric")
