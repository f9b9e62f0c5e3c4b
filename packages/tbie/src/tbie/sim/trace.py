"""The account of a run: one line for each event. Columns: seconds, depth, who, what, and how it went.

Callers: ``world`` notes, ``report`` prints. Kept only when somebody wants to read it: a run is repeatable.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tbie.core.reading import Unknown


class Event(NamedTuple):
    """One line."""

    at_ms: int
    """Milliseconds since the world began, in true time."""
    depth: int
    """0: a turn of its own; deeper: in the middle of somebody else's."""
    who: str
    what: str
    outcome: str

    def __str__(self) -> str:
        who = "  " * self.depth + self.who
        return f"{self.at_ms / 1000:12.3f}  {who:<22} {self.what:<24} {self.outcome}".rstrip()


HEADER = f"{'seconds':>12}  {'who':<22} {'what':<24} outcome"
"""Above the lines."""


def brief(what: str, args: tuple[Any, ...], answer: Any) -> str:
    """A call and its answer in a few words."""
    match what:
        case "truth.commit":
            done = "; ".join(f"{_command(c)} → {_result(r)}" for c, r in zip(args[0], answer, strict=True))
            return done or "nothing"
        case "intent.send":
            return f"{answer} new of " + ", ".join(f"{e.stage} {'/'.join(e.key)} {e.token}" for e in args[0])
        case "intent.exchange":
            gone = [f"{type(d).__name__} {d.message.envelope.token}" for d in args[0]]
            taken = [
                f"{m.envelope.stage} {'/'.join(m.envelope.key)} {m.envelope.token} (#{m.receives})" for m in answer
            ]
            return f"settles {gone}; takes {taken}"
        case "intent.presence":
            found = answer.value if not isinstance(answer, Unknown) else None
            shown = answer.error if found is None else {"/".join(k): (p.token, p.dead) for k, p in found.items()}
            return f"{args[0]}: {shown}"
        case "truth.opened_since":
            return f"after {args[0]}: {[f'{o.stage} {o.key.item} {o.token}' for o in answer[0]]}, to {answer[1]}"
        case "truth.beat":
            return str(dict(args[0].body).get("state", ""))
        case "truth.get" | "truth.tally" | "truth.open_stages" | "truth.items" | "truth.heartbeats":
            return f"{len(answer)}"
        case _:
            return f"{args!r} → {answer!r}" if answer is not None else f"{args!r}"


def _command(command: Any) -> str:
    outcome = getattr(command, "outcome", None)
    detail = "" if outcome is None else f" {type(outcome).__name__}"
    stage = getattr(command, "stage", "")
    return f"{type(command).__name__}{detail} {stage} {'/'.join(command.key)} {getattr(command, 'token', '')}".rstrip()


def _result(result: Any) -> str:
    records = getattr(result, "records", None)
    return result.reason if records is None else " ".join(f"{r.stage}={r.state.value}" for r in records)
