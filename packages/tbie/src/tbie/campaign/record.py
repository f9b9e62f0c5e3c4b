"""A campaign as a value: what is stored in its document, and how one page changes it. Pure.

Callers: ``desk`` and ``driver`` write it; the application shows it.

    running ──last page──▶ done          running ──cancel──▶ cancelled ──resume──▶ running
       │ ▲                                  paused ──cancel──▶ cancelled
       └─┴─ selector cannot be read: paused; resume: running
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from tbie.core.cause import Cause
from tbie.core.errors import TbieError
from tbie.core.keys import ItemKey
from tbie.core.outcome import Facts
from tbie.truth import Item

KIND = "campaign"
"""Kind of the documents."""

OTHERS = "(other tenants)"
TENANTS_COUNTED = 200
"""Tenants that are counted by name, so that a document stays small; the rest are counted together."""

Selects = Callable[[Item, Item], bool]
"""Given an item as it was when the campaign began, and as it is now: whether it is to be reset."""
Grades = Callable[[Item], str]
"""How the application calls the state of an item in the summary: its verdict, say."""


class CampaignError(TbieError):
    """There is no such campaign, or it cannot do that now. ``campaign list`` shows all of them and their states."""


class SelectorError(TbieError):
    """The selector of a campaign cannot be read by this program. The campaign is paused; mend or cancel it."""


class CampaignState(StrEnum):
    """Where a campaign stands."""

    RUNNING = "running"
    PAUSED = "paused"  # something is wrong with it; ``problem`` says what
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Counts:
    """Items looked at; those that match; of these, reset; of these, with nothing to reset."""

    looked: int = 0
    matched: int = 0
    reset: int = 0
    skipped: int = 0

    def plus(self, other: Counts) -> Counts:
        """The sum."""
        return Counts(
            self.looked + other.looked,
            self.matched + other.matched,
            self.reset + other.reset,
            self.skipped + other.skipped,
        )


@dataclass(frozen=True, slots=True)
class Campaign:
    """One bulk replay. Times are epoch milliseconds."""

    id: str
    kind: str
    """``replay`` or ``regrade``."""
    selector: str
    """Which items, in the application's language; the kernel hands it on."""
    stage: str
    version: str
    """The version of the stage that was declared when the campaign began, for its tenant or (one name for it) for all. What
    was declared for tenants since then does not stop it: each item is run again by what holds when its turn comes."""
    reason: str
    who: str
    created_ms: int
    from_seq: int
    """Position in the history when it began: what was added later is fresh, and no mark of it can be older."""
    rate_per_s: float
    tenant: str | None = None
    total: int | None = None
    """Items there were when it began."""
    state: CampaignState = CampaignState.RUNNING
    updated_ms: int = 0
    finished_ms: int | None = None
    cursor: ItemKey | None = None
    """The last item that was looked at."""
    counts: Counts = field(default_factory=Counts)
    before: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By tenant, how many of the matching items had which grade when it began. What came of them is read from their histories."""
    waits: str | None = None
    """Why it makes no progress now although it runs: ``rate``, ``room`` (too much is open), ``turn``
    or ``version`` (no driver has the version of the program that it was begun for)."""
    problem: str | None = None
    driver: str | None = None
    """The process that drove it last."""
    program: str = ""
    """The stage's own version in the program that began it: a program that has another one must not drive it. Empty in what
    an older program began: there ``version`` says it."""

    @property
    def number(self) -> int:
        """Order of creation."""
        return int(self.id[1:])

    @property
    def mark(self) -> str:
        """What the histories of its items say of who reset them begins with."""
        return f"{KIND}:{self.id}"

    @property
    def cause(self) -> Cause:
        """Who and why, for the history of each item."""
        return Cause(f"{self.mark} for {self.who}", self.reason)

    def marked(self, cause: Cause) -> bool:
        """Whether a change with that cause is this campaign's reset."""
        return cause.who == self.mark or cause.who.startswith(f"{self.mark} ")

    def body(self) -> dict[str, Any]:
        """As it is stored and shown."""
        return {**asdict(self), "state": self.state.value, "cursor": list(self.cursor) if self.cursor else None}

    def after_page(
        self, counts: Counts, grades: Mapping[str, Mapping[str, int]], cursor: ItemKey | None, last: bool, now_ms: int
    ) -> Campaign:
        """The campaign after one more page; with *last*, there is nothing behind it."""
        return replace(
            self,
            counts=self.counts.plus(counts),
            before=added(self.before, grades),
            cursor=cursor or self.cursor,
            state=CampaignState.DONE if last else self.state,
            finished_ms=now_ms if last else None,
            updated_ms=now_ms,
            waits=None,
        )


def from_body(body: Facts) -> Campaign:
    """What ``body`` gave. Keys that a newer program added are left out."""
    known: dict[str, Any] = {name: body[name] for name in Campaign.__slots__ if name in body}
    cursor = known["cursor"]
    return Campaign(
        **{
            **known,
            "state": CampaignState(known["state"]),
            "cursor": ItemKey(*cursor) if cursor else None,
            "counts": Counts(**known["counts"]),
        }
    )


def added(one: Mapping[str, Mapping[str, int]], other: Mapping[str, Mapping[str, int]]) -> dict[str, Mapping[str, int]]:
    """The sum of two summaries by tenant, with at most ``TENANTS_COUNTED`` tenants by name."""
    total: dict[str, dict[str, int]] = {tenant: dict(grades) for tenant, grades in one.items()}
    for tenant, grades in other.items():
        name = tenant if tenant in total or len(total) < TENANTS_COUNTED else OTHERS
        line = total.setdefault(name, {})
        for grade, count in grades.items():
            line[grade] = line.get(grade, 0) + count
    return dict(total)
