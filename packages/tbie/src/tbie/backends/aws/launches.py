"""What the activities of an Auto Scaling group tell: launched when, refused why, failed how often, who was lost. Pure.

AWS tells the reason of a failed launch in words alone. The words known here are those of its troubleshooting pages; others are
``other``, and are shown as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from tbie.core.reading import Refused

_WORDS_MAX = 600
_INSTANCE = re.compile(r"\bi-[0-9a-f]{1,17}\b")

_REASONS = (
    (
        "capacity",
        ("insufficientinstancecapacity", "insufficient capacity", "do not have sufficient", "no spot capacity"),
    ),
    ("quota", ("vcpulimitexceeded", "vcpu capacity than", "instancelimitexceeded", "limitexceeded", "quota")),
    (
        "permission",
        ("not authorized", "unauthorizedoperation", "access denied", "accessdenied", "client.internalerror"),
    ),
    ("image", ("the image id", "invalidamiid", "ami ")),
    ("template", ("launch template", "launchtemplate", "security group", "key pair", "instance profile", "subnet")),
    ("throttled", ("request limit exceeded", "requestlimitexceeded", "throttl")),
)
"""The first that fits counts: a refused permission may name an image, a missing image names no permission."""

_ABANDONED = "lifecycle action"
_LOST = ("health check", "health-check", "status check", "interruption")
"""Causes of an end that nobody asked for. Shrinking, a refresh, a rebalance, a person's request are no deaths."""


class Lost(NamedTuple):
    """An instance that the group took out of service because it was dead or about to be."""

    instance: str
    reason: str
    words: str
    at_ms: int


class Launches(NamedTuple):
    """What the newest activities say."""

    launched: Mapping[str, int]
    """Instance → when its last launch began, epoch milliseconds."""
    oldest_ms: int | None
    """When the oldest activity that was read began: whoever is not in ``launched`` was launched before."""
    refused: Refused | None
    """Launches in a row that gave no instance, if the newest one that has ended is one of them."""
    boot_failures: int
    """Launches in a row whose instance came and never said that it is ready."""
    last_boot_error: str | None
    lost: tuple[Lost, ...]
    """Oldest first."""


NOTHING = Launches({}, None, None, 0, None, ())


class _Activity(NamedTuple):
    at_ms: int
    description: str
    cause: str
    status: str
    message: str

    @property
    def instance(self) -> str | None:
        found = _INSTANCE.search(self.description)
        return found.group() if found else None

    @property
    def launches(self) -> bool:
        return self.description.startswith("Launching")

    @property
    def ends(self) -> bool:
        return self.description.startswith("Terminating")

    @property
    def failed(self) -> bool:
        return self.status in ("Failed", "Cancelled")


def read_launches(activities: Iterable[object]) -> Launches:
    """From entries of ``Activities``, in any order. What is none is left out: they explain, nothing is decided by them."""
    known = sorted(filter(None, map(_activity, activities)), key=lambda a: a.at_ms, reverse=True)
    launched: dict[str, int] = {}
    for activity in known:
        if activity.launches and activity.instance and not activity.failed:
            launched.setdefault(activity.instance, activity.at_ms)
    ended = [a for a in known if a.launches and (a.failed or a.status == "Successful")]
    failures = ended[: next((n for n, a in enumerate(ended) if not a.failed), len(ended))]
    abandoned = [a for a in failures if _is_abandoned(a)]
    return Launches(
        launched,
        known[-1].at_ms if known else None,
        _refused([a for a in failures if not _is_abandoned(a)])
        if failures and not _is_abandoned(failures[0])
        else None,
        len(abandoned),
        _words(abandoned[0].message) if abandoned else None,
        tuple(reversed([lost for a in known if (lost := _lost(a)) is not None])),
    )


def reason_of(message: str) -> str:
    """The kind of refusal that AWS's *message* tells."""
    words = message.lower()
    return next((reason for reason, signs in _REASONS if any(sign in words for sign in signs)), "other")


def _refused(failures: list[_Activity]) -> Refused:
    newest, oldest = failures[0], failures[-1]
    return Refused(reason_of(newest.message), _words(newest.message), oldest.at_ms, len(failures))


def _is_abandoned(activity: _Activity) -> bool:
    return _ABANDONED in activity.message.lower() and activity.instance is not None


def _lost(activity: _Activity) -> Lost | None:
    cause = activity.cause.lower()
    if not activity.ends or activity.failed or not activity.instance or not any(sign in cause for sign in _LOST):
        return None
    reason = "interrupted" if "interruption" in cause else "instance_lost"
    return Lost(activity.instance, reason, _words(activity.cause), activity.at_ms)


def _activity(body: object) -> _Activity | None:
    if not isinstance(body, Mapping):
        return None
    at = body.get("StartTime")
    if not isinstance(at, datetime) or at.tzinfo is None:
        return None
    texts = [str(body.get(name) or "")[:4_000] for name in ("Description", "Cause", "StatusCode", "StatusMessage")]
    return _Activity(int(at.timestamp() * 1000), *texts)


def _words(text: str) -> str:
    return " ".join(text.split())[:_WORDS_MAX] or "no reason was given"
