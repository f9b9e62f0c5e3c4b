"""Going on with campaigns, one bounded page at a time. Exactly once for each item, whoever is killed when.

Callers: the engine that leads, once each turn; a command that found no engine, in a loop.

A driver first *claims* a campaign by writing its document; each page is committed with that document as its fence, and the
next position is written by compare-and-set. So of two drivers only the one that claimed last can commit. What a killed driver
had committed without writing the position is known from the histories: each reset item carries the campaign's mark. No clock
takes part in either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tbie.campaign.desk import running
from tbie.campaign.past import as_it_began, is_fresh, mark_of
from tbie.campaign.record import KIND, Campaign, CampaignState, Counts, Grades, SelectorError, Selects
from tbie.core.clock import Clock
from tbie.core.errors import FencedError, TruthUnavailableError
from tbie.core.keys import ItemKey
from tbie.core.settings import Settings
from tbie.truth import Committed, Document, Item, Reset, StageState, TruthStore
from tbie.workflow import Workflow

PAGE = 100
"""Items looked at in one step: about 50 ms, most of it for reading facts, so that the control plane is not kept waiting."""

TURN_S = 0.25
"""Resets are made in the amounts that this long allows: a commit for each single one would keep the disk busy."""

IDLE_LOOK_S = 0.5
"""How often a driver without a campaign looks for one."""


@dataclass(frozen=True, slots=True)
class Stepped:
    """What one step did. ``more``: the next step can go on at once."""

    campaign: Campaign | None = None
    reset: int = 0
    more: bool = False
    lost: bool = False
    """Somebody else wrote the campaign's document meanwhile."""
    blind: str | None = None
    """Why Truth could not be read or written."""


@dataclass(slots=True)
class _Page:
    """What one page comes to, before it is committed."""

    resets: list[ItemKey] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    grades: dict[str, Counter[str]] = field(default_factory=dict)
    cursor: ItemKey | None = None
    full: bool = False
    """It ended because no more resets are allowed now."""

    def match(self, key: ItemKey, grade: str) -> None:
        """One more item that the campaign resets, or has reset already; its grade when the campaign began."""
        self.counts["matched"] += 1
        self.grades.setdefault(key.tenant, Counter())[grade] += 1


class Driver:
    """Drives the campaigns of one Truth, the oldest first.

    Args:
        select: what a campaign's selector means; raises ``SelectorError`` for what cannot be read.
        grade: how an item counts in the summary.
        limit_rate: respect the campaign's rate.
        limit_open: wait while ``campaign_open_items`` are open. Without it the caller is alone, and nobody works here.
        after_reset: called when something was reset (to ring a bell).
        refresh: called before anything is reset: declares in *workflow* what holds by now.
        turns_s: this driver has a turn every so many seconds, maybe each time in another process. What the rate allows
            meanwhile is saved up for it; when the last turn was, the campaign's document says. Without: it turns all the time.
    """

    def __init__(
        self,
        workflow: Workflow,
        truth: TruthStore,
        clock: Clock,
        settings: Settings,
        select: Callable[[Campaign], Selects],
        grade: Grades,
        *,
        name: str = "1",
        limit_rate: bool = True,
        limit_open: bool = True,
        after_reset: Callable[[], None] = lambda: None,
        refresh: Callable[[], object] = lambda: None,
        turns_s: float | None = None,
    ) -> None:
        self._workflow, self._truth, self._clock, self._settings = workflow, truth, clock, settings
        self._select, self._grade, self._name = select, grade, name
        self._limit_rate, self._limit_open = limit_rate, limit_open
        self._after_reset, self._refresh, self._turns_s = after_reset, refresh, turns_s
        self._held: Document | None = None  # as this driver wrote it last
        self._selects: tuple[str, Selects] | None = None
        self._allowed, self._allowed_at_s = 0.0, clock.monotonic_s()
        self._next_look_s = clock.monotonic_s()

    def step(self, only: str | None = None) -> Stepped:
        """One page of the oldest running campaign (or of *only* that one). Never raises for a Truth that is away."""
        now_s = self._clock.monotonic_s()
        if self._held is None and only is None and now_s < self._next_look_s:
            return Stepped()
        try:
            return self._step(only)
        except FencedError:
            self._held = None
            return Stepped(lost=True)
        except TruthUnavailableError as error:
            self._held = None
            return Stepped(blind=str(error))

    def _step(self, only: str | None) -> Stepped:
        found = running(self._truth)
        if found:
            self._refresh()  # only now: whoever declares something and begins a campaign for it does so in that order
        mine = next((p for p in found if only in (None, p[0].id) and self._declares(p[0])), None)
        self._note_waiting([pair for pair in found if pair is not mine])
        if mine is not None:
            return self._turn(*mine)
        self._held = None
        self._next_look_s = self._clock.monotonic_s() + IDLE_LOOK_S
        waiting = [campaign for campaign, _ in found if only in (None, campaign.id)]
        return Stepped(replace(waiting[0], waits="version") if waiting else None)

    def _note_waiting(self, others: list[tuple[Campaign, Document]]) -> None:
        """Say now and then of campaigns whose turn has not come that they are not forgotten, and of others what they lack.

        One that nobody here may drive is left to fall silent after that: somebody has to look.
        """
        now_ms = self._clock.now_ms()
        for campaign, document in others:
            waits = "turn" if self._declares(campaign) else "version"
            due = waits == "turn" and now_ms - campaign.updated_ms >= self._settings.heartbeat_interval_s * 10_000
            if due or campaign.waits != waits:
                noted = replace(campaign, waits=waits, updated_ms=now_ms)
                self._truth.write_document(KIND, campaign.id, noted.body(), document.revision)

    def _declares(self, campaign: Campaign) -> bool:
        """Whether this is the program that the campaign was begun for.

        What it declares for tenants by now does not matter: that comes from Truth, so nobody would ever declare again what
        was replaced there, and a campaign that waits for it would wait for ever.
        """
        stage = self._workflow.get(campaign.stage)
        if stage is not None and campaign.program:
            return stage.version == campaign.program
        return self._workflow.declared(campaign.stage, campaign.tenant) == campaign.version

    def _turn(self, campaign: Campaign, document: Document) -> Stepped:
        room, waits_for = self._room(campaign)
        if room < 1:
            waited_ms = self._clock.now_ms() - campaign.updated_ms
            if waited_ms < self._settings.heartbeat_interval_s * 1000:
                return Stepped(campaign)
            waiting = replace(campaign, waits=waits_for, updated_ms=self._clock.now_ms())
            return Stepped(waiting, lost=self._write(waiting, document) is None)  # it lives, and says so
        if self._held is None or document.revision != self._held.revision:
            claimed = replace(campaign, driver=self._name, updated_ms=self._clock.now_ms())
            fresh = self._write(claimed, document)
            if fresh is None:
                return Stepped(campaign, lost=True)
            campaign, document = claimed, fresh
        try:
            page, last = self._look(campaign, room)
        except SelectorError as error:
            paused = replace(campaign, state=CampaignState.PAUSED, problem=str(error), updated_ms=self._clock.now_ms())
            return Stepped(paused, lost=self._write(paused, document) is None)
        reset = self._commit(campaign, document, page)
        counts = Counts(**page.counts)
        after = campaign.after_page(counts, page.grades, page.cursor, last, self._clock.now_ms())
        if self._write(after, document) is None:
            return Stepped(campaign, reset, lost=True)
        return Stepped(after, reset, more=not last and not page.full)

    def _look(self, campaign: Campaign, room: int) -> tuple[_Page, bool]:
        """The next page, and whether nothing is behind it."""
        selects = self._selector(campaign)
        items = self._truth.items(campaign.tenant, campaign.cursor, PAGE)
        page = _Page()
        for item in items:
            if len(page.resets) >= room:
                page.full = True
                break
            self._consider(campaign, selects, item, page)
            page.cursor = item.key
        return page, len(items) < PAGE and not page.full

    def _consider(self, campaign: Campaign, selects: Selects, item: Item, page: _Page) -> None:
        page.counts["looked"] += 1
        record, then = item.stages.get(campaign.stage), item
        near_ms = campaign.created_ms - self._settings.clock_tolerance_s * 1000
        if any(r.updated_ms >= near_ms for r in item.stages.values()):  # only then its history can tell anything new
            entries = self._truth.history(item.key)
            if is_fresh(entries, campaign):
                return
            then = as_it_began(item, entries, campaign)
            if mark_of(entries, campaign) is not None:  # whoever drove before was killed before the note of this reset
                page.counts["reset"] += 1
                page.match(item.key, self._grade(then))
                return
        if not _selected(selects, then, item):
            return
        page.match(item.key, self._grade(then))
        if record is None or record.state is StageState.WAITING:
            page.counts["skipped"] += 1
        else:
            page.resets.append(item.key)

    def _commit(self, campaign: Campaign, document: Document, page: _Page) -> int:
        if not page.resets:
            return 0
        commands = [Reset(key, campaign.stage, campaign.cause) for key in page.resets]
        done = sum(isinstance(result, Committed) for result in self._truth.commit(commands, document))
        page.counts["reset"] += done
        page.counts["skipped"] += len(commands) - done
        self._allowed -= done
        self._after_reset()
        return done

    def _room(self, campaign: Campaign) -> tuple[int, str]:
        """How many items may be reset now, and what there is too little of if that is none."""
        rate, room = campaign.rate_per_s, PAGE
        least = max(1, min(PAGE, int(rate * TURN_S)))
        if self._limit_rate:
            now_s = self._clock.monotonic_s()
            allowed = self._allowed + (now_s - self._allowed_at_s) * rate
            if self._turns_s is not None:  # nothing has been reset since the document was written
                allowed = max(allowed, (self._clock.now_ms() - campaign.updated_ms) / 1000 * rate)
            self._allowed = min(max(1.0, rate * (self._turns_s or 1.0)), allowed)
            self._allowed_at_s = now_s
            if self._allowed < least:
                return 0, "rate"
            room = min(room, int(self._allowed))
        if self._limit_open:
            tally = self._truth.tally()
            is_open = sum(count for (_, _, state), count in tally.items() if state is StageState.PENDING)
            most_open = self._settings.campaign_open_items
            if most_open - is_open < min(least, max(1, most_open // 10)):
                return 0, "room"
            room = min(room, most_open - is_open)
        return room, ""

    def _selector(self, campaign: Campaign) -> Selects:
        if self._selects is None or self._selects[0] != campaign.id:
            self._selects = (campaign.id, self._select(campaign))
        return self._selects[1]

    def _write(self, campaign: Campaign, document: Document) -> Document | None:
        """The document as it is now, or None (and nothing held) if somebody else wrote first."""
        self._held = self._truth.write_document(KIND, campaign.id, campaign.body(), document.revision)
        return self._held


def _selected(selects: Selects, then: Item, item: Item) -> bool:
    try:
        return selects(then, item)
    except SelectorError:
        raise
    except Exception as error:
        raise SelectorError(
            f"the selector cannot be applied to {item.key.item} of {item.key.tenant}: {type(error).__name__}: {error}"
        ) from error
