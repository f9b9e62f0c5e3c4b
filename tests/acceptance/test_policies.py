"""Policies from the command line: activated while an engine runs, for one tenant, taken back; what will change, exactly."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from product import NOT_WELL, USAGE, Product, picture, pictures

STRICT = """\
policy: strict
version: "{tag}"
language: 1
constants:
  small: {small}
groups:
  - name: size
    combine: worst
    rules:
      - id: too_small
        when: long_side_px < small
        verdict: reject
        text: "only {{long_side_px}} pixels"
default: {{verdict: keep, reason: large_enough, text: it is large enough}}
"""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Six pictures of 600 pixels and two of 300, judged: nothing in them is sharp, so the built-in policy rejects them."""
    product = Product(tmp_path_factory.mktemp("judged"))
    pictures(product.shoot, 6)
    for seed in (8, 9):
        picture(product.shoot / f"small{seed}.png", seed, (300, 200))
    product.curate()
    yield product
    product.end()


@pytest.fixture
def shoot(product: Product, judged: Product) -> Product:
    """A copy of the judged home, for one test. The pictures are those of all tests: none is changed here."""
    shutil.copytree(judged.home, product.home)
    product.shoot = judged.shoot
    return product


def strict(product: Product, small: int = 400, tag: str = "1") -> str:
    path = product.root / f"strict-{small}-{tag}.yaml"
    path.write_text(STRICT.format(small=small, tag=tag))
    return str(path)


def verdicts(product: Product, tenant: str = "default") -> dict[str, Any]:
    return {
        Path(image["path"]).name: (image["verdict"], [r["code"] for r in image["reasons"]], image["policy_version"])
        for image in product.look("images", "--json").json
        if image["tenant"] == tenant
    }


def counts(flips: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Flips without what stays as it is."""
    return {
        old: changed
        for old, row in flips.items()
        if (changed := {new: count for new, count in row.items() if new != old})
    }


def test_a_dry_run_tells_exactly_what_an_activation_and_a_regrade_then_do(shoot: Product) -> None:
    before = verdicts(shoot)
    dry = shoot.look("regrade", "--policy", strict(shoot), "--dry-run", "--json").json
    assert verdicts(shoot) == before
    assert shoot.look("policy", "list", "--json").json["active"]["policy"] == "culling"
    trial = dry["trial"]
    assert (trial["images"], trial["exact"], trial["unjudged"], trial["overridden"]["images"]) == (8, True, 0, 0)
    assert (trial["changed"], trial["by_rule"]) == (6, {"severe_blur": {"reject": {"keep": 6}}})
    assert len(trial["examples"]) == 5
    assert all(Path(example["path"]).name.startswith("img") for example in trial["examples"])
    assert {rule["rule"] for rule in dry["policy"]["rules"] if rule["what"] == "added"} == {"too_small"}
    assert "no model is called" in dry["policy"]["cost"][0]

    done = shoot.look("policy", "activate", strict(shoot), "--regrade", "--reason", "larger only", "--json").json
    assert (done["changed"], done["policy"], done["regrade"]["state"]) == (True, "strict", "done")
    shoot.curate()
    after = verdicts(shoot)
    assert [after[f"img00{n}.jpg"][:2] for n in range(6)] == [("keep", ["large_enough"])] * 6
    assert {name: after[name][0] for name in ("small8.png", "small9.png")} == {
        "small8.png": "reject",
        "small9.png": "reject",
    }
    assert {version for _, _, version in after.values()} == {done["version"]}
    report = shoot.look("campaign", "show", "c1", "--json").json["report"]
    assert counts(report["flips"]) == counts(trial["flips"])
    assert report["by_rule"] == trial["by_rule"]
    assert [side["policy"] for side in (*report["policies"]["before"], *report["policies"]["after"])] == [
        "culling",
        "strict",
    ]
    (change,) = report["policy_changes"]
    assert {rule["rule"] for rule in change["rules"] if rule["what"] == "added"} == {"too_small"}
    page = shoot.root / "report.html"
    shoot.look("campaign", "show", "c1", "--html", str(page))
    assert "long_side_px &lt; small" in page.read_text()
    again = shoot.look("regrade", "--dry-run", "--json").json
    assert again["matched"] == 0


def test_rolling_back_gives_every_image_the_verdict_that_it_had(shoot: Product) -> None:
    before = verdicts(shoot)
    shoot.look("policy", "activate", strict(shoot), "--regrade")
    shoot.curate()
    assert verdicts(shoot) != before
    back = shoot.look("policy", "rollback", "--regrade", "--json").json
    assert (back["changed"], back["policy"]) == (True, "culling")
    shoot.curate()
    assert verdicts(shoot) == before
    there = shoot.look("policy", "rollback", "strict", "--json").json  # and back again, by its name
    assert (there["policy"], there["judged_by_another"]) == ("strict", 8)


def test_the_policy_of_one_tenant_touches_no_other(shoot: Product) -> None:
    shoot.curate(shoot.shoot, "--tenant", "asha")
    before = verdicts(shoot)
    shoot.look("policy", "activate", strict(shoot, 500), "--tenant", "asha", "--regrade")
    shoot.curate(shoot.shoot, "--tenant", "asha")
    shoot.curate()
    assert verdicts(shoot) == before
    assert {codes[0] for _, codes, _ in verdicts(shoot, "asha").values()} == {"too_small", "large_enough"}
    dry = shoot.look("regrade", "--policy", strict(shoot, 601), "--dry-run", "--json").json
    assert dry["trial"]["tenants"].keys() == {"default"}  # asha has a policy of her own
    assert shoot.look("policy", "show", "--json").json["policy"] == "culling"
    assert shoot.look("policy", "show", "--tenant", "asha", "--json").json["policy"] == "strict"


def test_curate_makes_a_policy_decide_for_its_tenant_and_says_so(shoot: Product) -> None:
    ran = shoot.run("curate", shoot.shoot, "--policy", strict(shoot), "--json")
    assert "strict 1" in ran.err
    assert "decides from now on for tenant default" in ran.err
    assert "8 images were judged by another policy" in ran.err
    shoot.look("regrade")
    again = shoot.run("curate", shoot.shoot, "--policy", strict(shoot), "--json")
    assert "from now on" not in again.err
    assert again.json["verdicts"] == {"keep": 6, "reject": 2}
    listed = shoot.look("policy", "list", "--json").json
    assert listed["active"]["policy"] == "culling"
    assert [(one["tenant"], one["policy"]) for one in listed["activations"]] == [("default", "strict")]


def test_a_policy_that_is_activated_while_an_engine_runs_decides_about_what_comes_next(product: Product) -> None:
    serving = product.start("serve", "--port", "0")
    serving.until(lambda: "serving" in serving.err)
    picture(product.shoot / "one.png", 1, (300, 200))
    product.look("ingest", str(product.shoot))
    serving.until(lambda: product.images() != {} and all(i["verdict"] for i in product.images().values()))
    assert product.look("policy", "activate", strict(product), "--json").json["judged_by_another"] == 1
    assert verdicts(product)["one.png"][1][0] == "severe_blur"  # an activation changes no verdict by itself
    picture(product.shoot / "two.png", 2, (300, 200))
    product.look("ingest", str(product.shoot))
    serving.until(lambda: (product.images().get("two.png") or {}).get("verdict") is not None)
    assert verdicts(product)["two.png"][:2] == ("reject", ["too_small"])
    product.look("regrade")
    serving.until(lambda: verdicts(product)["one.png"][:2] == ("reject", ["too_small"]))
    serving.signal(signal.SIGTERM)
    serving.finish()


def test_an_engine_that_is_killed_in_the_middle_of_a_regrade_leaves_nothing_half_judged(shoot: Product) -> None:
    shoot.look("policy", "activate", strict(shoot, 700))
    shoot.look("regrade", "--dry-run")
    serving = shoot.start("serve", "--port", "0")
    serving.until(lambda: "serving" in serving.err)
    shoot.look("regrade", "--rate", "4")
    strict_version = shoot.look("policy", "show", "--json").json["version"]
    serving.until(lambda: any(v == strict_version for _, _, v in verdicts(shoot).values()))
    serving.kill_everything()
    half = verdicts(shoot)
    assert {codes[0] for _, codes, version in half.values() if version == strict_version} == {"too_small"}
    shoot.curate(settings={"sweep_interval_s": 1.0, "heartbeat_interval_s": 0.5, "campaign_rate_per_s": 50.0})
    campaign = shoot.run("campaign", "resume", "c1", code=None)
    assert campaign.code in (0, USAGE)  # it may be done already
    shoot.curate()
    assert {(v, c[0], p) for v, c, p in verdicts(shoot).values()} == {("reject", "too_small", strict_version)}


def test_a_campaign_goes_on_by_the_policy_that_is_active_when_its_turn_comes(shoot: Product) -> None:
    shoot.look("policy", "activate", strict(shoot))
    slow = shoot.start("regrade", "--rate", "0.01")
    slow.until(lambda: bool(shoot.query("SELECT 1 FROM document WHERE kind = 'campaign'")))
    slow.kill_everything()
    newer = shoot.look("policy", "activate", strict(shoot, 700), "--json").json
    assert shoot.run("campaign", "resume", "c1", "--json").json["state"] == "done"
    shoot.curate()
    assert {version for _, _, version in verdicts(shoot).values()} == {newer["version"]}


def test_a_policy_that_is_lost_stops_its_images_loudly_and_no_other_decides(shoot: Product) -> None:
    import sqlite3
    from contextlib import closing

    shoot.look("policy", "activate", strict(shoot))
    with closing(sqlite3.connect(shoot.home / "truth.db", isolation_level=None)) as truth:
        truth.execute("DELETE FROM document WHERE kind = 'policy'")
    later = picture(shoot.root / "later" / "later.png", 77)
    serving = shoot.start("serve", "--port", "0")
    serving.until(lambda: "serving" in serving.err)
    shoot.look("ingest", str(later.parent))
    serving.until(
        lambda: bool(shoot.query("SELECT 1 FROM stage WHERE stage = 'curate' AND reason = 'policy_unavailable'"))
    )
    (row,) = shoot.query("SELECT state, attempts, evidence FROM stage WHERE stage = 'curate' AND reason IS NOT NULL")
    assert row[0] == "pending"
    assert "Truth does not hold it" in row[2]
    assert "Truth does not hold it" in shoot.look("policy", "show", code=1).err
    shoot.look("policy", "activate", strict(shoot, 500))  # one that there is
    serving.until(lambda: (shoot.images()["later.png"]).get("verdict") is not None)
    serving.signal(signal.SIGTERM)
    serving.finish()


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (STRICT.format(small="x", tag="1"), "it wants a number"),
        ("[" * 60_000, "nested more than 12 deep"),
        ("a: &x [*x]", "an anchor"),
        ("", "the document is empty"),
        ("policy: p\n" + "#" * 70_000, "at most 65536 are read"),
    ],
)
def test_a_document_that_is_no_policy_is_refused_and_nothing_is_activated(
    shoot: Product, document: str, says: str
) -> None:
    path = shoot.root / "bad.yaml"
    path.write_text(document)
    checked = shoot.look("policy", "check", str(path), "--json", code=NOT_WELL).json
    assert checked["ok"] is False
    assert any(says in problem["what"] for problem in checked["problems"])
    rows = "SELECT kind, name FROM document WHERE kind IN ('policy', 'activation')"
    for arguments in (("policy", "activate", str(path)), ("regrade", "--policy", str(path), "--dry-run")):
        assert says in shoot.look(*arguments, code=USAGE).err
    assert shoot.query(rows) == []


def test_two_policies_are_compared_rule_by_rule(shoot: Product) -> None:
    told = shoot.look("policy", "diff", strict(shoot, 400), strict(shoot, 500, "2"), "--json").json
    assert (told["same"], told["constants"]) == (False, {"small": [400.0, 500.0]})
    (rule,) = told["rules"]
    assert (rule["rule"], rule["what"], rule["constants"]) == ("too_small", "changed", ["small"])
    same = shoot.look("policy", "diff", strict(shoot, 400), strict(shoot, 400, "renamed")).out
    assert "they say the same" in same


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("policy", "activate", "astrology"), "there is no policy 'astrology'"),
        (("policy", "rollback"), "there is nothing to go back to"),
        (("regrade", "--policy", "culling"), "--policy is for --dry-run"),
        (("policy", "activate", "culling", "--tenant", ""), "a tenant is"),
        (("policy", "show", "cullin"), "did you mean 'culling'?"),
    ],
)
def test_what_is_asked_for_wrongly_is_said(product: Product, arguments: tuple[str, ...], says: str) -> None:
    product.look("ingest", str(picture(product.shoot / "one.jpg")))
    assert says in product.look(*arguments, code=USAGE).err


def test_the_policy_of_the_program_is_named_in_the_json_of_what_is_active(product: Product) -> None:
    product.look("ingest", str(picture(product.shoot / "one.jpg")))
    listed = product.look("policy", "list", "--json").json
    assert json.dumps(listed)
    assert [one["policy"] for one in listed["built_in"]] == ["culling", "photographic-content"]
    assert listed["active"] == listed["built_in"][0]


def test_built_in_policies_and_files_are_shown_and_compared_before_there_is_a_home(product: Product) -> None:
    shown = product.look("policy", "show", "culling").out
    mine = product.root / "mine.yaml"
    mine.write_text(shown.replace("severe_blur_below: 0.18", "severe_blur_below: 0.2"))
    told = product.look("policy", "diff", str(mine), "--json").json
    assert told["constants"] == {"severe_blur_below": [0.18, 0.2]}
    assert not (product.home / "truth.db").exists()
