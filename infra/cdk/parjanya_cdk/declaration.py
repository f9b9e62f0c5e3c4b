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
    visibility_s: int
    retention_s: int
    dead_retention_s: int
    max_receives: int
    """Of one copy of a message, before SQS itself moves it: a backstop, far above what the stage allows."""


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
class Bucket:
    """What a signed upload sends, and where objects are."""

    methods: list[str]
    headers: list[str]
    exposed: list[str]
    preflight_s: int
    abandoned_days: int
    uploads: str
    objects: str


@dataclass(frozen=True, slots=True)
class Declaration:
    """All of it."""

    engine: str
    outage_window_s: float
    heartbeat_cycles: int
    settings: Mapping[str, float]
    """What functions and workers must be told, so that they go by the numbers that the queues were made for."""
    stages: tuple[Stage, ...]
    tables: tuple[Table, ...]
    pattern: Mapping[str, Any]
    """Which changes the reconciler is told of: a filter of an event source mapping."""
    bucket: Bucket
    hooks: Mapping[str, str]
    """Names of a group's lifecycle hooks, by ``launching`` and ``terminating``."""

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
    stages = tuple(Stage(**stage) for stage in document["stages"])
    declared = Declaration(
        document["engine"],
        document["outage_window_s"],
        document["heartbeat_cycles"],
        document["settings"],
        stages,
        tuple(Table(**table) for table in document["tables"]),
        document["changes"],
        Bucket(**document["bucket"]),
        document["hooks"],
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
