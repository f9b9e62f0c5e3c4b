"""Bulk replays survive `kill -9`, can be stopped, and show what they changed; verdicts of an older policy are found."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from product import BROKE, NOT_WELL, QUICK, USAGE, Product, picture, pictures

pytestmark = pytest.mark.timeout(240)
"""Most of these run the product several times, some seconds each on a free machine."""

OLDER = (str(Path(__file__).parent / "older_policy.py"),)

ALL = ("replay", "--where", "width > 0", "--from", "curate", "--reason", "look again")


def counts(product: Product, name: str = "c1") -> dict[str, int]:
    """What the document of a campaign says; zeros while there is none."""
    rows = product.query(f"SELECT body FROM document WHERE kind = 'campaign' AND name = '{name}'")
    return json.loads(rows[0][0])["counts"] if rows else {"reset": 0}


def resets(product: Product, name: str = "c1") -> list[int]:
    """How often that campaign reset each image, by the histories."""
    rows = product.query(
        f"SELECT sum(h.who LIKE 'campaign:{name} %') FROM item i JOIN history h ON h.item_id = i.id GROUP BY i.id"
    )
    return [row[0] for row in rows]


def dull(path: Path) -> Path:
    """A picture that the policy leaves to people: nothing in it can be sharp."""
    path.parent.mkdir(parents=True, exist_ok=True)
    from PIL import Image

    Image.new("RGB", (600, 400), (120, 110, 100)).save(path, "JPEG")
    return path


def test_killed_in_the_middle_a_replay_is_finished_by_the_same_command_and_resets_nothing_twice(
    product: Product,
) -> None:
    pictures(product.shoot, 6)
    product.curate()
    slow = product.start(*ALL, "--rate", "0.3", "--json")
    slow.until(lambda: counts(product)["reset"] >= 1)
    slow.kill_everything()
    begun = counts(product)["reset"]
    assert 1 <= begun < 6
    assert sum(resets(product)) >= begun
    assert "campaign c1 (replay from curate): running" in product.look("status", code=None).out
    again = product.run(*ALL, "--json")
    assert "going on with campaign c1" in again.err
    assert (again.json["matched"], again.json["replayed"], again.json["campaign"]) == (6, 6, "c1")
    assert resets(product) == [1] * 6
    product.curate()
    product.assert_each_done_once(6)


def test_an_engine_carries_it_out_and_the_next_one_goes_on_after_kill_9(product: Product) -> None:
    pictures(product.shoot, 3)
    product.curate()
    slow = {**QUICK, "campaign_rate_per_s": 0.3}
    first = product.start("serve", "--port", "0", settings=slow)
    first.until(lambda: "serving" in first.err)
    begun = product.run(*ALL, "--json", settings=slow).json
    assert (begun["matched"], begun["campaign"], begun["state"]) == (3, "c1", "running")
    first.until(lambda: counts(product)["reset"] >= 1)
    first.kill_everything()
    assert counts(product)["reset"] < 3
    second = product.start("serve", "--port", "0", settings=QUICK)
    waited = product.run("campaign", "resume", "c1", "--wait", "--json", settings=QUICK).json
    assert (waited["state"], waited["counts"]) == ("done", {"looked": 3, "matched": 3, "reset": 3, "skipped": 0})
    assert resets(product) == [1] * 3
    second.until(lambda: product.query("SELECT count(*) FROM stage WHERE state = 'completed'") == [(18,)])
    second.kill_everything()
    product.assert_each_done_once(3)


def test_cancelled_it_stops_and_says_so_and_resumed_it_goes_on(product: Product) -> None:
    pictures(product.shoot, 6)
    product.curate()
    slow = product.start(*ALL, "--rate", "0.3", "--json")
    slow.until(lambda: counts(product)["reset"] >= 1)
    assert "cancelled" in product.look("campaign", "cancel", "c1").out
    stopped = slow.finish(NOT_WELL).json
    assert stopped["state"] == "cancelled"
    assert 1 <= stopped["replayed"] < 6
    assert sum(resets(product)) == stopped["replayed"]
    assert [c["state"] for c in product.look("campaign", "list", "--json").json] == ["cancelled"]
    assert product.run("campaign", "resume", "c1", "--json").json["counts"]["reset"] == 6
    assert resets(product) == [1] * 6
    assert "done already" in product.look("campaign", "cancel", "c1", code=USAGE).err


def test_a_stricter_policy_finds_the_old_verdicts_shows_what_would_flip_and_changes_them(product: Product) -> None:
    pictures(product.shoot, 3)
    dull(product.shoot / "dull.jpg")
    dull_elsewhere = dull(product.root / "other" / "dull2.jpg")
    product.curate(program=OLDER)
    product.curate(dull_elsewhere, "--tenant", "asha", program=OLDER)
    assert {image["verdict"] for image in product.images().values()} == {"keep"}

    dry = product.look("regrade", "--dry-run", "--sample", "9", "--json").json
    assert (dry["matched"], dry["replayed"], dry["campaigns"], dry["state"]) == (5, 0, [], None)
    (boundary,) = dry["boundaries"]
    assert (boundary["stage"], boundary["tenants"]) == ("curate", {"asha": {"keep": 1}, "default": {"keep": 4}})
    assert boundary["executions"] == {"curate": 5}
    assert boundary["cost_s"]["curate"] > 0
    trial = boundary["trial"]
    assert (trial["images"], trial["exact"]) == (5, True)
    assert {Path(example["path"]).name for example in trial["examples"]} >= {"dull.jpg", "dull2.jpg"}
    assert product.look("regrade", "--dry-run", "--json").json["boundaries"][0]["cost_s"] == {"curate": None}
    assert {image["verdict"] for image in product.images().values()} == {"keep"}  # nothing was changed
    assert product.look("campaign", "list", "--json").json == []

    default = product.look("regrade", "--dry-run", "--sample", "9", "--tenant", "default", "--json").json
    predicted = default["boundaries"][0]["trial"]["flips"]
    done = product.look("regrade", "--tenant", "default", "--reason", "stricter rules", "--json").json
    assert (done["matched"], done["replayed"], done["campaigns"], done["state"]) == (4, 4, ["c1"], "done")
    product.curate()
    shown = product.look("campaign", "show", "c1", "--json").json
    assert shown["before"] == {"default": {"keep": 4}}
    report = shown["report"]
    assert (report["reset"], report["unsettled"]) == (4, 0)
    assert report["before"] == {"default": {"keep": 4}}
    assert report["flips"] == predicted  # of a policy, a sample tells exactly what comes
    example = next(e for e in report["examples"] if Path(e["path"]).name == "dull.jpg")
    assert (example["before"]["grade"], example["after"]["grade"]) == ("keep", "review")
    assert example["after"]["reasons"]
    again = product.look("regrade", "--json").json
    assert (again["matched"], again["replayed"], again["campaigns"]) == (1, 1, ["c2"])  # asha's; the others are new
    product.curate(dull_elsewhere, "--tenant", "asha")
    assert product.look("regrade", "--json").json["matched"] == 0
    assert product.look("campaign", "show", "c1", "--json").json["report"] == report  # later campaigns change no report


def test_a_program_of_an_older_version_does_not_drive_a_regrade(product: Product) -> None:
    pictures(product.shoot, 1)
    product.curate(program=OLDER)
    slow = product.start("regrade", "--rate", "0.01", "--json")
    slow.until(lambda: bool(product.query("SELECT 1 FROM document WHERE kind = 'campaign'")))
    slow.kill_everything()
    assert (
        "go on with the program that began it"
        in product.run("campaign", "resume", "c1", code=USAGE, program=OLDER).err.lower()
    )
    assert resets(product) == [0]
    assert "waits for a program" in product.look("status", code=None).out
    assert product.run("campaign", "resume", "c1", "--json").json["counts"]["reset"] == 1


class _Seen(HTMLParser):
    """Tags, pictures and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.pictures: list[dict[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "img":
            self.pictures.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_shows_hostile_names_and_reasons_as_text(product: Product) -> None:
    names = ["<script>alert(1)<!--.jpg", "a'\"&amp;\u202egpj.jpg", "b\nc\x1b[2J.jpg", "d\udcff.jpg"]
    for seed, name in enumerate(names):
        picture(product.shoot / "plain.jpg", seed).rename(product.shoot / name)
    product.curate(program=OLDER)
    dull(product.shoot / "plain.jpg").rename(
        product.shoot / "</code><img src=x onerror=alert(2)>.jpg".replace("/", "∕")
    )
    product.curate(program=OLDER)
    product.look("regrade", "--reason", "</dd><script>alert(3)</script>", "--tenant", "default")
    product.curate()
    page = product.root / "report.html"
    shown = product.look("campaign", "show", "c1", "--html", str(page), "--json").json
    assert len(shown["report"]["examples"]) >= 1
    html = page.read_text(encoding="utf-8")
    seen = _Seen()
    seen.feed(html)
    assert not seen.tags & {"script", "a", "link", "iframe", "object"}
    examples = shown["report"]["examples"]
    assert len(seen.pictures) == len(examples)  # the thumbnails of the examples, and no picture of a stranger's
    assert all(picture.keys() == {"alt", "src"} for picture in seen.pictures)
    assert all(str(picture["src"]).startswith("data:image/jpeg;base64,/9j/") for picture in seen.pictures)
    assert "</dd><script>alert(3)</script>" in seen.text
    assert "<img src=x onerror=alert(2)>" in seen.text
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "default-src 'none'" in html.replace("&#x27;", "'")
    assert "5 reset" in seen.text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("campaign", "show", "c7"), "no campaign 'c7'"),
        (("campaign", "cancel", "x"), "no campaign 'x'"),
        (("replay", "--where", "width > 0", "--from", "curate", "--reason", "r", "--rate", "0"), "--rate must be more"),
        (("regrade", "--sample", "-1"), "--sample must be"),
        (("regrade", "--stage", "taste"), "technical, preview"),
        (("regrade", "--where", "colour == 1"), "no field 'colour'"),
    ],
)
def test_what_cannot_be_is_wrong_usage(product: Product, arguments: tuple[str, ...], expected: str) -> None:
    product.look("ingest", str(picture(product.shoot / "one.jpg")))
    assert expected in product.look(*arguments, code=USAGE).err


def test_truth_that_stays_away_ends_the_command_with_one_line(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3
    from contextlib import closing

    pictures(product.shoot, 1)
    product.curate()
    monkeypatch.setattr("tbie.backends.sqlite.database._BUSY_TIMEOUT_S", 0.05, raising=False)
    with closing(sqlite3.connect(product.home / "truth.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "Another program holds this file" in product.look(*ALL, code=BROKE).err
    assert product.look(*ALL, "--json").json["replayed"] == 1
