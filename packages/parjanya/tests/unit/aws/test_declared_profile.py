"""What a home says about its stores: read strictly, because whoever can write there could point it elsewhere."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from parjanya.home import Home
from parjanya.profiles.declared_profile import (
    CREDENTIALS,
    AwsPlace,
    ProfileError,
    credentials,
    declared_profile,
    write,
    write_credentials,
)
from parjanya.profiles.system import open_system

GOOD: dict[str, object] = {"profile": "aws", "region": "eu-central-1", "prefix": "studio", "bucket": "studio-images"}
LOCAL = AwsPlace("eu-central-1", "studio", "studio-images", "http://127.0.0.1:4566")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_a_home_that_says_nothing_is_embedded(home: Home) -> None:
    assert declared_profile(home) is None
    home.profile.write_text('{"profile": "embedded"}')
    assert declared_profile(home) is None


def test_what_was_declared_is_read_again(home: Home) -> None:
    for place in (AwsPlace("us-east-1", "a-1", "bucket-1"), LOCAL):
        write(home, place)
        assert declared_profile(home) == place
        assert home.begun()
    assert [path.name for path in home.root.iterdir() if path.is_file()] == ["profile.json"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"profile": "gcp"}, "embedded"),
        ({"profile": None}, "embedded"),
        ({"region": None}, "region must be"),
        ({"region": "eu-central-1.evil.example"}, "region must be"),
        ({"region": 5}, "region must be"),
        ({"prefix": "Studio"}, "prefix must be"),
        ({"prefix": "x" * 41}, "prefix must be"),
        ({"bucket": "a.b"}, "bucket must be"),
        ({"bucket": "../x"}, "bucket must be"),
        ({"endpoint": "http://10.0.0.1"}, "without encryption only on this machine"),
        ({"endpoint": "http://127.0.0.1.evil.example"}, "without encryption only on this machine"),
        ({"endpoint": "https://user:pass@host"}, "endpoint must be"),
        ({"endpoint": "https://host/path"}, "endpoint must be"),
        ({"endpoint": "file:///etc/passwd"}, "endpoint must be"),
        ({"endpoint": "https://host:99999"}, "endpoint"),
        ({"aws_secret_access_key": "x"}, "credentials never belong there"),
        ({"more": 1}, "unknown 'more'"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_be_right(home: Home, changed: dict[str, object], words: str) -> None:
    home.profile.write_text(json.dumps({**GOOD, **changed}))
    with pytest.raises(ProfileError, match=words) as refused:
        open_system(home)
    assert "profile.json" in str(refused.value)
    assert list(home.root.glob("*.db")) == [], "nothing was begun"


@pytest.mark.parametrize("name", ["region", "prefix", "bucket"])
def test_nothing_is_guessed(home: Home, name: str) -> None:
    home.profile.write_text(json.dumps({key: value for key, value in GOOD.items() if key != name}))
    with pytest.raises(ProfileError, match=f"missing {name}"):
        declared_profile(home)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "[" * 5_000, " " * 5_000, '{"profile": "aws"} x', "\xff"], ids=repr
)
def test_a_file_that_is_something_else_is_refused(home: Home, text: str) -> None:
    home.profile.write_text(text)
    with pytest.raises(ProfileError):
        declared_profile(home)


def test_a_link_a_pipe_and_a_folder_are_not_read(home: Home, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(json.dumps(GOOD))
    home.profile.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ProfileError):
        declared_profile(home)
    home.profile.unlink()
    os.mkfifo(home.profile)
    with pytest.raises(ProfileError):
        declared_profile(home)
    home.profile.unlink()
    home.profile.mkdir()
    with pytest.raises(ProfileError):
        declared_profile(home)


def test_an_embedded_instance_is_not_hidden_behind_another(home: Home) -> None:
    open_system(home).close()
    with pytest.raises(ProfileError, match="holds an embedded instance"):
        write(home, LOCAL)


def test_the_key_of_a_local_server_is_for_its_user_alone_and_for_no_account(home: Home) -> None:
    assert credentials(home, LOCAL) is None
    write_credentials(home, "NAME", "secret")
    path = home.root / CREDENTIALS
    assert path.stat().st_mode & 0o777 == 0o600
    assert credentials(home, LOCAL) == {"aws_access_key_id": "NAME", "aws_secret_access_key": "secret"}
    assert credentials(home, AwsPlace("eu-central-1", "studio", "studio-images")) is None
    path.chmod(0o640)
    with pytest.raises(ProfileError, match="chmod 600"):
        credentials(home, LOCAL)


@pytest.mark.parametrize("text", ["{}", '{"access_key_id": 1, "secret_access_key": "x"}', '{"access_key_id": "a"}'])
def test_a_key_that_is_none_is_refused_without_being_shown(home: Home, text: str) -> None:
    path = home.root / CREDENTIALS
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(ProfileError, match="access_key_id"):
        credentials(home, LOCAL)
