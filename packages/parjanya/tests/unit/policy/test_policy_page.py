"""docs/policy.md says what the language does: its example loads, decides as it says, and its tables are those of the program."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from parjanya.policy import BUILT_IN, SIGNALS, PolicyError, Value, builtin, decide, load
from parjanya.policy.tree import plain

DOCS = Path(__file__).parents[5] / "docs"
PAGE = (DOCS / "policy.md").read_text()
(EXAMPLE,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_whole_policy_of_the_page_loads_and_decides() -> None:
    policy = load(EXAMPLE, "docs/policy.md")
    assert policy.warnings == ()
    image: dict[str, Value] = {
        "camera_known": False,
        "medium": "slide",
        "medium_confidence": 0.9,
        "subject_sharpness": 0.5,
    }
    decision = decide(policy, image)
    assert decision.verdict == "reject"
    assert [reason.text for reason in decision.reasons] == ["this is a slide (confidence 0.90)"]
    unknown = decide(policy, {**image, "medium": None})
    assert (unknown.verdict, [r.code for r in unknown.reasons]) == ("review", ["unknown_medium"])
    kept = decide(policy, {**image, "camera_known": True, "medium": "photo"})
    assert (kept.verdict, [r.code for r in kept.reasons]) == ("keep", ["camera_says_photograph"])


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_rule_and_constant_of_a_built_in_policy_stands_there(name: str) -> None:
    part = PAGE.split(f"\n## `{name}`")[1].split("\n## ")[0]
    for rule in builtin(name).rules:
        assert f"| `{rule.code}` | {rule.verdict} | `{rule.condition}` |" in part
    for constant, value in builtin(name).constants.items():
        assert f"`{constant}` = `{plain(value)}`" in part


def test_every_signal_that_is_not_of_a_model_stands_there() -> None:
    for signal in SIGNALS.values():
        assert signal.name.startswith("model.") or f"| `{signal.name}` |" in PAGE


def test_the_messages_of_the_page_are_those_of_the_program() -> None:
    document = EXAMPLE.replace("when: subject_sharpness < soft", "when: subject_sharpnes < soft")
    with pytest.raises(
        PolicyError, match=r"no signal or constant 'subject_sharpnes'; did you mean 'subject_sharpness'\?"
    ):
        load(document, "x")
    (said,) = re.findall(r"rule 'too_soft': (.*)", PAGE)
    assert said == "no signal or constant 'subject_sharpnes'; did you mean 'subject_sharpness'?"


def test_the_story_of_a_policy_change_and_its_report_agree() -> None:
    story = (DOCS / "policy-change.md").read_text()
    report = json.loads((DOCS / "policy-change.json").read_text())["report"]
    changed = {(old, new): n for old, row in report["flips"].items() for new, n in row.items() if old != new}
    dry, done = story.split("## What would change")[1].split("## The change")
    assert f"{sum(changed.values())} of {report['reset']} verdicts would change" in dry
    for part in (dry, done.split("## And back")[0]):
        for code, flips in report["by_rule"].items():
            for old, row in flips.items():
                for new, count in row.items():
                    assert f"by {code}: {old} → {new}: {count}" in part
    for side in ("before", "after"):
        (one,) = report["policies"][side]
        assert f"  {side}: {one['images']} by {one['policy']} {one['tag']} ({one['version']})" in done
