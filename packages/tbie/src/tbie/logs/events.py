"""Saying that something happened, and how that is written: JSON for programs, text for people.

Fields are ids, names, counts and reason codes: never what a document holds, never a secret. Whatever a tenant may have
chosen (a file name, say) is escaped, so that one event is one line.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from tbie.core.clock import Clock
from tbie.logs.shared_file import SharedFile

ROOT = "tbie"
DEBUG, INFO, WARNING = logging.DEBUG, logging.INFO, logging.WARNING
LEVELS = {"debug": DEBUG, "info": INFO, "warning": WARNING}
"""Names of the levels: debug is one line for each item and step, info one for each change of the whole."""

_FIELDS = "tbie_fields"
_FIRST = ("ts", "level", "event", "component", "instance", "decision")

logging.getLogger(ROOT).addHandler(logging.NullHandler())  # a program that configures nothing hears nothing


class Format(StrEnum):
    """How events are written."""

    TEXT = "text"
    JSON = "json"


class Events:
    """The voice of one component instance. Ask ``debug`` or ``info`` once for each batch before building fields."""

    def __init__(self, component: str, instance: str, clock: Clock) -> None:
        self._logger = logging.getLogger(f"{ROOT}.{component}")
        self._who = {"component": component, "instance": instance}
        self._clock = clock

    @property
    def debug(self) -> bool:
        """Whether anybody listens to single items."""
        return self._logger.isEnabledFor(DEBUG)

    @property
    def info(self) -> bool:
        """Whether anybody listens to changes of the whole."""
        return self._logger.isEnabledFor(INFO)

    def say(self, level: int, event: str, *, decision: str | None = None, **fields: object) -> None:
        """One event. *decision* is the token of the intent it belongs to."""
        if not self._logger.isEnabledFor(level):
            return
        at = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC).isoformat(timespec="milliseconds")
        told: dict[str, object] = {"ts": at, "level": logging.getLevelName(level).lower(), "event": event, **self._who}
        if decision is not None:
            told["decision"] = decision
        self._logger.log(level, event, extra={_FIELDS: {**told, **fields}})


class JsonLines(logging.Formatter):
    """One JSON object, in ASCII, on one line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(getattr(record, _FIELDS, {"event": record.getMessage()}), default=str)


class TextLines(logging.Formatter):
    """``time level component[instance] event name=value …``; values as JSON where they are not plain words."""

    def format(self, record: logging.LogRecord) -> str:
        told = getattr(record, _FIELDS, None)
        if told is None:
            return json.dumps(record.getMessage())
        head = f"{told['ts']} {told['level']:7} {told['component']}[{told['instance']}] {told['event']}"
        names = [*(["decision"] if "decision" in told else []), *(name for name in told if name not in _FIRST)]
        return " ".join([head, *(f"{name}={_plain(told[name])}" for name in names)])


def _plain(value: object) -> str:
    text = str(value)
    bare = isinstance(value, str | int | float) and text.isascii() and text.isprintable() and " " not in text and text
    return text if bare else json.dumps(value, default=str)


def configure(
    level: str, *, stream: TextIO | None = None, form: Format = Format.TEXT, file: Path | None = None
) -> None:
    """Let this process be heard: from *level* on, on *stream* in *form*, and in *file*, which processes share, as JSON.

    Raises:
        KeyError: there is no such level.
    """
    logger = logging.getLogger(ROOT)
    for handler in list(logger.handlers):
        if not isinstance(handler, logging.NullHandler):
            logger.removeHandler(handler)
            handler.close()
    logger.setLevel(LEVELS[level])
    logger.propagate = False
    if stream is not None:
        shown = logging.StreamHandler(stream)
        shown.setFormatter(JsonLines() if form is Format.JSON else TextLines())
        logger.addHandler(shown)
    if file is not None:
        kept = SharedFile(file)
        kept.setFormatter(JsonLines())
        logger.addHandler(kept)
