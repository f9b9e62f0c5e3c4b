"""What people have decided about single images, whatever a policy says: kept in Truth beside the items, applied on reading.

A decision is a document of its own, so no replay, no regrade and no changed file touches it. One kind for each tenant: a
listing reads them once. Callers: ``records``, which applies them; ``campaigns`` and ``trial``, which count what a policy cannot
change; the command ``override``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from parjanya.export.record import ImageRecord, Reason
from parjanya.stages import curate, technical
from tbie.core.clock import Clock
from tbie.core.errors import TbieError
from tbie.core.keys import ItemKey
from tbie.truth import Document, Item, TruthStore

KIND = "override"
DECISIONS = ("keep", "reject")
REASON_MAX = 500
"""Characters of a reason: two or three sentences."""
REVISIONS_KEPT = 20
"""Earlier decisions about one image that are remembered; more are counted."""
CODE = "human_decision"
_KEEP_RATING = 3
_TRIES = 20
_LAST_MS = 253_402_300_799_999  # the last moment of the year 9999: what dates can say


class DecidedMeanwhileError(TbieError):
    """Others keep deciding about this image at the same time."""


@dataclass(frozen=True, slots=True)
class Override:
    """One decision of a person. ``verdict`` is None where it was taken back; times are epoch milliseconds."""

    verdict: str | None
    reason: str
    who: str
    at_ms: int
    sha256: str | None = None
    """Of the file as it was then, None if it had not been read yet."""
    policy_verdict: str | None = None
    """What the policy said then."""
    policy_version: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is shown."""
        return {**asdict(self), "at": at(self.at_ms)}


@dataclass(frozen=True, slots=True)
class Decided:
    """What holds for one image now, with what was decided before, oldest first."""

    now: Override
    earlier: tuple[Override, ...] = ()
    forgotten: int = 0
    """How many decisions before those are not kept."""


class Overrides:
    """The decisions of all tenants, each tenant's read once when it is first asked about.

    With a *clock* they are read again when they are a moment old: for those that go on for long.
    """

    FRESH_S = 2.0

    def __init__(self, truth: TruthStore, clock: Clock | None = None) -> None:
        self._truth, self._clock = truth, clock
        self._tenant: str | None = None
        self._found: Mapping[str, Decided] = {}
        self._read_at_s = 0.0

    def of(self, key: ItemKey) -> Override | None:
        """What a person decided about that image; None if nobody did, or it was taken back."""
        decided = self._of_tenant(key.tenant).get(key.item)
        return decided.now if decided is not None and decided.now.verdict is not None else None

    def standing(self, tenant: str) -> int:
        """For how many images of *tenant* a person's decision stands."""
        return sum(decided.now.verdict is not None for decided in self._of_tenant(tenant).values())

    def _of_tenant(self, tenant: str) -> Mapping[str, Decided]:
        now_s = self._clock.monotonic_s() if self._clock is not None else 0.0
        if tenant != self._tenant or now_s - self._read_at_s > self.FRESH_S:
            self._found = {name: decided for name, (decided, _) in _read(self._truth, tenant).items()}
            self._tenant, self._read_at_s = tenant, now_s
        return self._found


def decided_about(truth: TruthStore, key: ItemKey) -> Decided | None:
    """Everything that people have decided about one image; None if nobody ever did."""
    found = _read(truth, key.tenant).get(key.item)
    return found[0] if found is not None else None


def decide(truth: TruthStore, item: Item, verdict: str | None, reason: str, who: str, now_ms: int) -> Decided:
    """A person says *verdict* (None: takes back what was said). Whoever decides last is right; who did before is remembered.

    Raises:
        DecidedMeanwhileError: it could not be written, because others go on writing.
    """
    tech, judged = (_facts(item, stage.NAME) for stage in (technical, curate))
    fresh = Override(
        verdict, reason, who, now_ms, tech.get("sha256"), judged.get("verdict"), judged.get("policy_version")
    )
    for _ in range(_TRIES):
        known = _read(truth, item.key.tenant).get(item.key.item)
        decided = Decided(fresh)
        if known is not None:
            every = (*known[0].earlier, known[0].now)
            cut = max(0, len(every) - REVISIONS_KEPT)
            decided = Decided(fresh, every[cut:], known[0].forgotten + cut)
        body = {**asdict(fresh), "earlier": [asdict(o) for o in decided.earlier], "forgotten": decided.forgotten}
        revision = known[1].revision if known is not None else None
        if truth.write_document(kind_of(item.key.tenant), item.key.item, body, revision) is not None:
            return decided
    raise DecidedMeanwhileError(f"others are deciding about {item.key.item} of {item.key.tenant}; look, and try again")


def applied(record: ImageRecord, override: Override | None) -> ImageRecord:
    """*record* with what a person said in the place of what the policy said. Where they differ, the policy's reasons are not
    the reasons of the verdict any more, and only the person's is given."""
    policy = record.verdict
    if override is None or override.verdict is None:
        return replace(record, policy_verdict=policy, decided_by=None if policy is None else "policy")
    conflict = policy is not None and policy != override.verdict
    changed = override.sha256 is not None and record.sha256 is not None and override.sha256 != record.sha256
    told = {**override.to_json(), "file_changed": changed}
    said = f"{override.who} decided on {at(override.at_ms)[:10]}: {override.verdict}. {override.reason}"
    words = f"{said} (The file has changed since.)" if changed else said
    rating = -1 if override.verdict == "reject" else _KEEP_RATING
    return replace(
        record,
        verdict=override.verdict,
        decided_by="human",
        policy_verdict=policy,
        conflict=conflict,
        override=told,
        reasons=(Reason(CODE, words), *(() if conflict else record.reasons)),
        rating=record.rating if policy == override.verdict else rating,
        label=curate.LABELS[override.verdict],
    )


def at(ms: int) -> str:
    """A time as people and programs read it."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")


def kind_of(tenant: str) -> str:
    """The kind of the documents that hold the overrides of *tenant*."""
    return f"{KIND}:{tenant}"


def _read(truth: TruthStore, tenant: str) -> dict[str, tuple[Decided, Document]]:
    found = {}
    for document in truth.documents(kind_of(tenant)):
        body: Mapping[str, Any] = document.body
        earlier = body.get("earlier")
        before = tuple(_override(one) for one in earlier) if isinstance(earlier, list | tuple) else ()
        found[document.name] = (Decided(_override(body), before, _count(body.get("forgotten"))), document)
    return found


def _override(body: object) -> Override:
    """What was stored. Keys that a newer program added are left out, and a verdict that is none counts as taken back; else
    the verdict of a person holds, though what stands beside it be damaged: one bad document must not hide all images."""
    known = body if isinstance(body, Mapping) else {}
    texts = {name: value for name in Override.__slots__ if isinstance(value := known.get(name), str)}
    return Override(
        verdict=texts["verdict"] if texts.get("verdict") in DECISIONS else None,
        reason=texts.get("reason", "(the reason is unknown: the record is damaged)"),
        who=texts.get("who", "unknown"),
        at_ms=min(_count(known.get("at_ms")), _LAST_MS),
        **{name: texts.get(name) for name in ("sha256", "policy_verdict", "policy_version")},
    )


def _count(value: object) -> int:
    return max(0, value) if isinstance(value, int) else 0


def _facts(item: Item, stage: str) -> Mapping[str, Any]:
    found = item.stages.get(stage)
    return found.facts if found is not None and found.facts is not None else {}
