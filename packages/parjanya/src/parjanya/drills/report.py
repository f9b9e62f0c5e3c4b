"""What one drill measured, as a line for people and as JSON.

Callers: ``run`` makes reports, ``parjanya drill`` and the incident tests read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from parjanya.drills.effects import Effects
from parjanya.drills.shape import Drill
from parjanya.drills.sightings import Sighting


@dataclass
class Report:
    """One drill from injection to repair. ``None`` is "it never came to that"."""

    drill: Drill
    detected: Sighting | None = None
    budget_s: float = 0.0
    repaired_s: float | None = None
    effects: Effects | None = None
    guardrail: str | None = None
    measures: Mapping[str, object] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    cannot_run: str | None = None
    """Why this machine cannot have this incident. Then nothing was measured, and it is not ok."""
    home: str | None = None
    """Where the home is, if it was kept."""

    @property
    def within_budget(self) -> bool:
        """Whether detection was as quick as promised."""
        return self.detected is not None and self.detected.seconds <= self.budget_s

    @property
    def held(self) -> bool:
        """Whether it was named by the right code and boundary and repaired, nothing lost and nothing twice; at any speed."""
        return (
            self.cannot_run is None
            and not self.problems
            and self.detected is not None
            and self.detected.boundary == self.drill.boundary.value
            and self.repaired_s is not None
            and self.effects is not None
            and not (self.effects.lost or self.effects.duplicated or self.effects.differing)
        )

    @property
    def ok(self) -> bool:
        """Whether it held, as quickly as promised."""
        return self.held and self.within_budget and not self.late

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        seen, cost = self.detected, self.effects
        return {
            "name": self.drill.name,
            "incident": self.drill.incident,
            "story": self.drill.story,
            "expected": {"code": self.drill.code, "boundary": self.drill.boundary.value},
            "detected": seen and {**seen._asdict(), "seconds": round(seen.seconds, 3)},
            "budget": {"words": self.drill.budget.words, "seconds": round(self.budget_s, 3), "met": self.within_budget},
            "repaired_s": None if self.repaired_s is None else round(self.repaired_s, 3),
            "items": cost.items if cost else None,
            "lost": list(cost.lost) if cost else None,
            "duplicated": list(cost.duplicated) if cost else None,
            "differing": list(cost.differing) if cost else None,
            "failed": dict(cost.failed) if cost else None,
            "guardrail": self.guardrail,
            "measures": dict(self.measures),
            "problems": self.problems,
            "late": self.late,
            "cannot_run": self.cannot_run,
            "ok": self.ok,
            "home": self.home,
        }


HEADINGS = ("drill", "boundary", "detected by", "after", "budget", "repaired", "lost", "twice", "ok")
_WIDTHS = (28, 13, 22, 8, 15, 8, 5, 5, 5)


def heading() -> str:
    """The first line of the table."""
    return _line(HEADINGS)


def line(report: Report) -> str:
    """One line of the table."""
    if report.cannot_run is not None:
        return _line((report.drill.name, report.drill.boundary.value, "cannot run here", *[""] * 5, "no"))
    seen, cost = report.detected, report.effects
    how = "" if seen is None or seen.state == "standing" else " (mended)"
    return _line(
        (
            report.drill.name,
            seen.boundary if seen else report.drill.boundary.value,
            f"{seen.code}{how}" if seen else "nothing",
            f"{seen.seconds:.2f} s" if seen else "-",
            f"{report.budget_s:.2f} s" + ("" if report.within_budget else " !"),
            "-" if report.repaired_s is None else f"{report.repaired_s:.1f} s",
            "?" if cost is None else str(len(cost.lost)),
            "?" if cost is None else str(len(cost.duplicated) + len(cost.differing)),
            "yes" if report.ok else "NO",
        )
    )


def remarks(report: Report) -> list[str]:
    """What belongs under the line: why it cannot run or did not hold, and what a guardrail refuses."""
    said = [f"  cannot run here: {report.cannot_run}"] if report.cannot_run else []
    said += [f"  {problem}" for problem in report.problems]
    said += [f"  late: {what}" for what in report.late]
    cost = report.effects
    if cost is not None:
        said += [f"  lost: {what}" for what in cost.lost]
        said += [f"  committed twice: {what}" for what in cost.duplicated]
        said += [f"  another answer than without the incident: {what}" for what in cost.differing]
    if report.guardrail is not None:
        said.append(f"  guardrail: {report.guardrail}")
    if report.home is not None:
        said.append(f"  home kept: {report.home}")
    return said


def _line(cells: tuple[str, ...]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()
