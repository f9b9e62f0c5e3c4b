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
