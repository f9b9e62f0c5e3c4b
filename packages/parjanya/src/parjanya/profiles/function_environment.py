"""What a function is told by its environment, read and checked once, when it starts.

PARJANYA_REGION   the region; by default the function's own (AWS_REGION)
PARJANYA_PREFIX   what every table and queue is called by
PARJANYA_BUCKET   where uploads and derived objects are
PARJANYA_ENGINE   which kind of engine the deployment declares; by default ``classical``
PARJANYA_FLEET    JSON: for each pool the most workers, and how many open stages are worth one: {"images": [8, 50]}; {} sets no
                  fleet's size; by default every pool's is set, as far as its group allows
PARJANYA_SETTINGS JSON: settings of the kernel, as everywhere
AWS_ENDPOINT_URL  where the interfaces are, for a server that is not AWS: on this machine alone, or encrypted
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from tbie.core.errors import SettingsError

_SHAPES = {
    "region": re.compile(r"[a-z]{2,8}(-[a-z]{2,12}){1,3}-[0-9]{1,2}"),
    "prefix": re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]"),
    "bucket": re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"),
    "engine": re.compile(r"[a-z]{1,30}"),
}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Environment:
    """Where the system lives, and who this function is."""

    region: str
    prefix: str
    bucket: str
    engine: str
    endpoint: str | None
    fleet: Mapping[str, tuple[int, int]] | None
    """By pool: the most workers, and how many open stages are worth one. Empty: nobody's size is set; None: nobody said."""
    instance: str
    """Names this process among the others of its function."""


def system_of(environment: Mapping[str, str]) -> str:
    """What a function that cannot even begin tells of itself under: the prefix, or ``unknown`` where that can be none."""
    prefix = environment.get("PARJANYA_PREFIX", "")
    return prefix if _SHAPES["prefix"].fullmatch(prefix) else "unknown"


def read(environment: Mapping[str, str]) -> Environment:
    """The environment, checked.

    Raises:
        SettingsError: everything that is wrong with it, in one message.
    """
    given = {
        "region": environment.get("PARJANYA_REGION") or environment.get("AWS_REGION", ""),
        "prefix": environment.get("PARJANYA_PREFIX", ""),
        "bucket": environment.get("PARJANYA_BUCKET", ""),
        "engine": environment.get("PARJANYA_ENGINE") or "classical",
    }
    wrong = [
        f"PARJANYA_{name.upper()} is {value[:60]!r}, which cannot be one"
        for name, value in given.items()
        if not _SHAPES[name].fullmatch(value)
    ]
    endpoint, sizes = environment.get("AWS_ENDPOINT_URL") or None, environment.get("PARJANYA_FLEET")
    fleet = _fleet(sizes) if sizes else None
    if endpoint is not None and not _safe(endpoint):
        wrong.append(f"AWS_ENDPOINT_URL {endpoint[:60]!r}: without encryption only on this machine")
    if sizes and fleet is None:
        wrong.append('PARJANYA_FLEET must be JSON like {"images": [8, 50]}: the most workers, stages worth one')
    if wrong:
        raise SettingsError(f"the function cannot work as it is deployed: {'; '.join(wrong)}")
    stream = environment.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
    name = environment.get("AWS_LAMBDA_FUNCTION_NAME", "function")
    instance = f"{name[:64]}:{hashlib.sha256(stream.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"
    return Environment(**given, endpoint=endpoint, fleet=fleet, instance=instance)


def _fleet(text: str) -> dict[str, tuple[int, int]] | None:
    try:
        found = json.loads(text[:10_000])
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    sizes: dict[str, tuple[int, int]] = {}
    for pool, size in found.items():
        if not isinstance(size, list) or len(size) != 2 or not all(_is_size(each) for each in size):
            return None
        sizes[pool] = size[0], size[1]
    return sizes


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 10_000


def _safe(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
