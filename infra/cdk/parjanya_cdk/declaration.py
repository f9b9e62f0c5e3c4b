"""What the program declares (``infra/declare.py`` wrote it), read and checked. Pure.

Callers: every stack. Nothing that the program knows is written a second time here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT = 1
RESERVED = ("arrivals", "failures")
"""Names of queues that belong to no stage."""


class DeclarationError(ValueError):
    """The declaration contradicts itself; the message names the incident that it would cause."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage, and the queue that its intents wait in."""

    name: str
    pool: str
    max_run_s: float
    max_receives: int
    visibility_s: int
    retention_s: int
    dead_retention_s: int


@dataclass(frozen=True, slots=True)
class Table:
    """One table; keys are the same two strings in all of them."""

    name: str
    stream: str | None
    ttl: str | None
    durable: bool
    """Whether it holds what cannot be derived again."""
    partition: str
    sort: str


@dataclass(frozen=True, slots=True)
class Declaration:
    """All of it."""

    engine: str
    outage_window_s: float
    heartbeat_cycles: int
    stages: tuple[Stage, ...]
    tables: tuple[Table, ...]
    pattern: Mapping[str, Any]
    """What of a change's new image must be so that the reconciler is told: a filter of an event source mapping."""

    @property
    def pools(self) -> tuple[str, ...]:
        """Every pool, in order of first use."""
        return tuple(dict.fromkeys(stage.pool for stage in self.stages))

    def in_pool(self, pool: str) -> tuple[Stage, ...]:
        """The stages that *pool* executes."""
        return tuple(stage for stage in self.stages if stage.pool == pool)


def read(path: Path) -> Declaration:
    """The declaration in the file at *path*.

    Raises:
        DeclarationError: it is none, or it contradicts itself.
    """
    try:
        return parse(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, DeclarationError):
            raise
        raise DeclarationError(
            f"{path} is no declaration ({error!r}): ./run python infra/declare.py writes one"
        ) from error


def parse(document: Mapping[str, Any]) -> Declaration:
    """From JSON. Raises DeclarationError, or what is raised by a value that is missing."""
    if document["format"] != FORMAT:
        raise DeclarationError(f"format {document['format']!r} is not {FORMAT}: write the declaration again")
    queues = document["queues"]
    stages = tuple(
        Stage(
            one["name"],
            one["pool"],
            one["max_run_s"],
            queues[one["name"]]["max_receives"],
            queues[one["name"]]["visibility_s"],
            queues[one["name"]]["retention_s"],
            queues[one["name"]]["dead_retention_s"],
        )
        for one in document["stages"]
    )
    tables = tuple(Table(**table) for table in document["tables"])
    settings = document["settings"]
    declared = Declaration(
        document["engine"],
        settings["outage_window_s"],
        settings["heartbeat_cycles"],
        stages,
        tables,
        document["changes"],
    )
    check(declared)
    return declared


def check(declared: Declaration) -> None:
    """Raises DeclarationError for what would cause an incident."""
    for stage in declared.stages:
        if stage.name in RESERVED:
            raise DeclarationError(f"a stage cannot be called {stage.name!r}: a queue of that name has another purpose")
        if stage.retention_s < declared.outage_window_s:
            raise DeclarationError(
                f"stage {stage.name}: messages are kept for {stage.retention_s} s, nobody may work for "
                f"{declared.outage_window_s:g} s: they would expire (incident 9b). Raise retention, or shorten the outage window"
            )
        if stage.dead_retention_s <= stage.retention_s:
            raise DeclarationError(
                f"stage {stage.name}: a dead letter keeps its first sending time, so its queue must keep it longer "
                f"than {stage.retention_s} s, not {stage.dead_retention_s}"
            )
        if stage.visibility_s <= stage.max_run_s:
            raise DeclarationError(
                f"stage {stage.name} may run {stage.max_run_s:g} s, hidden for {stage.visibility_s} s: a second worker would "
                "start on the same item (incident 1)"
            )
