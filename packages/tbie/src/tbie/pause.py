"""A pause: one failure class (tenant, stage, reason) that is not tried for a while, except for one probe.

A value and its form as a document of Truth. Callers: the reconciler, which opens, probes and ends pauses, and workers,
which put off what belongs to one. Why: docs/adr/0013-pauses.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tbie.core.fingerprint import fingerprint
from tbie.core.keys import ItemKey
from tbie.core.outcome import Facts
from tbie.truth import Document

PAUSE = "pause"
"""The kind of these documents."""


class FailureClass(NamedTuple):
    """Attempts that fail together: one dependency of one tenant's stage, usually."""

    tenant: str
    stage: str
    reason: str

    @property
    def name(self) -> str:
        """The name of its document: the parts may hold any character, so they are hashed."""
        return fingerprint(
            {
                "tenant": self.tenant.encode("utf-8", "backslashreplace").decode(),
                "stage": self.stage,
                "reason": self.reason.encode("utf-8", "backslashreplace").decode(),
            }
        )


class Pause(NamedTuple):
    """How one pause stands."""

    of: FailureClass
    since_ms: int
    until_ms: int
    """When it is time for a probe; while one is out, when to stop waiting for it."""
    trips: int
    """Probes that have failed: the interval has doubled this often."""
    probe: str = ""
    """The token of the one row that is tried, empty if none is out."""
    probe_item: str = ""
    probe_attempts: int = 0
    """Attempts of that row before it was tried."""
    healed: bool = False
    """A probe got through: nobody is put off any more, and every row of the class is being woken."""
    evidence: Facts = MappingProxyType({})

    @property
    def probe_key(self) -> ItemKey:
        """The item of the probe."""
        return ItemKey(self.of.tenant, self.probe_item)

    def body(self) -> Facts:
        """As a document holds it."""
        fields = self._asdict()
        del fields["of"]
        return {**self.of._asdict(), **fields, "evidence": dict(self.evidence)}


def read_pause(document: Document) -> Pause | None:
    """The pause that *document* holds; None if it was not written by this program."""
    body = document.body
    try:
        of = FailureClass(str(body["tenant"]), str(body["stage"]), str(body["reason"]))
        evidence = body.get("evidence")
        return Pause(
            of,
            _number(body["since_ms"]),
            _number(body["until_ms"]),
            _number(body["trips"]),
            str(body.get("probe", "")),
            str(body.get("probe_item", "")),
            _number(body.get("probe_attempts", 0)),
            bool(body.get("healed", False)),
            dict(evidence) if isinstance(evidence, Mapping) else {},
        )
    except (KeyError, TypeError):
        return None


def read_pauses(documents: Iterable[Document]) -> dict[FailureClass, tuple[Pause, Document]]:
    """Every pause with its document, by failure class."""
    found = {}
    for document in documents:
        pause = read_pause(document)
        if pause is not None:
            found[pause.of] = (pause, document)
    return found


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is not a number")
    return value
