"""Every number the kernel runs by, with its unit in its name and its reason beside it.

Settings that contradict each other are refused when they are built, with the incident they would cause.
"""

from __future__ import annotations

from dataclasses import dataclass

from tbie.core.errors import SettingsError


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
    stream_batch: int = 1_000
    """Changes read at once: bounds memory and the length of one queue transaction (about 20 ms)."""
    sweep_interval_s: float = 10.0
    """How often the safety net compares all open stages with their intents: the longest a lost intent stays lost."""
    sweep_page: int = 1_000
    """Open stages compared at once: keeps each lock under 50 ms."""
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
    boot_complete_margin_s: float = 30.0
    """From its first intent to its first result, beyond the longest run of the stage: a commit, and a busy disk."""
    leader_lease_s: float = 10.0
    """How long a reconciler leads without renewing: a paused process is replaced after this, and never leads twice."""
    express_lane_items: int = 200
    """Newest changes that are looked at between two batches while the stream lags: one tenant's flood delays nobody."""
    stream_batches: int = 8
    """Batches of the stream in a row before the sweep gets its turn: a busy stream must not starve the safety net."""
    sweep_share_pages: int = 2
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
        if self.retention_s < self.outage_window_s:
            raise SettingsError(
                f"retention_s={self.retention_s:g} is shorter than outage_window_s={self.outage_window_s:g}: messages would "
                "expire while nobody works (incident 9b, intent_expired). Raise retention_s."
            )
        if self.sweep_interval_s > self.visibility_timeout_s:
            raise SettingsError(
                f"sweep_interval_s={self.sweep_interval_s:g} exceeds visibility_timeout_s={self.visibility_timeout_s:g}: lost "
                "intents would be found later than dead workers (incident 2, truth_without_intent). Lower sweep_interval_s."
            )
        for name in (
            "stream_batch",  # 0 would read nothing for ever, and call that a full batch
            "sweep_page",
            "heartbeat_cycles",
            "visibility_timeout_s",
            "sweep_interval_s",
            "poll_interval_s",
            "heartbeat_interval_s",
            "idle_exit_s",
            "leader_lease_s",
            "stream_batches",
            "sweep_share_pages",
            "pause_failure_count",
            "pause_base_s",
            "ledger_rows",
            "campaign_rate_per_s",
        ):
            if getattr(self, name) <= 0:
                raise SettingsError(f"{name} must be positive, not {getattr(self, name):g}")

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
