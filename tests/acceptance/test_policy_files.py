"""Policies as files and in Truth: what is meant by a name, what cannot be read, and how a lost one comes back."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from product import BROKE, NOT_WELL, USAGE, Product, picture
from test_policies import strict


@pytest.fixture
def home(product: Product) -> Product:
    """A home in which one image waits: which policy is meant does not depend on images."""
    product.look("ingest", str(picture(product.shoot / "one.jpg")))
    return product


def test_a_lost_policy_is_mended_by_activating_the_same_one_again(home: Product) -> None:
    path = strict(home)
    version = home.look("policy", "activate", path, "--json").json["version"]
    with closing(sqlite3.connect(home.home / "truth.db")) as truth, truth:
        truth.execute("DELETE FROM document WHERE kind = 'policy' AND name = ?", (version,))

    listed = home.look("policy", "list", "--json", code=NOT_WELL).json
    assert (listed["active"], [one["tenant"] for one in listed["problems"]]) == (None, [None])
    assert version in listed["problems"][0]["problem"]
    home.look("policy", "activate", path)
    assert home.look("policy", "show", "--json").json["version"] == version
    assert home.look("policy", "list", "--json").json["problems"] == []


def test_what_is_written_as_a_file_is_that_file_whatever_stored_policies_are_called(
    home: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tags are chosen by whoever wrote the document: one must not stand in for a file of that name."""
    path = strict(home, 400, "strict-500-1.yaml")
    stored = home.look("policy", "activate", path, "--json").json["version"]
    wanted = strict(home, 500)
    monkeypatch.chdir(home.root)
    named = home.look("policy", "show", Path(wanted).name, "--json").json
    assert named["version"] != stored
    assert (named["constants"], named["tag"]) == ({"small": 500.0}, "1")


def test_a_pipe_into_which_nobody_writes_holds_no_command_up(product: Product) -> None:
    os.mkfifo(product.root / "pipe.yaml")
    done = product.look("policy", "check", str(product.root / "pipe.yaml"), "--json", code=BROKE)
    assert done.json["ok"] is False
    assert "nothing came" in done.json["problems"][0]["what"]


@pytest.mark.parametrize(("name", "says"), [("nothing.yaml", "no such file"), ("folder.yaml", "is a directory")])
def test_a_check_of_what_cannot_be_read_is_one_document_too(product: Product, name: str, says: str) -> None:
    (product.root / "folder.yaml").mkdir()
    told = product.look("policy", "check", str(product.root / name), "--json", code=BROKE).json
    assert (told["ok"], told["warnings"]) == (False, [])
    assert says in told["problems"][0]["what"]


def test_a_reason_is_one_line_of_the_list_and_line_ends_of_windows_are_line_ends(home: Product) -> None:
    path = Path(strict(home))
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    home.look("policy", "activate", str(path), "--reason", "one\nproblem: forged\x1b[2J")
    lines = home.look("policy", "list").out.splitlines()
    assert not [line for line in lines if line.startswith("problem")]
    assert any(line.endswith(": one problem: forged\\x1b[2J") for line in lines)
    assert "\\x0d" not in home.look("policy", "show").out
    home.look("policy", "activate", "culling", "--reason", " ", code=USAGE)


def test_the_version_that_judged_an_image_can_be_shown_though_nothing_was_activated(product: Product) -> None:
    picture(product.shoot / "one.jpg")
    product.curate()
    (image,) = product.look("images", "--json").json
    shown = product.look("policy", "show", image["policy_version"], "--json").json
    assert (shown["version"], shown["policy"]) == (image["policy_version"], image["policy"])
    assert shown["tag"] == image["policy_tag"]


def test_the_reason_of_a_campaign_is_one_line_of_the_list(product: Product) -> None:
    picture(product.shoot / "one.jpg")
    product.curate()
    product.look("replay", "--where", "status == 'completed'", "--from", "curate", "--reason", "one\nproblem: forged")
    lines = product.look("campaign", "list").out.splitlines()
    assert [line for line in lines if line.endswith("one problem: forged")]
    assert not [line for line in lines if line.startswith("problem")]


def test_a_damaged_activation_is_not_taken_for_none_on_the_way_back(home: Product) -> None:
    home.look("policy", "activate", strict(home))
    with closing(sqlite3.connect(home.home / "truth.db")) as truth, truth:
        truth.execute("""UPDATE document SET body = '{"entries":[]}' WHERE kind = 'activation'""")
    said = home.look("policy", "rollback", code=BROKE).err
    assert "cannot be read" in said
    assert "activate a policy anew" in said
