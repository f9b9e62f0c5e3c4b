"""Every number the kernel runs by, with its unit in its name and its reason beside it.

Settings that contradict each other are refused when they are built, with the incident they would cause.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import NamedTuple

from tbie.core.errors import SettingsError


class Contradiction(NamedTuple):
    """Two settings of which one must not exceed the other, and the incident that it would cause."""

    small: str
    large: str
    because: str
    incident: str
    remedy: str
    strictly: bool = False


CONTRADICTIONS = (
    Contradiction(
        "outage_window_s", "retention_s", "messages would expire while nobody works", "9b, intent_expired",
        "Raise retention_s",
    ),
    Contradiction(
        "visibility_timeout_s", "retention_s", "a message would expire in the hands of the worker that holds it",
        "9b, intent_expired", "Raise retention_s", strictly=True,
    ),
    Contradiction(
        "pause_max_s", "retention_s", "messages of a paused class would expire before the pause ends",
        "9b, intent_expired", "Lower pause_max_s", strictly=True,
    ),
    Contradiction(
        "reset_cooldown_s", "retention_s", "the dead letter, and the evidence in it, would expire before the reset",
        "3, dirty_retry", "Lower reset_cooldown_s", strictly=True,
    ),
    Contradiction(
        "silence_s", "visibility_timeout_s",
        "the items of a dead worker would be handed on before anybody reports its silence", "8, control_plane_silent",
        "Lower heartbeat_interval_s or heartbeat_cycles",
    ),
    Contradiction(
        "sweep_interval_s", "visibility_timeout_s", "lost intents would be found later than dead workers",
        "2, truth_without_intent", "Lower sweep_interval_s",
    ),
    Contradiction(
        "heartbeat_interval_s", "leader_lease_s", "the term would end between two renewals, and a second one begin",
        "two_reconcilers", "Raise leader_lease_s", strictly=True,
    ),
    Contradiction(
        "poll_interval_s", "heartbeat_interval_s", "an engine that waits for work would be reported as dead",
        "8, control_plane_silent", "Lower poll_interval_s",
    ),
    Contradiction(
        "poll_interval_s", "boot_claim_budget_s", "a worker would be reported before it looks for work a second time",
        "6a, bootstrap_silence", "Raise boot_claim_budget_s", strictly=True,
    ),
    Contradiction(
        "heartbeat_interval_s", "boot_register_budget_s", "a worker would be reported before its sign of life is due",
        "6a, bootstrap_silence", "Raise boot_register_budget_s", strictly=True,
    ),
    Contradiction(
        "poll_interval_s", "idle_exit_s", "workers would leave before they look for work a second time, and be "
        "started again for each item", "6a, worker_crash_loop", "Raise idle_exit_s",
    ),
    Contradiction(
        "pause_base_s", "pause_max_s", "a failing class would be tried more often the longer it fails",
        "10, replay_storm", "Raise pause_max_s",
    ),
    Contradiction(
        "pause_window_s", "reset_cooldown_s", "resets would feed a failing class while its failures are still being "
        "counted, and spend their budget on one incident", "3, dirty_retry", "Raise reset_cooldown_s",
    ),
)  # fmt: skip
"""What is refused when settings are built: what would do harm by itself. What is only unwise is `doctor`'s to say."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Budgets and intervals. Tests make them small; nothing in the kernel sleeps to wait for them.

    Raises:
        SettingsError: two of them contradict each other.
    """

    visibility_timeout_s: float = 60.0
    """How long a received message is hidden. Longer than the longest realistic run, so that no second worker starts
    on it; a worker extends it while it works, so it need not be longer than that."""
    visibility_margin_ratio: float = 1.5
    """Visibility timeout ÷ longest stage run must reach this: machines stall, clocks differ."""
    retention_s: float = 14 * 86_400.0
    """How long a queue keeps a message: the longest that the usual queues offer, because Intent costs little."""
    outage_window_s: float = 4 * 86_400.0
    """The longest time that nobody works and nobody looks: a long weekend. Retention must exceed it."""
    stream_batch: int = 64
    """Changes read at once: about 4 ms, after which another tenant's first item has its turn. A thousand at once would
    make each of them hardly cheaper (53 µs instead of 65)."""
    sweep_interval_s: float = 10.0
    """How often the safety net compares all open stages with their intents: the longest a lost intent stays lost."""
    sweep_page: int = 100
    """Open stages compared at once: about 4 ms, after which the newest changes have their turn."""
    sweep_grace_s: float = 1.0
    """A stage this young is left to the change stream, which is on its way."""
    barrier_patience_s: float = 30.0
    """How long a stage that compares items waits for a tenant that never falls silent."""
    poll_interval_s: float = 0.25
    """How often a waiter looks although no bell rang: a lost ring costs this much, an idle process under 0.1 % CPU."""
    heartbeat_interval_s: float = 2.0
    """How often a component says that it lives: one small durable write."""
    heartbeat_cycles: int = 3
    """Missed heartbeats after which silence is reported."""
    min_blind_workers: int = 1
    """Workers to wake when the queue cannot be read although Truth has open work."""
    idle_exit_s: float = 10.0
    """A worker that had nothing to do for this long leaves: that is how the fleet scales to zero."""
    boot_start_budget_s: float = 10.0
    """From asking for a worker to its process: starting one takes milliseconds, on a loaded machine a second."""
    boot_register_budget_s: float = 20.0
    """From its process to its first sign of life: importing the decoders takes a second, on a cold disk ten."""
    boot_claim_budget_s: float = 30.0
    """From its first sign of life to its first intent while work is visible: a worker looks four times a second."""
    boot_load_budget_s: float = 900.0
    """The same for a worker that says that it is loading: a model of 16 GiB, hashed and read from a slow disk."""
    boot_complete_margin_s: float = 30.0
    """From its first intent to its first result, beyond the longest run of the stage: a commit, and a busy disk."""
    leader_lease_s: float = 10.0
    """How long a reconciler leads without renewing: a paused process is replaced after this, and never leads twice."""
    express_lane_items: int = 100
    """Newly opened stages that are sent between two batches while the stream lags, shared fairly among their tenants:
    one tenant's flood delays nobody. Ten times as many changes are looked at."""
    stream_batches: int = 8
    """Batches of the stream in a row before the sweep gets its turn: a busy stream must not starve the safety net."""
    sweep_share_pages: int = 4
    """Pages of a sweep that is under way, for each turn of the stream: both go on, neither waits for the other."""
    pause_failure_count: int = 10
    """Attempts of one failure class (tenant, stage, reason) that fail within the window before that class is paused:
    more than one bad batch, fewer than would burn the receives of a backlog."""
    pause_window_s: float = 60.0
    """How far back failed attempts of one class count together."""
    pause_base_s: float = 10.0
    """The first pause; it doubles with each probe that fails."""
    pause_max_s: float = 300.0
    """The longest pause: what has healed is noticed within five minutes."""
    reset_budget_count: int = 2
    """Automatic resets of one stage after retriable failures: two more generations of attempts, then a person decides."""
    reset_cooldown_s: float = 600.0
    """How long a retriable failure rests before it is reset: what was in the way has had time to go."""
    ledger_rows: int = 50_000
    """Decisions kept in the ledger: about 10 MB, a day of incidents on a busy instance."""
    campaign_rate_per_s: float = 200.0
    """Items that a campaign may reset in a second: below what one machine works off, so that fresh work is not delayed."""
    campaign_open_items: int = 500
    """Open stages above which a campaign waits: a replay must not build a backlog in front of fresh work."""
    clock_tolerance_s: float = 5.0
    """How far the clocks of two processes may differ before it is a finding: leases are counted in tens of seconds."""
    disk_headroom_bytes: int = 256 * 1024 * 1024
    """Free space below which the disk is nearly full: room for a few thousand previews and a checkpoint of Truth."""

    def __post_init__(self) -> None:
        for field in fields(self):
            _check_number(field.name, getattr(self, field.name), whole=isinstance(field.default, int))
        for limit in CONTRADICTIONS:
            small, large = getattr(self, limit.small), getattr(self, limit.large)
            if not (small < large if limit.strictly else small <= large):
                raise SettingsError(
                    f"{limit.large}={large:g} {'does not exceed' if limit.strictly else 'is shorter than'} "
                    f"{limit.small}={small:g}: {limit.because} (incident {limit.incident}). {limit.remedy}."
                )

    @property
    def silence_s(self) -> float:
        """A component unheard for longer than this is reported."""
        return self.heartbeat_interval_s * self.heartbeat_cycles

    def check_stage(self, stage: str, max_run_s: float) -> None:
        """Refuse a stage whose run outlasts the visibility timeout.

        Raises:
            SettingsError: its message would become visible to a second worker during the run.
        """
        if max_run_s * self.visibility_margin_ratio > self.visibility_timeout_s:
            raise SettingsError(
                f"stage {stage!r} may run {max_run_s:g} s but visibility_timeout_s={self.visibility_timeout_s:g} leaves no "
                f"margin of {self.visibility_margin_ratio:g}: a second worker would start on the same item (incident 1, "
                "intent_destroyed_early). Raise visibility_timeout_s or lower the stage's max_run_s."
            )


MAY_BE_ZERO = frozenset(
    {
        "outage_window_s",
        "sweep_grace_s",
        "barrier_patience_s",
        "min_blind_workers",
        "express_lane_items",
        "reset_budget_count",
        "reset_cooldown_s",
        "pause_window_s",
        "clock_tolerance_s",
        "disk_headroom_bytes",
        "boot_complete_margin_s",
    }
)
"""Settings whose zero means something: no grace, no automatic resets. Of any other, zero is a standstill or a busy loop."""


def _check_number(name: str, value: object, *, whole: bool) -> None:
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not math.isfinite(value):
        raise SettingsError(f"{name} must be a {'whole' if whole else 'finite'} number, not {value!r}")
    if value < 0 or (value == 0 and name not in MAY_BE_ZERO):
        needed = "from 0" if name in MAY_BE_ZERO else "positive"
        raise SettingsError(f"{name} must be {needed}, not {value:g}")
    if name == "visibility_margin_ratio" and value < 1:
        raise SettingsError(
            f"visibility_margin_ratio={value:g} is below 1: messages would become visible during the run that it allows "
            "(incident 1, intent_destroyed_early). Raise visibility_margin_ratio."
        )
