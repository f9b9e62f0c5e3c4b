"""What an engine is told, what it shows, and what a busy server asks for."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from parjanya.vision.openai import OpenaiSettings, SettingsError, base_url, key_from, make
from parjanya.vision.openai.picture import PictureError, fitted, prepare
from parjanya.vision.openai.replies import MOST_REST_S, USUAL_REST_S, Reply, rest_s

sys.path.insert(0, str(Path(__file__).parents[2]))
from openai_tools import jpeg

NOW_MS = 1_792_000_000_000


@pytest.mark.parametrize(
    ("given_text", "used"),
    [
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        ("http://localhost:11434", "http://localhost:11434/v1"),
        ("https://gpu.example/some/path/v1", "https://gpu.example/some/path/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
def test_an_address_has_one_form(given_text: str, used: str) -> None:
    assert base_url(given_text) == used
    assert base_url(used) == used


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "begin with http"),
        ("localhost:8000", "begin with http"),
        ("file:///etc/passwd", "begin with http"),
        ("ftp://host/v1", "begin with http"),
        ("http://", "no valid host"),
        ("http://:8000/v1", "no valid host"),
        ("http://host:0/v1", "no valid host"),
        ("http://host:99999/v1", "no valid host"),
        ("http://host:abc/v1", "no valid host"),
        ("http://ho st/v1", "characters"),
        ("http://host/v1\r\nX: y", "characters"),
        ("http://h\u00f6st/v1", "characters"),
        ("http://host/v1?key=s3cret", "no ? and no #"),
        ("http://host/v1#x", "no ? and no #"),
        ("http://me:s3cret@host/v1", "holds credentials"),
        ("http://me@host/v1", "holds credentials"),
        ("http://@host/v1", "holds credentials"),
        ("http://host/" + "a" * 3000, "too long"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_without_repeating_secrets(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said.replace("?", r"\?")) as caught:
        base_url(text)
    assert "s3cret" not in str(caught.value)


SECURE = "https://models.example/v1"


def test_the_key_is_the_first_that_is_set() -> None:
    assert key_from({}, SECURE) == ""
    assert key_from({"OPENAI_API_KEY": "two"}, SECURE) == "two"
    assert key_from({"OPENAI_API_KEY": "two", "PARJANYA_API_KEY": " one\n"}, SECURE) == "one"


def test_a_key_that_was_set_for_somebody_else_crosses_no_network_in_the_open() -> None:
    other = {"OPENAI_API_KEY": "two"}
    assert key_from(other, "http://models.example:8000/v1") == ""
    assert key_from(other, "http://127.0.0.1.models.example/v1") == ""
    assert key_from(other, "http://127.0.0.1:8000/v1") == "two"
    assert key_from({**other, "PARJANYA_API_KEY": "one"}, "http://models.example:8000/v1") == "one"


def test_a_key_that_no_header_carries_is_refused_and_not_shown() -> None:
    with pytest.raises(SettingsError, match="PARJANYA_API_KEY") as caught:
        key_from({"PARJANYA_API_KEY": "s3cret\r\nX-Other: 1"}, SECURE)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": ""},
        {"model": "a\nb"},
        {"in_flight": 0},
        {"pixel_budget_px": 10},
        {"max_tokens": 10},
        {"connect_timeout_s": 0},
        {"total_timeout_s": 1},
        {"base_url": "nowhere"},
        {"key": "a b"},
    ],
)
def test_settings_that_cannot_work_make_no_engine(wrong: dict[str, object]) -> None:
    given_settings: dict[str, object] = {"base_url": "http://127.0.0.1:1/v1", "model": "m", **wrong}
    with pytest.raises(SettingsError):
        make(OpenaiSettings(**given_settings))  # type: ignore[arg-type]


def test_where_httpx_is_missing_the_remedy_is_said_and_everything_else_works() -> None:
    program = """
import sys
sys.modules["httpx"] = None
from parjanya.vision.openai import EngineMissingError, OpenaiSettings, make
try:
    make(OpenaiSettings("http://127.0.0.1:1/v1", "m"))
except EngineMissingError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert "pip install 'parjanya[openai]'" in said


def test_httpx_is_not_imported_before_an_engine_is_made() -> None:
    program = "import sys, parjanya.vision.openai; print('httpx' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert said == "False\n"


@given(st.integers(1, 4096), st.integers(1, 4096), st.sampled_from([1, 64, 256, 768, 1024, 1280, 16_384]))
def test_a_picture_fits_its_budget_in_whole_tokens(width: int, height: int, tokens: int) -> None:
    try:
        wide, high = fitted(width, height, tokens * 1024)
    except PictureError:
        assert max(width, height) / min(width, height) > 200
        return
    assert wide % 32 == high % 32 == 0
    assert 32 * 32 <= wide * high <= tokens * 1024
    if tokens >= 256 and max(width, height) / min(width, height) < 3:
        assert wide * high >= 48 * 1024, "shown much smaller than the least"
        assert 0.6 < (wide / high) / (width / height) < 1.7


@pytest.mark.parametrize(
    ("size", "tokens", "count"),
    [
        ((1024, 683), 1280, 672),
        ((1920, 1080), 1280, 1222),
        ((1920, 1080), 768, 720),
        ((2048, 1365), 1280, 1247),
        ((2048, 1365), 768, 726),
        ((6000, 4000), 16_384, 16_224),
    ],
)
def test_the_sizes_are_those_of_the_model_familys_own_rule(size: tuple[int, int], tokens: int, count: int) -> None:
    wide, high = fitted(*size, tokens * 1024)
    assert wide * high // 1024 == count


def test_the_same_preview_is_sent_as_the_same_bytes() -> None:
    assert prepare(jpeg(3), 65_536) == prepare(jpeg(3), 65_536)
    assert prepare(jpeg(3), 65_536) != prepare(jpeg(4), 65_536)


def test_grey_and_four_channel_previews_are_shown_in_colour() -> None:
    for mode in ("L", "CMYK"):
        buffer = io.BytesIO()
        Image.new(mode, (64, 64)).save(buffer, "JPEG")
        assert prepare(buffer.getvalue(), 65_536).size_px == (256, 256)


@pytest.mark.parametrize(
    ("retry_after", "date", "seconds"),
    [
        ("7", "", 7.0),
        (" 7.5 ", "", 7.5),
        ("0", "", 1.0),
        ("-5", "", 1.0),
        ("1e9", "", MOST_REST_S),
        ("nan", "", USUAL_REST_S),
        ("inf", "", USUAL_REST_S),
        ("", "", USUAL_REST_S),
        ("soon", "", USUAL_REST_S),
        ("Wed, 21 Oct 2015 07:28:30 GMT", "Wed, 21 Oct 2015 07:28:00 GMT", 30.0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", "", 1.0),
        ("Wed, 21 Oct 2015 07:28:30", "Wed, 21 Oct 2015 07:28:00", 30.0),
    ],
)
def test_a_busy_servers_wish_is_read_within_reason(retry_after: str, date: str, seconds: float) -> None:
    assert rest_s(Reply(429, b"", retry_after, date), NOW_MS) == seconds


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_wish_is_taken_beyond_reason(retry_after: str, date: str) -> None:
    assert 1.0 <= rest_s(Reply(503, b"", retry_after, date), NOW_MS) <= MOST_REST_S
