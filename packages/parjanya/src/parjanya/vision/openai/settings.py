"""Where the server is, what is asked of it, and how long it may take.

Callers: ``engine`` and whoever builds one from a declaration. The key comes from the environment alone; it is in no ``repr``, no
evidence and no identity.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

KEY_NAMES = ("PARJANYA_API_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the key; the first that is set counts. The second is often set for another server, so it is
sent over https or to this machine alone."""

_MOST_URL = 2048
_MOST_MODEL = 256
_HOST = re.compile(r"[A-Za-z0-9.:_-]+")  # urlsplit has taken the brackets off an IPv6 address
_KEY = re.compile(r"[\x21-\x7e]{1,4096}")


class SettingsError(ValueError):
    """The engine cannot be set up so; the message says what to change. It never holds the key."""


@dataclass(frozen=True, slots=True)
class OpenaiSettings:
    """What one engine needs to know."""

    base_url: str
    """As checked by ``base_url``: http or https, no credentials, no trailing slash, the ``/v1`` included."""
    model: str
    """The name that the server serves the model under."""
    key: str = field(default="", repr=False)
    """Sent as a bearer token; empty: none is sent."""
    pixel_budget_px: int = 1024 * 32 * 32
    """Pixels of a picture at most. A megapixel (1,024 tokens) shows faces and focus, and leaves a server room for more."""
    in_flight: int = 8
    """Requests under way at once. A server with continuous batching wants several; more than it can hold only wait there."""
    connect_timeout_s: float = 5.0
    """To reach the server: longer means that it is away."""
    read_timeout_s: float = 60.0
    """Without a byte. A whole answer comes at once, so this is queueing and generation, not the network."""
    total_timeout_s: float = 90.0
    """From the first byte sent to the last byte read, whatever arrives in between."""
    probe_timeout_s: float = 120.0
    """For the question at start-up: a server may load its model first."""
    witness_timeout_s: float = 30.0
    """For the question that tells, after a failed request, whether the server or the picture is at fault."""
    check_timeout_s: float = 2.0
    """How long a heartbeat may wait for a check; a check that takes longer goes on beside it."""
    fresh_s: float = 15.0
    """How long a sign of life counts before a heartbeat asks for another."""
    max_tokens: int = 900
    """A valid answer has about 350; the longest texts in the least favourable tokens stay below this."""
    max_answer_bytes: int = 4 << 20
    """An answer with ten alternatives for each of 900 tokens has about one mebibyte."""

    @property
    def longest_s(self) -> float:
        """From the beginning of a picture to its answer at most: what ``max_run_s`` must exceed.

        Twice a request's worst, because a picture that waits prepared may wait for such a request.
        """
        return 2 * (self.total_timeout_s + self.witness_timeout_s) + 10


def base_url(text: str) -> str:
    """*text* as a base URL. Raises ``SettingsError``; what it says holds no credentials.

    Without a path, ``/v1`` is added: every server listens there, and who writes the bare address means it.
    """
    if len(text) > _MOST_URL or not text.isascii() or not text.isprintable() or " " in text:
        raise SettingsError("the base URL is too long or holds characters that no URL has")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise SettingsError("the base URL has no valid host and port; write http://HOST:PORT/v1") from None
    if parts.scheme not in {"http", "https"}:
        raise SettingsError("the base URL must begin with http:// or https://")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise SettingsError(f"the base URL holds credentials; take them out and put the key in {KEY_NAMES[0]}")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise SettingsError("the base URL must end with its path: no ? and no #")
    if not parts.hostname or not _HOST.fullmatch(parts.hostname) or port == 0:
        raise SettingsError("the base URL has no valid host and port; write http://HOST:PORT/v1")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") or "/v1", "", ""))


def key_from(environ: Mapping[str, str], base_url: str) -> str:
    """The key for the server at *base_url*, or "" if there is none. Raises ``SettingsError`` for one that no header can carry."""
    parts = urlsplit(base_url)
    private = parts.scheme == "https" or parts.hostname in ("127.0.0.1", "::1", "localhost")
    for name in KEY_NAMES if private else KEY_NAMES[:1]:
        key = environ.get(name, "").strip()
        if key:
            if not _KEY.fullmatch(key):
                raise SettingsError(f"{name} holds something that is no key: only visible ASCII characters can be sent")
            return key
    return ""


def checked(settings: OpenaiSettings) -> OpenaiSettings:
    """*settings* with its base URL in its normal form. Raises ``SettingsError``."""
    if not 0 < len(settings.model) <= _MOST_MODEL or not settings.model.isprintable():
        raise SettingsError(
            "the name of the model is empty, too long or not printable; give the name that the server lists"
        )
    counts = {"pixel_budget_px": (32 * 32, 16_384 * 32 * 32), "in_flight": (1, 256), "max_tokens": (400, 8_192)}
    for name, (least, most) in counts.items():
        if not least <= getattr(settings, name) <= most:
            raise SettingsError(f"{name} must be between {least:,} and {most:,}")
    if settings.key and not _KEY.fullmatch(settings.key):
        raise SettingsError("the key holds something that no header can carry")
    if not 0 < settings.connect_timeout_s <= settings.read_timeout_s <= settings.total_timeout_s:
        raise SettingsError(
            "connect_timeout_s, read_timeout_s and total_timeout_s must be positive and grow in this order"
        )
    from_text = base_url(settings.base_url)
    if from_text == settings.base_url:
        return settings
    return OpenaiSettings(**{**{name: getattr(settings, name) for name in settings.__slots__}, "base_url": from_text})
