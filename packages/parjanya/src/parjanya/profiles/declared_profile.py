"""What ``profile.json`` in a home says: that its stores are not files of the home, and where they are instead.

``{"profile": "aws", "region": "eu-central-1", "prefix": "studio", "bucket": "studio-images"}``, and ``"endpoint"`` where a server
that is not AWS has them, with ``"functions": true`` where functions are deployed there too. Never a secret: credentials come from
where AWS looks for them, or for a local server from a file beside this one that nobody else may read. Whoever can write to a home
could point it elsewhere, so nothing in it is taken on trust.
"""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from parjanya.home import Home
from tbie.core.errors import HomeError

CREDENTIALS = "aws-credentials.json"
"""In the home, for a local server alone: ``{"access_key_id", "secret_access_key"}``, mode 0600."""
_MOST_BYTES = 4_096
_NEEDED = {"profile", "region", "prefix", "bucket"}
_SHAPES = {
    "region": (re.compile(r"[a-z]{2,8}(-[a-z]{2,12}){1,3}-[0-9]{1,2}"), "the name of a region, such as eu-central-1"),
    "prefix": (re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]"), "2 to 40 lower-case letters, digits and hyphens"),
    "bucket": (re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"), "3 to 63 lower-case letters, digits and hyphens"),
    "endpoint": (re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,200}"), "https://HOST[:PORT], or http:// on this machine"),
}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class ProfileError(HomeError):
    """What the home says about its stores cannot be used. The message says which file, what is wrong and what would be right."""


@dataclass(frozen=True, slots=True)
class AwsPlace:
    """An instance on AWS: where, and under which names."""

    region: str
    prefix: str
    bucket: str
    endpoint: str | None = None
    functions: bool = False
    """Of a server that is not AWS: whether functions are deployed there. On an account they always are."""

    @property
    def on_schedule(self) -> bool:
        """Whether the control plane lives by a schedule: everybody counts in minutes then."""
        return self.endpoint is None or self.functions

    def to_json(self) -> dict[str, str | bool]:
        """As ``profile.json`` says it."""
        said: dict[str, str | bool] = {
            "profile": "aws",
            "region": self.region,
            "prefix": self.prefix,
            "bucket": self.bucket,
        }
        if self.endpoint is not None:
            said["endpoint"] = self.endpoint
        return {**said, "functions": True} if self.functions else said


def declared_profile(home: Home) -> AwsPlace | None:
    """Where the stores of *home* are; None: in the home itself.

    Raises:
        ProfileError: the file cannot be read, or says something that cannot be.
    """
    try:
        text = _bounded(home.profile)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ProfileError(f"{home.profile} cannot be read: {(error.strerror or str(error)).lower()}") from error
    found = _object(text, home.profile)
    if found == {"profile": "embedded"}:
        return None
    return parse(found, home.profile)


def parse(found: dict[str, Any], source: Path) -> AwsPlace:
    """The place that *found*, read from *source*, describes.

    Raises:
        ProfileError: something is missing, unknown, or cannot be.
    """
    if found.get("profile") != "aws":
        raise ProfileError(f'{source}: "profile" must be "embedded" or "aws", not {found.get("profile")!r:.60}')
    unknown = sorted(found.keys() - _NEEDED - {"endpoint", "functions"})
    if unknown:
        hint = (
            "; credentials never belong there"
            if any("key" in n or "secret" in n or "token" in n for n in unknown)
            else ""
        )
        raise ProfileError(f"{source}: unknown {', '.join(ascii(name)[:60] for name in unknown[:5])}{hint}")
    missing = sorted(_NEEDED - found.keys())
    if missing:
        raise ProfileError(f"{source}: missing {', '.join(missing)}")
    for name, (shape, words) in _SHAPES.items():
        value = found.get(name)
        if name not in found:
            continue
        if not isinstance(value, str) or not shape.fullmatch(value):
            raise ProfileError(f"{source}: {name} must be {words}, not {value!r:.80}")
    endpoint = found.get("endpoint")
    if endpoint is not None:
        _check_endpoint(endpoint, source)
    functions = found.get("functions", False)
    if not isinstance(functions, bool) or (functions and endpoint is None):
        raise ProfileError(
            f"{source}: functions must be true or false, and is only said of an endpoint that is not AWS"
        )
    return AwsPlace(found["region"], found["prefix"], found["bucket"], endpoint, functions)


def _check_endpoint(endpoint: str, source: Path) -> None:
    try:
        parts = urlsplit(endpoint)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ProfileError(f"{source}: endpoint {endpoint!r:.80}: {error}") from error
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ProfileError(f"{source}: endpoint {endpoint!r:.80}: without encryption only on this machine (127.0.0.1)")


def write(home: Home, place: AwsPlace) -> None:
    """Declare *place*; a half-written file is never there.

    Raises:
        ProfileError: it would not be read again, or the home holds an embedded instance.
    """
    parse(place.to_json(), home.profile)
    if os.path.lexists(home.truth):
        raise ProfileError(f"{home.root} holds an embedded instance; choose another home with --home or PARJANYA_HOME")
    _write(home.profile, json.dumps(place.to_json(), indent=2) + "\n", 0o644)


def credentials(home: Home, place: AwsPlace) -> dict[str, str] | None:
    """Of a local server, as boto3 names them; None: AWS's own places are asked (environment, instance role).

    Raises:
        ProfileError: others may read the file, or it says something else.
    """
    path = home.root / CREDENTIALS
    if place.endpoint is None:
        return None
    try:
        found = _object(_bounded(path, private=True), path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ProfileError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error
    names = {"access_key_id": "aws_access_key_id", "secret_access_key": "aws_secret_access_key"}
    if found.keys() != names.keys() or not all(isinstance(v, str) and 0 < len(v) < 200 for v in found.values()):
        raise ProfileError(f'{path} must hold "access_key_id" and "secret_access_key", and nothing else')
    return {names[name]: value for name, value in found.items()}


def write_credentials(home: Home, access_key_id: str, secret_access_key: str) -> None:
    """Keep the key of a local server in the home, for this user alone."""
    said = {"access_key_id": access_key_id, "secret_access_key": secret_access_key}
    _write(home.root / CREDENTIALS, json.dumps(said) + "\n", 0o600)


def _write(path: Path, text: str, mode: int) -> None:
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(handle)
    draft.replace(path)


def _bounded(path: Path, private: bool = False) -> bytes:
    """The first bytes of a regular file, never through a link."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise ProfileError(f"{path} is no regular file")
        if private and (found.st_mode & 0o077 or found.st_uid != os.geteuid()):
            raise ProfileError(f"{path} may be read by others, or is somebody else's: chmod 600 {path}")
        return file.read(_MOST_BYTES + 1)


def _object(text: bytes, path: Path) -> dict[str, Any]:
    if len(text) > _MOST_BYTES:
        raise ProfileError(f"{path} has more than {_MOST_BYTES} bytes; what belongs there has two hundred")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProfileError(f"{path} is not JSON: {str(error)[:100]}") from error
    if not isinstance(found, dict):
        raise ProfileError(f'{path} must be a JSON object like {{"profile": "aws", …}}')
    return found
