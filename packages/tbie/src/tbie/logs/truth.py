"""What goes through Truth, told as events: stream records, commits, and what a heartbeat says that is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from tbie.core.errors import TruthUnavailableError
from tbie.core.outcome import Completed, Facts, Outcome
from tbie.logs.events import DEBUG, INFO, WARNING, Events
from tbie.refused import REFUSED
from tbie.truth import (
    Command,
    Committed,
    Document,
    Exhaust,
    Heartbeat,
    OpenStage,
    Reset,
    Result,
    Rotate,
    Settle,
    TruthStore,
)

T = TypeVar("T", bound=TruthStore)


def logged_truth(truth: T, events: Events) -> T:
    """*truth*, telling *events* what goes through it. Whatever is not told goes straight through."""
    return cast("T", _LoggedTruth(truth, events))


class _LoggedTruth:
    def __init__(self, truth: TruthStore, events: Events) -> None:
        self._truth, self._events = truth, events
        self._away = False
        self._said: Mapping[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._truth, name)

    def opened_since(self, seq: int, limit: int) -> tuple[list[OpenStage], int]:
        try:
            opened, upto = self._truth.opened_since(seq, limit)
        except TruthUnavailableError as error:
            self._gone(error)
            raise
        self._back()
        if opened and self._events.debug:
            for row in opened:
                self._events.say(DEBUG, "stream_read", decision=row.token, **_where(row), upto=upto)
        return opened, upto

    def commit(self, commands: Sequence[Command], fence: Document | None = None) -> list[Result]:
        try:
            # a store that knows nothing of fences is still a store: none is handed on where none was given
            results = self._truth.commit(commands, fence) if fence is not None else self._truth.commit(commands)
        except TruthUnavailableError as error:
            self._gone(error)
            raise
        self._back()
        if self._events.debug:
            for command, result in zip(commands, results, strict=True):
                self._tell(command, result)
        return results

    def _tell(self, command: Command, result: Result) -> None:
        say = self._events.say
        if not isinstance(result, Committed):
            if isinstance(command, Settle):
                say(DEBUG, "superseded", decision=command.token, **_where(command), reason=result.reason)
            return
        match command:
            case Settle(token=token, then=then):
                state = next((r.state.value for r in result.records if r.stage == command.stage), "unknown")
                ahead = [step.stage for step in then]
                fields = {"generation": command.generation, "receives": command.receives, "state": state}
                say(
                    DEBUG,
                    "committed",
                    decision=token,
                    **_where(command),
                    **_outcome(command.outcome),
                    **fields,
                    then=ahead,
                )
            case Rotate(token=token, stage=stage, cause=cause):
                fresh = next(r.token for r in result.records if r.stage == stage)
                say(DEBUG, "rotated", decision=fresh, **_where(command), replaces=token, reason=cause.why)
            case Exhaust(token=token, reason=reason):
                say(DEBUG, "exhausted", decision=token, **_where(command), reason=reason)
            case Reset(stage=stage, automatic=automatic, cause=cause):
                begun = next((r.token for r in result.records if r.stage == stage), None)
                say(DEBUG, "reset", decision=begun, **_where(command), automatic=automatic, by=cause.who)
            case _:
                pass

    # -- what changes as a whole

    def beat(self, heartbeat: Heartbeat) -> None:
        try:
            self._truth.beat(heartbeat)
        except TruthUnavailableError as error:
            self._gone(error)
            raise
        self._back()
        before, now = self._said, heartbeat.body
        self._said = now
        for level, event, fields in changes(before, now):
            self._events.say(level, event, decision=None, **fields)

    def write_document(self, kind: str, name: str, body: Facts, revision: int | None) -> Document | None:
        written = self._truth.write_document(kind, name, body, revision)
        if written is not None:
            self._document(kind, name, body)
        return written

    def drop_document(self, document: Document) -> bool:
        dropped = self._truth.drop_document(document)
        if dropped and document.kind == "pause":
            self._events.say(INFO, "resumed", decision=None, **_class(document.body))
        return dropped

    def _document(self, kind: str, name: str, body: Facts) -> None:
        if kind == "pause":
            probe = str(body.get("probe") or "") or None
            fields = {**_class(body), "until_ms": body.get("until_ms"), "trips": body.get("trips")}
            self._events.say(INFO, "probe" if probe else "paused", decision=probe, **fields)
        elif kind == "campaign":
            self._events.say(INFO, "campaign", name=name, state=body.get("state"))
        elif kind == REFUSED:
            fields = {"by": body.get("component"), "code": body.get("code"), "record": body.get("record")}
            self._events.say(WARNING, "refused", decision=None, **fields)

    def _gone(self, error: TruthUnavailableError) -> None:
        if not self._away:
            self._away = True
            self._events.say(WARNING, "truth_unavailable", error=str(error))

    def _back(self) -> None:
        if self._away:
            self._away = False
            self._events.say(WARNING, "truth_back")


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[int, str, dict[str, object]]]:
    """What a component's heartbeat says that its last one did not: level, event, fields."""
    told: list[tuple[int, str, dict[str, object]]] = []
    role = (now.get("role"), now.get("epoch"))
    if "role" in now and role != (before.get("role"), before.get("epoch")):
        told.append((INFO, "leadership", {"role": role[0], "epoch": role[1]}))
    if now.get("last_sweep_ms") and now["last_sweep_ms"] != before.get("last_sweep_ms"):
        told.append((INFO, "sweep_finished", {"open": now.get("open"), "coverage": now.get("coverage")}))
    blind = now.get("blind") or []
    if blind != (before.get("blind") or []):
        told.append((WARNING, "blind", {"unreadable": blind}) if blind else (WARNING, "sighted", {}))
    if now.get("drift") and now["drift"] != before.get("drift"):
        told.append((WARNING, "execution_drift", {"differences": now["drift"]}))
    if now.get("worn") and now["worn"] != before.get("worn"):
        told.append((INFO, "worn", {"reason": now["worn"]}))
    known = _boots(before)
    for (pool, owner), state in _boots(now).items():
        if known.get((pool, owner)) != state:
            told.append((INFO, "boot", {"pool": pool, "owner": owner, "state": state}))
    return told


def _boots(body: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    fleet = body.get("fleet")
    if not isinstance(fleet, Mapping):
        return {}
    pools = {pool: view.get("boots") or [] for pool, view in fleet.items() if isinstance(view, Mapping)}
    return {(pool, str(boot[0])): str(boot[1]) for pool, boots in pools.items() for boot in boots}


def _where(row: Any) -> dict[str, object]:
    return {"stage": row.stage, "tenant": row.key.tenant, "item": row.key.item}


def _class(body: Facts) -> dict[str, object]:
    return {"tenant": body.get("tenant"), "stage": body.get("stage"), "reason": body.get("reason")}


def _outcome(outcome: Outcome) -> dict[str, object]:
    if isinstance(outcome, Completed):
        return {"outcome": "completed"}
    return {"outcome": type(outcome).__name__.lower(), "reason": outcome.reason}
