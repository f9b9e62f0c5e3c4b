"""What several rules ask of the readings: who leads, what is open, which intents are missing. Pure.

Callers: the rules and the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from tbie.core.finding import Evidence
from tbie.core.keys import ItemKey
from tbie.core.reading import FleetView, Known
from tbie.core.settings import Settings
from tbie.diagnose.heartbeats import WORKER, leader, position
from tbie.diagnose.readings import History, Readings
from tbie.intent import Presence
from tbie.truth import Heartbeat, Item, OpenStage, StageRecord, StageState


class Gap(NamedTuple):
    """An open stage for which the queue holds no message of its token."""

    row: OpenStage
    record: StageRecord
    other: Presence | None
    """A message of another token that is there in its place."""


@dataclass(frozen=True)
class View:
    """Readings, settings, and what follows from them."""

    readings: Readings
    settings: Settings

    @property
    def now_ms(self) -> int:
        """When the readings were taken."""
        return self.readings.at_ms

    @cached_property
    def silence_ms(self) -> int:
        """A heartbeat older than this is silence."""
        return int(self.settings.silence_s * 1000)

    @cached_property
    def reaction_ms(self) -> int:
        """How young a gap may be: the grace of the sweep, and one look of the stream."""
        return int(1000 * (self.settings.sweep_grace_s + self.settings.poll_interval_s))

    def read(self, name: str, value: object, source: str, at_ms: int | None = None) -> Evidence:
        """Evidence that was read for this diagnosis."""
        return Evidence(name, value, source, self.now_ms if at_ms is None else at_ms)

    # -- components

    @cached_property
    def beats(self) -> tuple[Heartbeat, ...]:
        """The heartbeats; none if they could not be read."""
        reading = self.readings.control.heartbeats
        return reading.value if isinstance(reading, Known) else ()

    def is_fresh(self, beat: Heartbeat) -> bool:
        """Whether it was sent a moment ago."""
        return self.now_ms - beat.at_ms <= self.silence_ms

    @cached_property
    def leader(self) -> Heartbeat | None:
        """The heartbeat of the reconciler that leads, if it is fresh."""
        newest = leader(self.beats)
        return newest if newest is not None and self.is_fresh(newest) else None

    def workers(self, pool: str) -> list[Heartbeat]:
        """Fresh heartbeats of the workers of *pool*, those that decline work left out."""
        return [
            beat
            for beat in self.beats
            if beat.component == WORKER
            and beat.body.get("pool") == pool
            and beat.body.get("state") != "execution_drift"
            and self.is_fresh(beat)
        ]

    def last_heard_ms(self, pool: str) -> int | None:
        """When any worker of *pool* was heard last, those that decline work included."""
        mine = (b.at_ms for b in self.beats if b.component == WORKER and b.body.get("pool") == pool)
        return max(mine, default=None)

    def fleet(self, pool: str) -> Known[FleetView] | None:
        """What is known of the fleet of *pool*."""
        reading = self.readings.execution.fleets.get(pool)
        return reading if isinstance(reading, Known) else None

    # -- work

    @cached_property
    def unsettled(self) -> bool | None:
        """Whether anything is open, or waits for something that only the reconciler does; None if nobody knows."""
        reading = self.readings.truth.tally
        if not isinstance(reading, Known):
            return None
        return any(count and not state.final for (_, _, state), count in reading.value.items())

    def pending(self, stage: str | None = None) -> int | None:
        """Open rows, of one stage or of all; None if nobody knows."""
        reading = self.readings.truth.tally
        if not isinstance(reading, Known):
            return None
        return sum(
            count
            for (_, name, state), count in reading.value.items()
            if state is StageState.PENDING and stage in (None, name)
        )

    @cached_property
    def rows(self) -> tuple[OpenStage, ...]:
        """The oldest open rows."""
        reading = self.readings.truth.opened
        return reading.value.rows if isinstance(reading, Known) else ()

    @cached_property
    def items(self) -> dict[ItemKey, Item]:
        """The items that were looked at."""
        reading = self.readings.truth.items
        return dict(reading.value) if isinstance(reading, Known) else {}

    def presence(self, row: OpenStage) -> Presence | None:
        """The message that stands in the queue for the item and stage of *row*; None also if that could not be read."""
        reading = self.readings.intent.presences.get(row.stage)
        return reading.value.get(row.key) if isinstance(reading, Known) else None

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """Open stages that certainly have no intent, longer than the stream needs: the oldest of them."""
        found = []
        for row in self.rows:
            if not isinstance(self.readings.intent.presences.get(row.stage), Known):
                continue
            other = self.presence(row)
            if other is not None and other.token == row.token:
                continue
            item = self.items.get(row.key)
            record = item.stages.get(row.stage) if item is not None else None
            if record is None or record.state is not StageState.PENDING or record.token != row.token:
                continue  # settled, or sent anew, while it was looked at
            if not 0 <= self.now_ms - record.updated_ms < self.reaction_ms:  # a clock that is ahead hides no gap
                found.append(Gap(row, record, other))
        return tuple(sorted(found, key=lambda gap: gap.row.since_ms))

    @cached_property
    def history(self) -> Known[History] | None:
        """What the ledger holds."""
        reading = self.readings.control.history
        return reading if isinstance(reading, Known) else None

    @cached_property
    def cursor(self) -> int | None:
        """How far the change stream has certainly been read."""
        return position(self.readings.control.heartbeats, self.readings.control.cursor)
