"""The command: one seed with its trace, or a range of seeds with its sums.

Callers: ``python -m tbie.sim``, ``parjanya simulate``.

Exit codes: 0 everything held, 1 something did not, or a rare path was never reached; 2 the arguments make no sense.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from tbie.core.clock import Clock
from tbie.sim.many import Totals, run_many
from tbie.sim.minimise import minimise
from tbie.sim.mutants import planted
from tbie.sim.plan import Plan
from tbie.sim.run import Report, plan_of, run
from tbie.sim.sometimes import ENOUGH_SEEDS, never, required
from tbie.sim.trace import HEADER

Say = Callable[[str], object]


def one(seed: int, say: Say, *, as_json: bool, smaller: bool, trace: bool, mutant: str | None = None) -> int:
    """Run *seed*; a failure prints its trace, and with *smaller* that of the smallest set of faults that still fails."""
    with planted(mutant):
        report, tries = run(plan_of(seed), tracing=True), 0
        if not report.ok and smaller:
            found = minimise(report)
            report, tries = run(found.report.plan, tracing=True), found.tries
    if as_json:
        say(json.dumps(_plain(report, trace or not report.ok), sort_keys=True))
        return 0 if report.ok else 1
    if trace or not report.ok:
        for line in (HEADER, *map(str, report.events)):
            say(line)
        say("")
    say(_about(report.plan))
    if tries:
        say(f"smallest set of faults that fails, after {tries} runs: {_faults(report.plan)}")
    if report.ok:
        say(f"seed {seed}: everything held; converged {report.rounds} rounds after the last fault")
        return 0
    for line in report.stuck:
        say(f"open: {line}")
    say(f"seed {seed} FAILED: {report.checker}: {report.words}")
    say(f"again: python -m tbie.sim --seed {seed} --minimise" + (f" --mutant {mutant}" if mutant else ""))
    return 1


def several(
    first: int, last: int, jobs: int, say: Say, progress: Say, clock: Clock, *, as_json: bool, mutant: str | None = None
) -> int:
    """Run seeds from *first* up to, and without, *last*; print failures, checks and rare paths with their counts."""
    began_s = clock.monotonic_s()
    told = [0]

    def tell(so_far: Totals) -> None:
        took_s = clock.monotonic_s() - began_s
        rate = so_far.seeds / took_s if took_s else 0.0
        progress(f"{so_far.seeds} of {last - first} seeds, {len(so_far.failures)} failed, {rate:.0f} a second")
        for seed, checker, words in so_far.failures[told[0] :]:
            progress(f"seed {seed} FAILED: {checker}: {words}")
        told[0] = len(so_far.failures)

    totals = run_many(first, last, jobs, tell, mutant)
    took_s = clock.monotonic_s() - began_s
    missed = never(totals.sometimes) if totals.seeds >= ENOUGH_SEEDS else []
    vacuous = totals.vacuous if totals.seeds >= ENOUGH_SEEDS else []
    ok = not (totals.failures or missed or vacuous)
    if as_json:
        body = {
            "seeds": [first, last],
            "seconds": round(took_s, 1),
            "failures": [dict(zip(("seed", "checker", "words"), failure, strict=True)) for failure in totals.failures],
            "checked": dict(sorted(totals.checked.items())),
            "sometimes": {name: totals.sometimes[name] for name in sorted({*totals.sometimes, *required()})},
            "never": missed,
            "vacuous": vacuous,
        }
        say(json.dumps(body, sort_keys=True))
        return 0 if ok else 1
    say("checked:")
    for name, times in sorted(totals.checked.items()):
        say(f"{times:>12}  {name}")
    say("sometimes:")
    for name in sorted({*totals.sometimes, *required()}):
        say(f"{totals.sometimes[name]:>12}  {name}{'  NEVER REACHED' if name in missed else ''}")
    for seed, checker, words in totals.failures[:20]:
        say(f"seed {seed} FAILED: {checker}: {words}")
    rate = totals.seeds / took_s if took_s else 0.0
    say(f"{totals.seeds} seeds, {len(totals.failures)} failed, {took_s:.1f} s, {rate:.1f} seeds a second")
    if missed:
        say(f"never reached: {', '.join(missed)}")
    if vacuous:
        say(f"had nothing to look at: {', '.join(vacuous)}")
    return 0 if ok else 1


def parse_range(text: str) -> tuple[int, int]:
    """``A:B`` as two numbers.

    Raises:
        ValueError: it is not that, or nothing is between them.
    """
    first, colon, last = text.partition(":")
    if not (colon and first.isdigit() and last.isdigit()) or int(first) >= int(last):
        raise ValueError(f"seeds are given as FIRST:LAST with FIRST below LAST, 0:1000 say; not {text!r}")
    return int(first), int(last)


def _faults(plan: Plan) -> str:
    watched = [] if plan.watched is None else [f"watched {plan.watched}"]
    return ", ".join([*map(str, plan.faults), *watched]) or "none"


def _about(plan: Plan) -> str:
    return (
        f"seed {plan.seed}: {plan.steps} steps, {plan.items} items of {plan.tenants} tenants, "
        f"{plan.reconcilers} reconcilers, interleaving {plan.interleaving_percent} %; faults: {_faults(plan)}"
    )


def _plain(report: Report, trace: bool) -> dict[str, object]:
    return {
        "seed": report.plan.seed,
        "ok": report.ok,
        "checker": report.checker,
        "words": report.words,
        "rounds": report.rounds,
        "faults": [str(fault) for fault in report.plan.faults],
        "checked": dict(report.checked),
        "sometimes": dict(report.sometimes),
        "stuck": report.stuck,
        "trace": [str(event) for event in report.events] if trace else [],
    }
