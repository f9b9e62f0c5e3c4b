"""The client of Auto Scaling over ``scaling_rules``: the calls that the fleet and its workers make, refused in AWS's words.

On top of the rules: a call can be made to fail (throttling, permissions), and what is described can lag behind, as AWS says that
it does. Every call is counted.
"""

# ruff: noqa: N803 - the names of arguments are AWS's

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from tbie.backends.aws.client import BotoCoreError, ClientError
from tbie.core.clock import Clock
from tbie.testing.aws.scaling_rules import NOTICE_MS, Instance, Rules


class FakeScaling:
    """Stands where ``Clients.autoscaling`` would."""

    def __init__(self, clock: Clock, *groups: Rules, lag_ms: int = 0) -> None:
        self._clock, self.lag_ms = clock, lag_ms
        self.groups = {group.name: group for group in groups}
        self.calls: Counter[str] = Counter()
        self._faults: defaultdict[str, list[ClientError]] = defaultdict(list)
        self._lost: Counter[str] = Counter()
        self._past: list[tuple[int, dict[str, dict[str, Any]]]] = []
        for group in groups:
            group.at_ms = clock.now_ms()

    # -- the test's hands

    def run(self) -> None:
        """Let everything happen that is due by now."""
        for group in self.groups.values():
            group.run(self._clock.now_ms())
        self._remember()

    def refuse(self, operation: str, code: str, message: str = "refused by the test", times: int = 1) -> None:
        """The next *times* calls of *operation* fail."""
        self._faults[operation] += [_error(operation, code, message)] * times

    def lose_answers(self, operation: str, times: int = 1) -> None:
        """The next *times* calls of *operation* are done, and their answers do not arrive."""
        self._lost[operation] += times

    def heal(self) -> None:
        """Nothing is refused or lost any more."""
        self._faults.clear()
        self._lost.clear()

    def find(self, instance: str) -> Instance:
        """The instance as it is; one that is gone is ``Terminated`` and off."""
        self.run()
        found = (group.instances.get(instance) for group in self.groups.values())
        return next((m for m in found if m is not None), Instance(instance, "", "Terminated", "Terminated", None))

    def interrupt(self, instance: str) -> None:
        """Spot takes it back in two minutes."""
        m = self.find(instance)
        m.notice_ms = m.notice_ms or self._clock.now_ms() + NOTICE_MS

    def kill(self, instance: str) -> None:
        """It is dead at once, and that is noticed later."""
        m, group = self.find(instance), self._group_of(instance)
        m.on, m.hook, m.state, m.due_ms = False, None, "InService", group.at_ms + group.pace.health_ms

    # -- the interface

    def describe_auto_scaling_groups(
        self, *, AutoScalingGroupNames: Sequence[str], MaxRecords: int = 50
    ) -> dict[str, Any]:
        self._called("DescribeAutoScalingGroups")
        known = self._seen()
        return {"AutoScalingGroups": [known[n]["group"] for n in AutoScalingGroupNames if n in known][:MaxRecords]}

    def describe_warm_pool(self, *, AutoScalingGroupName: str, NextToken: str | None = None) -> dict[str, Any]:
        self._called("DescribeWarmPool")
        self._group("DescribeWarmPool", AutoScalingGroupName)
        return {"Instances": self._seen()[AutoScalingGroupName]["warm"]}

    def describe_scaling_activities(self, *, AutoScalingGroupName: str, MaxRecords: int = 100) -> dict[str, Any]:
        self._called("DescribeScalingActivities")
        group = self._group("DescribeScalingActivities", AutoScalingGroupName)
        return {"Activities": copy.deepcopy(group.activities[:MaxRecords])}

    def set_desired_capacity(
        self, *, AutoScalingGroupName: str, DesiredCapacity: int, HonorCooldown: bool = False
    ) -> None:
        self._called("SetDesiredCapacity")
        group = self._group("SetDesiredCapacity", AutoScalingGroupName)
        for side, limit, wrong in (
            ("above max", group.maximum, DesiredCapacity > group.maximum),
            ("below min", group.minimum, DesiredCapacity < group.minimum),
        ):
            if wrong:
                words = (
                    f"New SetDesiredCapacity value {DesiredCapacity} is {side} value {limit} for the AutoScalingGroup."
                )
                raise _error("SetDesiredCapacity", "ValidationError", words)
        group.desired, group.complained = DesiredCapacity, False
        self._done("SetDesiredCapacity")

    def set_instance_protection(
        self,
        *,
        InstanceIds: Sequence[str],
        AutoScalingGroupName: str,
        ProtectedFromScaleIn: bool,
    ) -> None:
        self._called("SetInstanceProtection")
        group = self._group("SetInstanceProtection", AutoScalingGroupName)
        for instance in InstanceIds:
            m = group.instances.get(instance)
            if m is None or m.state not in ("InService", "EnteringStandby", "Standby"):
                words = f"The instance {instance} is not in InService or EnteringStandby or Standby."
                raise _error("SetInstanceProtection", "ValidationError", words)
            m.protected = ProtectedFromScaleIn
        self._done("SetInstanceProtection")

    def complete_lifecycle_action(
        self,
        *,
        LifecycleHookName: str,
        AutoScalingGroupName: str,
        LifecycleActionResult: str,
        InstanceId: str,
    ) -> None:
        self._called("CompleteLifecycleAction")
        group, m = self._waiting("CompleteLifecycleAction", AutoScalingGroupName, LifecycleHookName, InstanceId)
        group.complete(m, abandon=LifecycleActionResult == "ABANDON")
        self._done("CompleteLifecycleAction")

    def record_lifecycle_action_heartbeat(
        self,
        *,
        LifecycleHookName: str,
        AutoScalingGroupName: str,
        InstanceId: str,
    ) -> None:
        self._called("RecordLifecycleActionHeartbeat")
        group, m = self._waiting("RecordLifecycleActionHeartbeat", AutoScalingGroupName, LifecycleHookName, InstanceId)
        m.hook_until_ms = group.at_ms + (group.pace.launch_hook_ms if m.hook == "launch" else group.pace.end_hook_ms)

    def start_instance_refresh(self, *, AutoScalingGroupName: str) -> dict[str, str]:
        self._called("StartInstanceRefresh")
        group = self._group("StartInstanceRefresh", AutoScalingGroupName)
        for m in [m for m in group.instances.values() if m.state == "InService" and not m.protected]:
            if m.template != group.template:
                group.end(m, "refresh", "an instance refresh")
        self.run()
        return {"InstanceRefreshId": "r-1"}

    # -- inside

    def _called(self, operation: str) -> None:
        self.calls[operation] += 1
        self.run()
        if self._faults[operation]:
            raise self._faults[operation].pop(0)

    def _done(self, operation: str) -> None:
        self.run()
        if self._lost[operation]:
            self._lost[operation] -= 1
            raise BotoCoreError

    def _group(self, operation: str, name: str) -> Rules:
        if name not in self.groups:
            words = f"AutoScalingGroup name not found - AutoScalingGroup {name} not found"
            raise _error(operation, "ValidationError", words)
        return self.groups[name]

    def _group_of(self, instance: str) -> Rules:
        return next(group for group in self.groups.values() if instance in group.instances)

    def _waiting(self, operation: str, name: str, hook: str, instance: str) -> tuple[Rules, Instance]:
        group = self._group(operation, name)
        m = group.instances.get(instance)
        if m is None or m.hook != hook:
            words = f"No active Lifecycle Action found with instance ID {instance}"
            raise _error(operation, "ValidationError", words)
        return group, m

    def _seen(self) -> dict[str, dict[str, Any]]:
        """Every group as it is told: as it was *lag_ms* ago."""
        if not self.lag_ms:
            return {name: _told(group) for name, group in self.groups.items()}
        then_ms = self._clock.now_ms() - self.lag_ms
        old = [told for at_ms, told in self._past if at_ms <= then_ms]
        return copy.deepcopy(old[-1] if old else self._past[0][1])

    def _remember(self) -> None:
        now_ms = self._clock.now_ms()
        if not self.lag_ms or (self._past and now_ms - self._past[-1][0] < self.lag_ms // 10):
            return
        self._past = [*self._past[-20:], (now_ms, {name: _told(group) for name, group in self.groups.items()})]


def _told(group: Rules) -> dict[str, Any]:
    listed = [m for m in group.instances.values() if not m.state.startswith("Warmed")]
    warm = [m for m in group.instances.values() if m.state.startswith("Warmed")]
    lt, _, version = group.template.partition(":")
    body: dict[str, Any] = {
        "AutoScalingGroupName": group.name,
        "MinSize": group.minimum,
        "MaxSize": group.maximum,
        "DesiredCapacity": group.desired,
        "NewInstancesProtectedFromScaleIn": group.protects_new,
        "LaunchTemplate": {"LaunchTemplateId": lt, "Version": version},
        "Instances": [_member(m) for m in listed],
        "SuspendedProcesses": [{"ProcessName": name} for name in sorted(group.suspended)],
    }
    if group.warm_minimum is not None:
        body["WarmPoolConfiguration"] = {"MinSize": group.warm_minimum, "PoolState": "Stopped"}
    return {"group": body, "warm": [_member(m) for m in warm]}


def _member(m: Instance) -> dict[str, Any]:
    lt, _, version = m.template.partition(":")
    return {
        "InstanceId": m.id,
        "LifecycleState": m.state,
        "HealthStatus": "Healthy",
        "ProtectedFromScaleIn": m.protected,
        "LaunchTemplate": {"LaunchTemplateId": lt, "Version": version},
    }


def _error(operation: str, code: str, message: str) -> ClientError:
    status = 403 if "Denied" in code or "Unauthorized" in code else 400
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)
