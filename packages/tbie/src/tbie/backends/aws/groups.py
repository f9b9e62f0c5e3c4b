"""An Auto Scaling group as it was described, what may be asked of it, and how it differs from what was declared. Pure.

Callers: ``execution``, which asks AWS. Answers are read as hostile input: what is missing or of another kind is a ``ValueError``
with its name, and the fleet is unreadable then, never empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

LAUNCH_HOOK, TERMINATE_HOOK = "launch", "terminate"
"""Names of the two lifecycle hooks of a group: an instance is in service only after its worker said so, and is ended only
after its worker had time to give back what it holds."""

_INSTANCE = re.compile(r"i-[0-9a-f]{1,17}")


class Phase(StrEnum):
    """What a lifecycle state means to us."""

    BOOTING = "booting"  # on its way into service
    SERVING = "serving"
    WARMING = "warming"  # on its way into the warm pool
    WARM = "warm"  # stopped, or running without work, until it is needed
    ASIDE = "aside"  # in standby, or being detached: somebody's hand
    LEAVING = "leaving"


_PHASES = {
    "Pending": Phase.BOOTING,
    "InService": Phase.SERVING,
    "Terminating": Phase.LEAVING,
    "Terminated": Phase.LEAVING,
    "Warmed:Pending": Phase.WARMING,
    "Warmed:Terminating": Phase.LEAVING,
    "Warmed:Terminated": Phase.LEAVING,
    "Warmed:Stopped": Phase.WARM,
    "Warmed:Running": Phase.WARM,
    "Warmed:Hibernated": Phase.WARM,
    "ReplacingRootVolume": Phase.BOOTING,
    "RootVolumeReplaced": Phase.BOOTING,
    "EnteringStandby": Phase.ASIDE,
    "Standby": Phase.ASIDE,
    "Detaching": Phase.ASIDE,
    "Detached": Phase.ASIDE,
    "Quarantined": Phase.ASIDE,
}


def phase_of(state: str) -> Phase:
    """What *state* means; one that nobody knows yet is somebody's hand, which is neither running nor booting."""
    base = re.sub(r":(Wait|Proceed|Retained)$", "", state)
    return _PHASES.get(base, Phase.ASIDE)


@dataclass(frozen=True, slots=True)
class Member:
    """One instance of a group."""

    instance: str
    state: str
    protected: bool
    template: str
    """Launch template and version, empty if it has none."""

    @property
    def phase(self) -> Phase:
        return phase_of(self.state)


@dataclass(frozen=True, slots=True)
class Group:
    """One Auto Scaling group; instances of its warm pool are not among *members*: AWS lists them elsewhere."""

    name: str
    minimum: int
    maximum: int
    desired: int
    members: tuple[Member, ...]
    protects_new: bool
    template: str
    has_warm_pool: bool
    suspended: frozenset[str]

    def of(self, *phases: Phase) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.phase in phases)

    @property
    def busy(self) -> tuple[Member, ...]:
        """Those in service that protect themselves."""
        return tuple(member for member in self.of(Phase.SERVING) if member.protected)


@dataclass(frozen=True, slots=True)
class Declared:
    """What a deployment says of one pool's group."""

    ceiling: int = 0
    """The most workers that the reconciler may ask for; 0 if nobody says."""
    warm_pool: bool = True
    """Whether stopped instances that have booted once are kept ready."""


def desired_for(asked: int, group: Group) -> int | None:
    """The size to set, so that *asked* workers come or go; None if it is set already.

    Grows at once, never above the maximum. Shrinks by as many as are not protected and no further: a size below the number
    of busy ones could end nobody sooner, and the group would only complain that all that remain are protected.
    """
    top = min(max(0, asked), group.maximum)
    size = top if top > group.desired else max(top, group.minimum, min(len(group.busy), group.desired))
    return size if size != group.desired else None


def drifts(group: Group, warm: Sequence[Member] | None, declared: Declared) -> Iterator[str]:
    """How *group* differs from what was declared, each difference in a sentence with what to do about it."""
    if group.maximum < declared.ceiling:
        yield (
            f"the group's maximum is {group.maximum}, and up to {declared.ceiling} workers may be asked for: "
            "raise MaxSize, or lower the ceiling"
        )
    if not group.protects_new:
        yield "new instances are not protected from scale-in: set NewInstancesProtectedFromScaleIn"
    if declared.warm_pool and not group.has_warm_pool:
        yield "there is no warm pool: each start boots a new machine and reads the model from the beginning; deploy it again"
    for process in sorted(group.suspended & {"Launch", "Terminate", "HealthCheck", "ReplaceUnhealthy"}):
        yield f"the process {process} is suspended: resume it"
    serving = group.of(Phase.SERVING)
    for place, members in (("in service", serving), ("of the warm pool", warm or ())):
        if old := stale(group, warm or (), members):
            yield (
                f"{len(old)} of {len(members)} instances {place} have the old template {old[0].template}, not {group.template}, "
                "and with it the old image (incident 6a): a refresh leaves the warm pool alone, so end those there first"
            )


def stale(group: Group, warm: Sequence[Member], members: Sequence[Member]) -> list[Member]:
    """Those of *members* that have another template than the group's.

    Where the group names no number (``$Latest``), the newest template that anybody has counts.
    """
    current = group.template
    if not re.search(r":\d+$", current):
        numbered = {m.template for m in (*group.members, *warm) if re.search(r":\d+$", m.template)}
        current = max(numbered, key=lambda template: int(template.rpartition(":")[2]), default="")
    return [member for member in members if current and member.template and member.template != current]


def read_group(body: object) -> Group:
    """One entry of ``AutoScalingGroups``.

    Raises:
        ValueError: something that is needed is missing or of another kind.
    """
    group = _mapping(body, "group")
    pool = group.get("WarmPoolConfiguration")
    return Group(
        _text(group, "AutoScalingGroupName"),
        _number(group, "MinSize"),
        _number(group, "MaxSize"),
        _number(group, "DesiredCapacity"),
        read_members(group.get("Instances", ())),
        group.get("NewInstancesProtectedFromScaleIn") is True,
        _template(group.get("LaunchTemplate") or _of_policy(group)),
        isinstance(pool, Mapping) and pool.get("Status") != "PendingDelete",
        frozenset(_text(_mapping(p, "process"), "ProcessName") for p in _list(group.get("SuspendedProcesses") or ())),
    )


def read_members(body: object) -> tuple[Member, ...]:
    """``Instances`` of a group or of a warm pool.

    Raises:
        ValueError: this is no list of instances.
    """
    return tuple(_member(_mapping(one, "instance")) for one in _list(body))


def _member(body: Mapping[str, object]) -> Member:
    instance = _text(body, "InstanceId")
    if not _INSTANCE.fullmatch(instance):
        raise ValueError(f"InstanceId: {instance[:40]!r} is none")
    state, protected = _text(body, "LifecycleState"), body.get("ProtectedFromScaleIn")
    return Member(instance, state, protected is True, _template(body.get("LaunchTemplate")))


def _template(body: object) -> str:
    if not isinstance(body, Mapping):
        return ""
    name = body.get("LaunchTemplateId") or body.get("LaunchTemplateName") or ""
    return f"{name}:{body.get('Version') or '$Default'}"


def _of_policy(group: Mapping[str, object]) -> object:
    policy = group.get("MixedInstancesPolicy")
    template = policy.get("LaunchTemplate") if isinstance(policy, Mapping) else None
    return template.get("LaunchTemplateSpecification") if isinstance(template, Mapping) else None


def _mapping(body: object, what: str) -> Mapping[str, object]:
    if not isinstance(body, Mapping):
        raise ValueError(f"{what}: {type(body).__name__} instead of an object")  # noqa: TRY004 - one kind of error: garbage
    return body


def _list(body: object) -> Sequence[object]:
    if not isinstance(body, list | tuple):
        raise ValueError(f"{type(body).__name__} instead of a list")  # noqa: TRY004
    return body


def _text(body: Mapping[str, object], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value or len(value) > 255:
        raise ValueError(f"{name}: no text")
    return value


def _number(body: Mapping[str, object], name: str) -> int:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name}: {str(value)[:40]!r} is no number")
    return value
