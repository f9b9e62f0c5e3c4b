"""One Auto Scaling group as AWS runs it, under a test's clock: the rules alone, no interface.

No server that runs offline keeps these rules (the usual mock is in service at once, ignores the maximum, has an empty warm
pool and launches images that do not exist), so they are written down here, each with where it is from:

1. An instance is Pending, runs, waits (Pending:Wait) while the launch hook is open, and is InService once it is completed;
   abandoned, or not completed in the hook's time, it is ended and another one comes (API: CompleteLifecycleAction).
2. Instances of a warm pool boot once, complete the same hook and are stopped; from there they take the way of rule 1 again
   (user guide, warm pools). They are not listed with the group's instances (measured on the service model: DescribeWarmPool
   lists them); their protection cannot be set (API: SetInstanceProtection).
3. A stopped instance holds no capacity: starting it may fail as a launch may. The group tries again after a while, and says
   why not in its activities alone (API: DescribeScalingActivities, Failed or Cancelled; troubleshooting pages for the words).
4. Scale-in takes instances in service that are not protected. If none is left it says so once, Cancelled, and leaves the rest.
5. Protection holds against scale-in only: an unhealthy instance is replaced, an interrupted one goes two minutes after the
   notice (user guide, instance scale-in protection).
6. New instances are protected if the group says so; it takes hold when they come into service.
7. An instance that is ended waits (Terminating:Wait) while the hook for that is open; its time over, it goes.
8. A refresh replaces instances in service that are not protected; those of the warm pool keep the old template (incident 6a;
   the documentation of warm pools in CloudFormation says the same of a rolling update).
9. The metadata of an instance name the state that it is on the way to, not the one that it is in (user guide, target
   lifecycle state).
10. A desired size above the maximum or below the minimum is refused.

Not from a source, and chosen to be hard on the caller: which of several idle instances goes (the oldest), how long each step
takes (``Pace``), and that an instance on its way is never chosen, so that it must leave by the front door.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zlib import crc32

NOTICE_MS = 120_000
ENDINGS = ("Terminating", "Warmed:Terminating")


@dataclass(frozen=True, slots=True)
class Pace:
    """How long AWS takes, milliseconds; a test may make it faster or slower."""

    launch_ms: int = 30_000
    start_ms: int = 15_000
    """A stopped instance of the warm pool."""
    proceed_ms: int = 1_000
    stop_ms: int = 20_000
    end_ms: int = 20_000
    launch_hook_ms: int = 900_000
    end_hook_ms: int = 300_000
    retry_ms: int = 60_000
    health_ms: int = 60_000
    """Until somebody notices that an instance is dead."""


@dataclass(slots=True)
class Instance:
    """One machine."""

    id: str
    template: str
    state: str
    target: str
    due_ms: int | None
    """When it goes on by itself."""
    protected: bool = False
    on: bool = False
    """Whether a program could run there."""
    boots: int = 0
    hook: str | None = None
    hook_until_ms: int = 0
    notice_ms: int | None = None
    activity: dict[str, object] = field(default_factory=dict)
    because: str = ""


@dataclass(slots=True)
class Rules:
    """The group *name*."""

    name: str
    minimum: int = 0
    maximum: int = 4
    protects_new: bool = True
    warm_minimum: int | None = None
    """Instances that the warm pool keeps; None: there is no warm pool."""
    hooks: bool = True
    template: str = "lt-0a:1"
    pace: Pace = field(default_factory=Pace)
    desired: int = 0
    shortage: bool = False
    image_missing: bool = False
    suspended: set[str] = field(default_factory=set)
    on_end: Callable[[Instance, str], None] = lambda _instance, _because: None
    """Called when a machine is gone, with why: ``scale-in``, ``abandoned``, ``interrupted``, ``unhealthy``, ``refresh``."""
    instances: dict[str, Instance] = field(default_factory=dict)
    activities: list[dict[str, object]] = field(default_factory=list)
    at_ms: int = 0
    retry_ms: int = 0
    complained: bool = False
    count: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    # -- time

    def run(self, now_ms: int) -> None:
        """Let everything happen that is due until *now_ms*, in order."""
        while (
            due := min((m for m in map(self._next, self.instances.values()) if m is not None), default=None)
        ) is not None:
            retry = self.retry_ms if self.at_ms < self.retry_ms <= now_ms else None
            moment = min(due, retry) if retry is not None else due
            if moment > now_ms:
                break
            self.at_ms = max(self.at_ms, moment)
            for instance in [
                m for m in self.instances.values() if (n := self._next(m)) is not None and n <= self.at_ms
            ]:
                self._go_on(instance)
            self._balance()
        self.at_ms = max(self.at_ms, now_ms)
        self._balance()

    @staticmethod
    def _next(m: Instance) -> int | None:
        times = [t for t in (m.due_ms, m.hook_until_ms if m.hook else None, m.notice_ms) if t is not None]
        return min(times, default=None)

    def _go_on(self, m: Instance) -> None:
        if m.notice_ms is not None and m.notice_ms <= self.at_ms:
            self._gone(m, "interrupted", "an EC2 health check indicating it has been terminated or stopped")
        elif m.hook and m.hook_until_ms <= self.at_ms:
            self.complete(m, abandon=m.hook == "launch", why="Heartbeat Timeout")
        elif m.state in ("Pending", "Warmed:Pending") and m.hook is None:
            m.on, m.boots = True, m.boots + 1
            if self.hooks:
                m.state, m.due_ms, m.hook = f"{m.state}:Wait", None, "launch"
                m.hook_until_ms = self.at_ms + self.pace.launch_hook_ms
            else:
                m.state, m.due_ms = f"{m.state}:Proceed", self.at_ms + self.pace.proceed_ms
        elif m.state == "Pending:Proceed":
            m.state, m.due_ms, m.protected = "InService", None, self.protects_new
            m.activity["StatusCode"] = "Successful"
        elif m.state == "Warmed:Pending:Proceed":
            m.state, m.due_ms, m.on = "Warmed:Stopped", None, False
            m.activity["StatusCode"] = "Successful"
        elif m.state == "Terminating":
            m.state, m.due_ms, m.hook = "Terminating:Wait", None, "terminate"
            m.hook_until_ms = self.at_ms + self.pace.end_hook_ms
        elif m.state.endswith("Proceed") or m.state == "Warmed:Terminating":
            self._gone(m, m.because, None)
        else:  # it was dead, and now that is noticed
            self._gone(m, "unhealthy", "EC2 instance status checks failure")

    # -- what the group does by itself

    def _balance(self) -> None:
        present = [m for m in self.instances.values() if m.state.startswith("Pending") or m.state == "InService"]
        if len(present) < self.desired and self.at_ms >= self.retry_ms and "Launch" not in self.suspended:
            for _ in range(self.desired - len(present)):
                if not self._obtain():
                    break
        excess = len(present) - self.desired
        if excess > 0 and "Terminate" not in self.suspended:
            idle = [m for m in present if m.state == "InService" and not m.protected]
            for m in idle[:excess]:
                self.end(m, "scale-in", "a difference between desired and actual capacity, shrinking the capacity")
            if not idle and all(m.state == "InService" for m in present) and not self.complained:
                self.complained = True
                words = (
                    "Could not scale to desired capacity because all remaining instances are protected from scale-in."
                )
                self._tell(words, "a difference between desired and actual capacity", "Cancelled", words)
        self._keep_warm()

    def _obtain(self) -> bool:
        warm = [m for m in self.instances.values() if m.state == "Warmed:Stopped"]
        if self.shortage:
            return self._fail(
                "We currently do not have sufficient g6.xlarge capacity in the Availability Zone you requested (eu-central-1a). "
                "Our system will be working on provisioning additional capacity."
            )
        if warm:
            m = warm[0]
            m.state, m.target, m.due_ms = "Pending", "InService", self.at_ms + self.pace.start_ms
            m.activity = self._tell(
                f"Launching a new EC2 instance from warm pool: {m.id}", "a user request", "InProgress"
            )
            return True
        return self._launch("Pending", "InService", "Launching a new EC2 instance")

    def _launch(self, state: str, target: str, words: str) -> bool:
        if self.image_missing:
            return self._fail("The image id '[ami-0deadbeef]' does not exist. Launching EC2 instance failed.")
        m = Instance(
            f"i-{crc32(self.name.encode()):08x}{next(self.count):04x}",
            self.template,
            state,
            target,
            self.at_ms + self.pace.launch_ms,
        )
        m.activity = self._tell(f"{words}: {m.id}", "a user request", "InProgress")
        self.instances[m.id] = m
        return True

    def _fail(self, message: str) -> bool:
        self._tell(f"Launching a new EC2 instance.  Status Reason: {message}", "a user request", "Failed", message)
        self.retry_ms = self.at_ms + self.pace.retry_ms
        return False

    def _keep_warm(self) -> None:
        if self.warm_minimum is None or self.at_ms < self.retry_ms or self.shortage:
            return
        warm = [m for m in self.instances.values() if m.state.startswith("Warmed") and not m.state.startswith(ENDINGS)]
        for _ in range(self.warm_minimum - len(warm)):
            if not self._launch("Warmed:Pending", "Warmed:Stopped", "Launching a new EC2 instance into warm pool"):
                break

    # -- what is done to instances

    def complete(
        self, m: Instance, *, abandon: bool, why: str = "Lifecycle Action Completed with ABANDON Result"
    ) -> None:
        """The open hook of *m* is over."""
        kind, m.hook = m.hook, None
        if kind == "terminate" or not abandon:
            m.state = f"{m.state.removesuffix(':Wait')}:Proceed"
            m.due_ms = self.at_ms + (self.pace.end_ms if kind == "terminate" else self._step_ms(m))
            return
        words = (
            f"Instance failed to complete user's Lifecycle Action: Lifecycle Action with token 0-0 was abandoned: {why}"
        )
        m.activity |= {"StatusCode": "Cancelled", "StatusMessage": words}
        self.end(m, "abandoned", "a lifecycle action that was abandoned")

    def _step_ms(self, m: Instance) -> int:
        return self.pace.stop_ms if m.state.startswith("Warmed") else self.pace.proceed_ms

    def end(self, m: Instance, because: str, cause: str) -> None:
        """Begin to end *m*; with hooks, one that has been in service has time."""
        served = m.state == "InService"
        m.because, m.target = because, "Warmed:Terminated" if m.state.startswith("Warmed") else "Terminated"
        m.activity = self._tell(f"Terminating EC2 instance: {m.id}", cause, "InProgress")
        m.protected = False
        if served and self.hooks:
            m.state, m.due_ms = "Terminating", self.at_ms
        else:
            m.state, m.due_ms = "Terminating:Proceed", self.at_ms + self.pace.end_ms

    def _gone(self, m: Instance, because: str, cause: str | None) -> None:
        if cause is not None:
            m.activity = self._tell(f"Terminating EC2 instance: {m.id}", cause, "Successful")
        m.activity["StatusCode"] = "Successful"
        m.on, m.state = False, "Terminated"
        del self.instances[m.id]
        self.on_end(m, because)

    def _tell(self, description: str, cause: str, status: str, message: str = "") -> dict[str, object]:
        at = datetime.fromtimestamp(self.at_ms / 1000, UTC)
        told: dict[str, object] = {
            "ActivityId": f"a-{len(self.activities)}",
            "AutoScalingGroupName": self.name,
            "Description": description,
            "Cause": f"At {at:%Y-%m-%dT%H:%M:%SZ} an instance was taken in or out of service in response to {cause}.",
            "StartTime": at,
            "StatusCode": status,
            "StatusMessage": message,
        }
        self.activities.insert(0, told)
        return told
