"""A person decides about an image: shown everywhere, whatever a policy, a replay or a changed file says."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from product import USAGE, Product, picture, pictures

from parjanya.catalog.items import item_id
from parjanya.catalog.paths import path_to_key
from parjanya.views.overrides import REASON_MAX, REVISIONS_KEPT

pytestmark = pytest.mark.timeout(240)

OLDER = (str(Path(__file__).parent / "older_policy.py"),)


def dull(path: Path) -> Path:
    """A picture that the policy of today leaves to people, and that of the older release keeps."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (600, 400), (120, 110, 100)).save(path, "JPEG")
    return path


def of(product: Product, name: str) -> dict[str, Any]:
    return product.images()[name]


def override(product: Product, name: str, *arguments: str, code: int = 0) -> Any:
    ran = product.look("override", str(product.shoot / name), *arguments, "--json", code=code)
    return ran.json if code == 0 else ran.err


def test_what_a_person_decides_is_shown_wherever_a_verdict_is(product: Product) -> None:
    pictures(product.shoot, 3)
    product.curate()
    before = of(product, "img000.jpg")
    assert (before["verdict"], before["decided_by"], before["policy_verdict"]) == ("reject", "policy", "reject")
    assert (before["conflict"], before["override"]) == (False, None)

    told = override(product, "img000.jpg", "keep", "--reason", "soft is what Asha wants")
    override(product, "img001.jpg", "reject", "--reason", "so do I")
    assert (told["decision"]["verdict"], told["earlier"]) == ("keep", [])

    found = of(product, "img000.jpg")
    assert told["image"] == found
    assert (found["verdict"], found["decided_by"], found["policy_verdict"]) == ("keep", "human", "reject")
    assert (found["conflict"], found["rating"], found["label"]) == (True, 3, "Green")
    (reason,) = found["reasons"]
    assert reason["code"] == "human_decision"
    assert reason["text"].endswith(": keep. soft is what Asha wants")
    assert found["override"]["who"].startswith("operator:")
    assert found["override"]["sha256"] == found["sha256"]
    assert (found["override"]["policy_verdict"], found["override"]["file_changed"]) == ("reject", False)
    agreed, alone = of(product, "img001.jpg"), of(product, "img002.jpg")
    assert (agreed["verdict"], agreed["decided_by"], agreed["conflict"]) == ("reject", "human", False)
    assert (agreed["rating"], agreed["label"]) == (alone["rating"], alone["label"]) == (-1, "Red")
    codes = [reason["code"] for reason in agreed["reasons"]]
    assert codes == ["human_decision", *(reason["code"] for reason in alone["reasons"])]


def test_selections_tables_sidecars_sheet_status_and_story_follow_the_person(product: Product) -> None:
    pictures(product.shoot, 3)
    product.curate()
    override(product, "img000.jpg", "keep", "--reason", "soft is what Asha wants")
    override(product, "img001.jpg", "reject", "--reason", "so do I")
    names = {"conflict": ["img000.jpg"], 'decided_by == "human"': ["img000.jpg", "img001.jpg"]}
    names |= {'verdict == "keep"': ["img000.jpg"], 'override.reason == "so do I"': ["img001.jpg"]}
    for where, expected in names.items():
        assert sorted(product.images("--where", where)) == expected

    done = product.look("export", "--xmp", "--json").json
    assert done["verdicts"] == {"keep": 1, "reject": 2}
    assert "decided by people: 2, of these 1 against the policy" in product.look("export").out
    table = csv.DictReader(Path(done["csv"]).read_text("utf-8-sig").splitlines())
    rows = {Path(row["path"]).name: row for row in table}
    row = rows["img000.jpg"]
    assert (row["verdict"], row["decided_by"], row["policy_verdict"]) == ("keep", "human", "reject")
    assert (row["conflict"], row["decision_reason"]) == ("true", "soft is what Asha wants")
    assert (rows["img002.jpg"]["conflict"], rows["img002.jpg"]["decision_who"]) == ("false", "")
    sidecar = (product.shoot / "img000.xmp").read_text()
    assert "parjanya|keep|human_decision" in sidecar
    assert "soft is what Asha wants" in sidecar
    assert "parjanya|reject" not in sidecar
    sheet = Path(done["contact_sheet"]).parent
    assert any("soft is what Asha wants" in file.read_text() for file in sheet.rglob("*.js"))
    assert "decided by people: 2 images of default" in product.look("status").out
    assert product.look("status", "--json").json["overridden"] == {"default": 2}
    words = product.look("explain", str(product.shoot / "img000.jpg")).out
    assert "verdict keep" in words
    assert "the policy says reject" in words
    assert ": keep. soft is what Asha wants" in words


def test_it_survives_a_replay_and_a_changed_file_which_it_says(product: Product) -> None:
    pictures(product.shoot, 2)
    product.curate()
    override(product, "img000.jpg", "keep", "--reason", "yes")
    product.run("replay", "--where", "width > 0", "--from", "technical", "--reason", "again", "--json")
    waiting = of(product, "img000.jpg")
    assert (waiting["status"], waiting["verdict"], waiting["policy_verdict"]) == ("pending", "keep", None)
    assert (waiting["conflict"], waiting["override"]["file_changed"]) == (False, False)
    product.curate()
    again = of(product, "img000.jpg")
    assert (again["status"], again["verdict"], again["conflict"]) == ("completed", "keep", True)
    assert again["override"]["file_changed"] is False

    picture(product.shoot / "img000.jpg", 77)
    os.utime(product.shoot / "img000.jpg", (1, 1))
    assert product.curate()["ingested"]["changed"] == 1
    changed = of(product, "img000.jpg")
    assert (changed["verdict"], changed["override"]["file_changed"]) == ("keep", True)
    assert "(The file has changed since.)" in changed["reasons"][0]["text"]


def test_what_people_decided_is_no_flip_of_a_regrade_and_is_counted_apart(product: Product) -> None:
    for name in ("one", "two"):
        dull(product.shoot / f"{name}.jpg")
    product.curate(program=OLDER)
    assert {image["verdict"] for image in product.images().values()} == {"keep"}
    override(product, "one.jpg", "keep", "--reason", "it is meant to be grey")

    dry = product.look("regrade", "--dry-run", "--sample", "9", "--json").json
    (boundary,) = dry["boundaries"]
    assert (boundary["matched"], boundary["overridden"], boundary["trial"]["overridden"]) == (
        2,
        {"keep": 1},
        {"keep": 1},
    )
    assert [Path(example["path"]).name for example in boundary["trial"]["examples"]] == ["two.jpg"]
    assert sum(sum(news.values()) for news in boundary["trial"]["flips"].values()) == 1
    text = product.look("regrade", "--dry-run", "--sample", "9").out
    assert "overridden, kept: 1 that people decided (keep 1)" in text

    assert product.look("regrade", "--json").json["replayed"] == 2
    product.curate()
    report = product.look("campaign", "show", "c1", "--json").json["report"]
    assert (report["reset"], report["overridden"]) == (2, {"keep": 1})
    assert report["flips"] == boundary["trial"]["flips"]
    assert sum(report["after"]["default"].values()) == 2
    assert "overridden, kept: 1 that people decided (keep 1)" in product.look("campaign", "show", "c1").out
    found = of(product, "one.jpg")
    assert (found["verdict"], found["conflict"]) == ("keep", True)
    assert found["policy_verdict"] in ("review", "reject")
    assert sorted(product.images("--where", 'verdict != "keep"')) == ["two.jpg"]
    matched = product.look("replay", "--where", "conflict", "--from", "curate", "--reason", "x", "--dry-run", "--json")
    assert matched.json["matched"] == 1


def test_it_is_taken_back_and_everything_that_was_said_is_remembered_within_bounds(product: Product) -> None:
    pictures(product.shoot, 1)
    product.look("ingest", str(product.shoot))
    for number in range(REVISIONS_KEPT + 3):
        told = override(product, "img000.jpg", ("keep", "reject")[number % 2], "--reason", f"thought {number}")
    assert (len(told["earlier"]), told["forgotten"]) == (REVISIONS_KEPT, 2)
    assert told["earlier"][-1]["reason"] == f"thought {REVISIONS_KEPT + 1}"
    assert (told["image"]["status"], told["image"]["verdict"], told["image"]["policy_verdict"]) == (
        "pending",
        "keep",
        None,
    )
    assert told["decision"]["sha256"] is None, "nobody has read the file yet"
    back = override(product, "img000.jpg", "--clear", "--reason", "let the policy decide")
    assert (back["image"]["verdict"], back["image"]["decided_by"], back["decision"]["verdict"]) == (None, None, None)
    assert product.look("status", "--json", code=None).json["overridden"] == {}
    words = product.look("explain", str(product.shoot / "img000.jpg")).out
    assert ": taken back. let the policy decide" in words


def test_tenants_decide_apart_and_about_images_named_by_id_by_the_beginning_of_it_or_by_path(product: Product) -> None:
    path = picture(product.shoot / "a.jpg")
    for tenant in ("default", "asha"):
        product.look("ingest", str(path), "--tenant", tenant)
    name = item_id(path_to_key(str(path)))
    for called in (name, name[:6], str(path)):
        assert product.look("override", called, "keep", "--reason", called, "--tenant", "asha", "--json").json
    by_tenant = {image["tenant"]: image["verdict"] for image in product.look("images", "--json").json}
    assert by_tenant == {"asha": "keep", "default": None}


def test_the_beginning_of_several_ids_is_refused_with_their_names(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parjanya.catalog.items.item_id", lambda key: f"abcd{len(key):04}{Path(key).stem}")
    pictures(product.shoot, 5)
    product.look("ingest", str(product.shoot))
    said = product.look("override", "abcd", "keep", "--reason", "x", code=USAGE).err
    assert "several images" in said
    assert said.count("abcd") == 4
    assert "and more" in said
    assert "no image 'zzzz'" in product.look("override", "zzzz", "keep", "--reason", "x", code=USAGE).err
    assert "no image 'abc'" in product.look("override", "abc", "keep", "--reason", "x", code=USAGE).err, "too short"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("keep", "--reason", ""), "1 to 500 characters"),
        (("keep", "--reason", " \n\t "), "1 to 500 characters"),
        (("keep", "--reason", "x" * (REASON_MAX + 1)), "not 501"),
        (("keep", "--reason", "x" * 1_000_000), "not 1000000"),
        (("keep", "--reason", "\x1b" * REASON_MAX), "not 2000"),
        (("keep", "--clear", "--reason", "x"), "one of the two"),
        (("--reason", "x"), "one of the two"),
        (("perhaps", "--reason", "x"), "perhaps"),
        (("keep",), "--reason"),
        (("keep", "--reason", "x", "--tenant", "ghost"), "tenant 'ghost' has no image"),
    ],
)
def test_what_is_no_decision_is_wrong_usage_and_changes_nothing(
    product: Product, arguments: tuple[str, ...], said: str
) -> None:
    pictures(product.shoot, 1)
    product.look("ingest", str(product.shoot))
    ran = product.look("override", str(product.shoot / "img000.jpg"), *arguments, code=USAGE)
    assert said in ran.err + ran.out
    assert of(product, "img000.jpg")["verdict"] is None
    assert product.query("SELECT count(*) FROM document WHERE kind LIKE 'override%'") == [(0,)]


def test_words_that_a_terminal_would_obey_are_kept_as_words(product: Product) -> None:
    pictures(product.shoot, 1)
    product.curate()
    hostile = "line one\nline two\x1b[2J\x07</script><b>&\udcff =HYPERLINK(1)"
    told = override(product, "img000.jpg", "reject", "--reason", hostile)
    kept = told["decision"]["reason"]
    assert kept == "line one line two\\x1b[2J\\x07</script><b>&\\xdcff =HYPERLINK(1)"
    done = product.look("export", "--xmp", "--json").json
    sheet = Path(done["contact_sheet"]).parent
    assert not any("</script><b>" in file.read_text() for file in sheet.rglob("*.js"))
    assert json.loads(Path(done["json"]).read_text())["images"][0]["override"]["reason"] == kept
    assert "\x1b" not in product.look("explain", str(product.shoot / "img000.jpg")).out
    assert "&lt;/script>" in (product.shoot / "img000.xmp").read_text().replace("&gt;", ">")
