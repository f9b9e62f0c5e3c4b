"""The fleet on AWS: one EC2 Auto Scaling group for each pool, from zero and back, with a warm pool.

The group starts and ends instances; here it is only told a size. What keeps it from ending one that holds work is the worker
itself, which protects its instance before it begins anything (``instance``). Nothing is remembered that AWS does not know, but
for a few seconds: a function that is gone between two passes says the same as a process that stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeVar

from tbie.backends.aws.client import DENIED, THROTTLED, BotoCoreError, Client, ClientError, code_of, words
from tbie.backends.aws.groups import Declared, Group, Member, Phase, desired_for, drifts, read_group, read_members
from tbie.backends.aws.launches import NOTHING, Launches, read_launches
from tbie.backends.aws.place import Place
from tbie.core.clock import Clock
from tbie.core.reading import Boot, BootState, Died, FleetView, Known, Reading, Refused, Unknown

SOURCE = "auto scaling"
_T = TypeVar("_T")
_ACTIVITIES = 50  # the newest ones explain; the rest is history
_WARM_PAGES = 4  # of 50 instances: a larger warm pool is read in part, which only its drift could tell
_REQUESTS_SHOWN = 100
_DEATHS = 20


def owner_of(pool: str, instance: str) -> str:
    """The name of the worker on *instance*: in heartbeats, in the hand of the queue, in what the fleet tells."""
    return f"{pool}-{instance}"


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """How often AWS is asked."""

    look_interval_s: float = 5.0
    """One call for all groups. A reconciler turns several times a second, an instance needs half a minute to come."""
    explain_interval_s: float = 60.0
    """One call for each group: why launches fail, who was lost, what is in the warm pool."""
    explain_short_interval_s: float = 15.0
    """The same while workers that were asked for are missing: somebody is waiting for the answer."""
    retry_interval_s: float = 5.0
    """After a refused call that asked for a size; doubles up to a minute."""


@dataclass(slots=True)
class _Pool:
    """What this process knows of one group."""

    asked: int | None = None
    set_to: int | None = None
    """The size that this process set last."""
    refused: Refused | None = None
    """The last call that asked for a size was."""
    again_at_s: float = 0.0
    launches: Launches = NOTHING
    warm: tuple[Member, ...] | None = None
    unread: dict[str, str] = field(default_factory=dict)
    """What explains and could not be read, by call."""
    explained_at_s: float | None = None
    short_since_ms: int | None = None
    first_seen_ms: dict[str, int] = field(default_factory=dict)


class AsgFleet:
    """A ``Fleet`` of Auto Scaling groups.

    Args:
        scaling: the client of the service ``autoscaling``.
        pools: every pool that there is a group of, with what was declared about it.
    """

    def __init__(
        self,
        scaling: Client,
        place: Place,
        clock: Clock,
        pools: Mapping[str, Declared],
        settings: FleetSettings | None = None,
    ) -> None:
        self._scaling, self._clock, self._declared = scaling, clock, dict(pools)
        self._settings = settings or FleetSettings()
        self._names = {pool: place.group(pool) for pool in pools}
        self._pools = {pool: _Pool() for pool in pools}
        self._groups: dict[str, Group | str] = {}
        self._looked_at_s: float | None = None
        self.calls: Counter[str] = Counter()
        """How often AWS was asked what, by operation."""

    # -- asking for a size

    def set_desired(self, pool: str, workers: int) -> None:
        """Ask for *workers*. What AWS refuses is told by ``view``, and asked for again later."""
        staff = self._pools[pool]
        staff.asked = workers
        group = self._group(pool)
        if isinstance(group, str):
            return  # unread: a size could be one too few, and nobody knows of how many
        size = desired_for(workers, group)
        if size is None:
            staff.refused = None
        elif self._clock.monotonic_s() >= staff.again_at_s and self._set(pool, size):
            self._groups[pool] = replace(group, desired=size)

    def _set(self, pool: str, size: int) -> bool:
        staff, name = self._pools[pool], self._names[pool]
        try:
            self.calls["SetDesiredCapacity"] += 1
            self._scaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=size, HonorCooldown=False)
        except (ClientError, BotoCoreError) as refused:
            before = staff.refused.times if staff.refused else 0
            since = staff.refused.since_ms if staff.refused else self._clock.now_ms()
            said = words(refused, f"set {name} to {size}")
            staff.refused = Refused(_kind(refused), said, since, before + 1)
            pause_s = min(60.0, self._settings.retry_interval_s * 2 ** min(before, 6))
            staff.again_at_s = self._clock.monotonic_s() + pause_s
            return False
        staff.refused, staff.set_to, staff.again_at_s = None, size, 0.0
        return True

    # -- looking

    def view(self, pool: str) -> Reading[FleetView]:
        now = self._clock.now_ms()
        if pool not in self._pools:
            return Unknown(f"there is no pool {pool!r}; there are {', '.join(self._pools)}", SOURCE, now)
        group = self._group(pool)
        if isinstance(group, str):
            return Unknown(group, SOURCE, now)
        staff = self._pools[pool]
        present = len(group.of(Phase.SERVING, Phase.BOOTING))
        desired = self._wanted(group, staff)
        if present >= group.desired:
            staff.short_since_ms = None
        elif staff.short_since_ms is None:
            staff.short_since_ms = now
        self._explain(pool, group, short=present < group.desired or bool(group.of(Phase.BOOTING)))
        told = staff.launches
        refused = (
            staff.refused or (told.refused if present < group.desired else None) or _suspended(group, present, now)
        )
        deaths = tuple(Died(owner_of(pool, d.instance), d.reason, "", "", "", d.at_ms) for d in told.lost[-_DEATHS:])
        view = FleetView(
            desired,
            len(group.of(Phase.SERVING)),
            len(group.busy),
            self._boots(pool, group, present),
            told.boot_failures,
            told.last_boot_error or (refused.words if refused else None),
            deaths,
            refused,
            (*drifts(group, staff.warm, self._declared[pool]), *staff.unread.values()),
        )
        return Known(view, SOURCE, now)

    @staticmethod
    def _wanted(group: Group, staff: _Pool) -> int:
        """What was asked for: by this process, as long as nobody else has set another size since; else what the group says."""
        if staff.asked is not None and group.desired == staff.set_to:
            return min(staff.asked, group.maximum)
        return group.desired

    def _boots(self, pool: str, group: Group, present: int) -> tuple[Boot, ...]:
        """Whoever is in service or on its way, until its own heartbeats say how far it is; and whoever is missing.

        An instance that rests in the warm pool is on no way; one that boots into it is.
        """
        staff = self._pools[pool]
        warming = tuple(member for member in staff.warm or () if member.phase is Phase.WARMING)
        on_their_way = (*group.of(Phase.BOOTING, Phase.SERVING), *warming)
        seen = {member.instance: self._since_ms(staff, member) for member in on_their_way}
        staff.first_seen_ms = {instance: staff.first_seen_ms[instance] for instance in seen}
        boots = [Boot(owner_of(pool, instance), BootState.STARTED, since) for instance, since in seen.items()]
        since = staff.launches.refused.since_ms if staff.launches.refused else staff.short_since_ms
        missing = range(min(_REQUESTS_SHOWN, group.desired - present)) if since is not None else range(0)
        return (*boots, *(Boot(f"{pool}-next-{n + 1}", BootState.REQUESTED, since or 0) for n in missing))

    def _since_ms(self, staff: _Pool, member: Member) -> int:
        """When it was launched; if that is not told, it was before the oldest activity, or before we first saw it."""
        first = staff.first_seen_ms.setdefault(member.instance, self._clock.now_ms())
        launched = staff.launches.launched.get(member.instance)
        return min(first, staff.launches.oldest_ms or first) if launched is None else launched

    def _group(self, pool: str) -> Group | str:
        """The group as it was within the last seconds, or why it could not be read."""
        now_s = self._clock.monotonic_s()
        if self._looked_at_s is None or now_s - self._looked_at_s >= self._settings.look_interval_s:
            self._looked_at_s = now_s
            self._groups = self._look()
        return self._groups[pool]

    def _look(self) -> dict[str, Group | str]:
        """Every group, in one call (AWS takes 50 names and more in one)."""
        names = sorted(self._names.values())
        try:
            self.calls["DescribeAutoScalingGroups"] += 1
            answer = self._scaling.describe_auto_scaling_groups(AutoScalingGroupNames=names, MaxRecords=100)
            entries = answer["AutoScalingGroups"]
            found = {str(entry["AutoScalingGroupName"]): entry for entry in entries}
        except (ClientError, BotoCoreError) as refused:
            return dict.fromkeys(self._names, words(refused, "read the Auto Scaling groups"))
        except (KeyError, TypeError) as garbage:
            return dict.fromkeys(self._names, f"read the Auto Scaling groups: not an answer: {garbage!r:.200}")
        return {pool: _one(name, found.get(name)) for pool, name in self._names.items()}

    # -- explaining: never needed to decide, so what cannot be read here blinds nobody, and is told

    def _explain(self, pool: str, group: Group, *, short: bool) -> None:
        staff, name, now_s = self._pools[pool], self._names[pool], self._clock.monotonic_s()
        interval_s = self._settings.explain_short_interval_s if short else self._settings.explain_interval_s
        if staff.explained_at_s is not None and now_s - staff.explained_at_s < interval_s:
            return
        staff.explained_at_s = now_s
        staff.unread.clear()

        def activities() -> Launches:
            answer = self._scaling.describe_scaling_activities(AutoScalingGroupName=name, MaxRecords=_ACTIVITIES)
            return read_launches(islice(answer["Activities"], _ACTIVITIES))

        def warm_pool() -> tuple[Member, ...]:
            members: list[Member] = []
            more: dict[str, str] = {}
            for _ in range(_WARM_PAGES):
                answer = self._scaling.describe_warm_pool(AutoScalingGroupName=name, **more)
                members += read_members(answer["Instances"])
                if not answer.get("NextToken"):
                    break
                more = {"NextToken": answer["NextToken"]}
            return tuple(members)

        told = self._ask(staff, "DescribeScalingActivities", activities, "why launches fail is not known")
        if told is not None:
            staff.launches = told
        if group.has_warm_pool:
            staff.warm = self._ask(staff, "DescribeWarmPool", warm_pool, "what is in the warm pool is not known")
        else:
            staff.warm = ()

    def _ask(self, staff: _Pool, call: str, ask: Callable[[], _T], consequence: str) -> _T | None:
        try:
            self.calls[call] += 1
            return ask()
        except (ClientError, BotoCoreError) as refused:
            staff.unread[call] = f"{words(refused, call)}; {consequence}"
        except (KeyError, TypeError, ValueError) as garbage:
            staff.unread[call] = f"{call}: not an answer: {garbage!r:.200}; {consequence}"
        return None


def _one(name: str, entry: object) -> Group | str:
    if entry is None:
        return f"there is no Auto Scaling group {name} in this region: deploy it, or look at region and prefix"
    try:
        return read_group(entry)
    except ValueError as garbage:
        return f"read the Auto Scaling group {name}: not an answer: {garbage}"


def _suspended(group: Group, present: int, now_ms: int) -> Refused | None:
    if present < group.desired and "Launch" in group.suspended:
        return Refused("suspended", f"the process Launch of {group.name} is suspended: resume it", now_ms, 1)
    return None


def _kind(refused: ClientError | BotoCoreError) -> str:
    code = code_of(refused) if isinstance(refused, ClientError) else ""
    if code in DENIED:
        return "permission"
    return "throttled" if code in THROTTLED else "other"
