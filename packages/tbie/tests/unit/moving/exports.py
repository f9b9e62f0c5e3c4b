"""Stores with something in them, and exports of them. Callers: the tests beside this file."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.outcome import Completed, TerminalFailure
from tbie.moving import Examined, bring, examine, export
from tbie.moving.arriving import Brought
from tbie.moving.lines import START, line
from tbie.testing.builders import WHO, chain, key, new_item, settle
from tbie.truth import Reset, TruthStore

KINDS = ("policy", "campaign")
SETTINGS = ("manifest", "absent")


def empty() -> MemoryTruth:
    """A store in memory without items."""
    return MemoryTruth(chain("a", "b"), ManualClock(), SequentialIds())


def filled() -> MemoryTruth:
    """Three items of two tenants, of which one failed and one was replayed; a document and a setting."""
    truth = empty()
    truth.add([new_item("i1", size=3), new_item("i2"), new_item("ünï ☂", "t2")], WHO)
    settle(truth, key("i1"), "a", Completed({"a": [1, 2.5, None, {"deep": True}], "big": 2**70}))
    settle(truth, key("i2"), "a", TerminalFailure("bad", False, {"message": "\ud800"}))
    truth.commit([Reset(key("i1"), "a", WHO)])
    truth.write_document("policy", "p", {"text": "rules"}, None)
    truth.write_meta("manifest", "{}")
    return truth


def exported(truth: TruthStore) -> bytes:
    """What an export of it writes."""
    out: list[str] = []
    export(truth, "chain", KINDS, SETTINGS, out.append)
    return "".join(out).encode()


def examined(data: bytes) -> Examined:
    """*data*, examined."""
    return examine(io.BytesIO(data))


def brought(truth: TruthStore, data: bytes, **options: Any) -> Brought:
    """*data*, examined and brought into *truth*."""
    return bring(truth, io.BytesIO(data), examined(data), **options)


def bodies(data: bytes) -> list[Any]:
    """What the lines of an export say."""
    return [json.loads(one)["is"] for one in data.decode().splitlines()]


def sealed(said: Sequence[Any]) -> bytes:
    """An export that says *said*, with every hash right: what somebody writes who knows the format."""
    chain, out = START, []
    for body in said:
        text, chain = line(chain, body)
        out.append(text)
    return "".join(out).encode()
