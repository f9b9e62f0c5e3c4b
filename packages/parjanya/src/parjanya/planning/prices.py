"""Prices: each with what it is for, its date, its source in words, and how far it can be believed. All of them are inputs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

STATUSES = ("vendor", "second-hand", "from memory")
"""Read at the vendor's; read at somebody else's; not looked up at all."""

NAMES = (
    "write_unit",
    "read_unit",
    "table_gb_month",
    "sqs_request",
    "sqs_fair",
    "lambda_gb_s",
    "lambda_request",
    "s3_put",
    "s3_get",
    "s3_gb_month",
    "worker_hour",
    "disk_gb_month",
)
_MOST_BYTES, _MOST_TEXT = 65_536, 300


class PriceError(Exception):
    """A file is no list of prices; the message says what is wrong and what one looks like."""


class Price(NamedTuple):
    """What one unit costs."""

    usd: float
    per: str
    date: str
    """When it was so, as year-month-day; empty if nobody knows."""
    status: str
    source: str

    @property
    def believed(self) -> str:
        """How far, in words."""
        return f"{self.status}, {self.date or 'undated'}"


class Prices(NamedTuple):
    """Every price that a plan asks for."""

    region: str
    written: str
    name: str
    """Where they were read."""
    of: Mapping[str, Price]


def read_prices(path: Path | None = None) -> Prices:
    """The prices in *path*; those that come with the program if None. A file need not name all: the rest are the program's.

    Raises:
        PriceError: it is no such file.
    """
    own = _parsed(resources.files(__package__).joinpath("prices.json").read_bytes(), "the prices of this program", {})
    if path is None:
        return own
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise PriceError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error
    return _parsed(data, str(path), own.of)


def _parsed(data: bytes, name: str, rest: Mapping[str, Price]) -> Prices:
    if len(data) > _MOST_BYTES:
        raise PriceError(f"{name} is larger than {_MOST_BYTES} bytes: that is no list of prices")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise PriceError(f"{name} is not JSON: {error}") from error
    listed = found.get("prices") if isinstance(found, dict) else None
    if not isinstance(listed, dict):
        raise PriceError(
            f'{name} has no "prices"; it needs {{"region": …, "written": …, "prices": {{"write_unit": {{…}}}}}}'
        )
    if unknown := sorted(set(listed) - set(NAMES)):
        raise PriceError(f"{name} has a price that nothing asks for: {unknown[0]!r}; there are {', '.join(NAMES)}")
    own = {each: _price(name, each, value) for each, value in listed.items()}
    if missing := [each for each in NAMES if each not in own and each not in rest]:
        raise PriceError(f"{name} lacks {missing[0]!r}")
    return Prices(_text(name, found, "region"), _text(name, found, "written"), name, {**rest, **own})


def _price(name: str, each: str, value: Any) -> Price:
    if not isinstance(value, dict):
        raise PriceError(f"{name}: {each} is no object with usd, per, date, status and source")
    usd = value.get("usd")
    if isinstance(usd, bool) or not isinstance(usd, int | float) or not math.isfinite(usd) or not 0 <= usd <= 1e6:
        raise PriceError(f"{name}: {each} costs {usd!r}; a number of dollars from 0 to a million is needed")
    status = value.get("status")
    if status not in STATUSES:
        raise PriceError(f"{name}: {each} has status {status!r}; say how it is known: {', '.join(STATUSES)}")
    texts = [_text(f"{name}: {each}", value, field) for field in ("per", "date", "source")]
    if status == "vendor" and not (texts[1] and texts[2]):
        raise PriceError(f"{name}: {each} is said to be the vendor's: say when (date) and where (source) it was read")
    return Price(float(usd), texts[0], texts[1], status, texts[2])


def _text(where: str, found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or len(value) > _MOST_TEXT or not value.isprintable():
        raise PriceError(f"{where} has no printable text of at most {_MOST_TEXT} characters as {name!r}")
    return value
