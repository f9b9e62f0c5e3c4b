"""Values of lines that came from outside: each of the type it must have, and within bounds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tbie.core.cause import Cause
from tbie.core.keys import Address, ItemKey
from tbie.truth import HistoryEntry, Item, StageRecord, StageState

TEXT = 65_536
"""Characters of a name, a token, a reason, or an address."""
NUMBER = 2**53
"""The largest time or count: every reader of JSON keeps it exactly, and every store."""


class Misshapen(Exception):  # noqa: N818 - it says what is, to be put into words by whoever knows the line
    """A value is not what it must be; the message goes on after "line 7 of the export"."""


def text(body: Mapping[str, Any], name: str, most: int = TEXT) -> str:
    """The text called *name*."""
    value = body.get(name)
    if not isinstance(value, str) or len(value) > most:
        raise Misshapen(f"has no text of at most {most} characters as {name!r}")
    return value


def number(body: Mapping[str, Any], name: str) -> int:
    """The whole number called *name*; true and false are none."""
    value = body.get(name)
    if type(value) is not int or not -NUMBER <= value <= NUMBER:
        raise Misshapen(f"has no whole number as {name!r}")
    return value


def mapping(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object called *name*."""
    value = body.get(name)
    if not isinstance(value, dict):
        raise Misshapen(f"has no object as {name!r}")
    return value


def item_of(body: Mapping[str, Any]) -> Item:
    """The item that a line says, without its history."""
    address = body.get("address")
    if (
        not isinstance(address, list)
        or len(address) != 2
        or not all(isinstance(a, str) and len(a) <= TEXT for a in address)
    ):
        raise Misshapen("has no bucket and key as 'address'")
    stages = {name: record_of(name, row) for name, row in mapping(body, "stages").items()}
    key = ItemKey(text(body, "tenant"), text(body, "item"))
    return Item(key, Address(*address), mapping(body, "attributes"), number(body, "created_ms"), stages)


def record_of(name: str, row: object) -> StageRecord:
    """The record of stage *name* that a line says. Every field must be there, and no other."""
    if not isinstance(row, dict) or set(row) != set(StageRecord._fields) or row["stage"] != name:
        raise Misshapen(f"does not hold a record of stage {name!r} with the fields of one")
    state = row["state"]
    if state not in [known.value for known in StageState]:
        raise Misshapen(f"has a stage {name!r} in a state that there is not: {state!r}")
    if row["reason"] is not None:
        text(row, "reason")
    if type(row["retriable"]) is not bool:
        raise Misshapen("has neither true nor false as 'retriable'")
    return StageRecord(
        stage=text(row, "stage"),
        state=StageState(state),
        version=text(row, "version"),
        generation=number(row, "generation"),
        token=text(row, "token"),
        attempts=number(row, "attempts"),
        since_ms=number(row, "since_ms"),
        updated_ms=number(row, "updated_ms"),
        not_before_ms=number(row, "not_before_ms"),
        reason=row["reason"],
        retriable=row["retriable"],
        evidence=None if row["evidence"] is None else mapping(row, "evidence"),
        facts=None if row["facts"] is None else mapping(row, "facts"),
        resets=number(row, "resets"),
    )


def change_of(body: Mapping[str, Any], key: ItemKey) -> HistoryEntry:
    """The change of *key* that a line says; its number is for the store to give."""
    before, after = mapping(body, "before"), mapping(body, "after")
    if not all(isinstance(row, dict) for row in (*before.values(), *after.values())):
        raise Misshapen("has a change of something that is no record")
    cause = Cause(text(body, "who"), text(body, "why"))
    return HistoryEntry(0, key, number(body, "at_ms"), cause, before, after)
