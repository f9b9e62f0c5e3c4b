"""Guardrails: each passes on a sound machine, fails on the state that its incident left behind, and never passes unseen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from tbie.core.reading import Known, Unknown
from tbie.core.settings import Settings
from tbie.guardrails import GUARDRAILS, Clocks, Examined, Leaders, Result, Surroundings, Tried, examine
from tbie.workflow import Stage

NOW_MS = 1_700_000_000_000
T = TypeVar("T")


def known(value: T) -> Known[T]:
    return Known(value, "test", NOW_MS)


BLIND = Unknown("permission denied", "test", NOW_MS)


def sound() -> Surroundings:
    """A machine on which everything is as it should be."""
    fine = known(Tried(True, "done"))
    return Surroundings(
        Settings(),
        stages=(Stage("a", "1", max_run_s=30.0), Stage("b", "1", max_run_s=40.0)),
        dead_letters={"a": known(0), "b": known(2)},
        free_bytes={"home": known(10**12)},
        schemas={"truth.db": known((2, 2))},
        logs={"truth.db": known((True, True)), "intent.db": known((False, False))},
        manifest=known({}),
        worker=fine,
        clocks=known(Clocks(NOW_MS, NOW_MS - 3, NOW_MS - 500, 0.001)),
        uses=dict.fromkeys(("truth", "intent", "objects", "run", "ledger"), fine),
        leaders=known(Leaders(True, ("7",), 0.5)),
        tenants=known((frozenset({"t"}), frozenset({"t", "u"}))),
        buckets=known({"file": None, "objects": None}),
        locks=fine,
        open_files=known(1024),
        oldest_open_s=known(12.0),
    )


def of(name: str, around: Surroundings) -> Examined:
    (found,) = [e for e in examine(GUARDRAILS, around) if e.guardrail.name == name]
    return found


def test_every_guardrail_passes_on_a_sound_machine() -> None:
    assert {e.guardrail.name: e.found.result for e in examine(GUARDRAILS, sound())} == {
        rail.name: Result.PASS for rail in GUARDRAILS
    }


REFUSED = known(Tried(False, "no permission"))
BROKEN: dict[str, tuple[Callable[[Surroundings], Surroundings], str]] = {
    "settings": (lambda s: replace(s, refused="retention_s=60 is shorter"), "retention_s=60"),
    "truth_writable": (lambda s: replace(s, uses={**s.uses, "truth": REFUSED}), "no permission"),
    "intent_usable": (lambda s: replace(s, uses={**s.uses, "intent": REFUSED}), "no permission"),
    "objects_writable": (lambda s: replace(s, uses={**s.uses, "objects": REFUSED}), "no permission"),
    "run_writable": (lambda s: replace(s, uses={**s.uses, "run": REFUSED}), "no permission"),
    "ledger_usable": (lambda s: replace(s, uses={**s.uses, "ledger": REFUSED}), "no permission"),
    "schema": (lambda s: replace(s, schemas={"truth.db": known((3, 2))}), "truth.db has schema 3"),
    "write_ahead_log": (lambda s: replace(s, logs={"truth.db": known((False, True))}), "truth.db keeps no"),
    "disk_headroom": (lambda s: replace(s, free_bytes={"home": known(1024**2)}), "home has 1 MiB left"),
    "tenants": (lambda s: replace(s, tenants=known((frozenset({"x"}), frozenset[str]()))), "x"),
    "retention": (lambda s: replace(s, oldest_open_s=known(15 * 86_400.0)), "longer than messages live"),
    "visibility": (
        lambda s: replace(s, stages=(Stage("slow", "1", max_run_s=50.0),)),
        "slow may run 50 s and needs 75",
    ),
    "dead_letters": (lambda s: replace(s, dead_letters={"a": known(0)}), "no dead-letter queue for b"),
    "addresses": (lambda s: replace(s, buckets=known({"s3": "there is no bucket"})), "s3: there is no bucket"),
    "manifest": (lambda s: replace(s, manifest=known({"numpy": ("1", "2")})), "numpy: declared 1, found 2"),
    "worker_starts": (lambda s: replace(s, worker=REFUSED), "no permission"),
    "file_locks": (lambda s: replace(s, locks=REFUSED), "no permission"),
    "open_files": (lambda s: replace(s, open_files=known(64)), "at most 64"),
    "clock": (lambda s: replace(s, clocks=known(Clocks(NOW_MS, NOW_MS, NOW_MS + 9_000, 0.0))), "9.0 s in the future"),
    "intervals": (lambda s: replace(s, settings=Settings(leader_lease_s=4.0)), "clock_tolerance_s=5"),
    "leader": (lambda s: replace(s, leaders=known(Leaders(True, ("7", "8"), 0.5))), "7, 8"),
}


@pytest.mark.parametrize("name", [rail.name for rail in GUARDRAILS])
def test_a_guardrail_fails_on_what_its_incident_left_behind_with_evidence_and_remedy(name: str) -> None:
    breaks, words = BROKEN[name]
    examined = of(name, breaks(sound()))
    assert examined.found.result is Result.FAIL
    assert words in examined.found.detail
    told = examined.to_json()
    assert told["remedy"] == examined.guardrail.remedy
    assert told["incident"] == examined.guardrail.incident


UNREADABLE: dict[str, Callable[[Surroundings], Surroundings]] = {
    "truth_writable": lambda s: replace(s, uses={}),
    "intent_usable": lambda s: replace(s, uses={}),
    "objects_writable": lambda s: replace(s, uses={}),
    "run_writable": lambda s: replace(s, uses={}),
    "ledger_usable": lambda s: replace(s, uses={}),
    "schema": lambda s: replace(s, schemas={"truth.db": BLIND}),
    "write_ahead_log": lambda s: replace(s, logs={}),
    "disk_headroom": lambda s: replace(s, free_bytes={"home": BLIND}),
    "tenants": lambda s: replace(s, tenants=BLIND),
    "retention": lambda s: replace(s, oldest_open_s=BLIND),
    "visibility": lambda s: replace(s, stages=()),
    "dead_letters": lambda s: replace(s, dead_letters={"a": BLIND, "b": known(0)}),
    "addresses": lambda s: replace(s, buckets=BLIND),
    "manifest": lambda s: replace(s, manifest=BLIND),
    "worker_starts": lambda s: replace(s, worker=BLIND),
    "file_locks": lambda s: replace(s, locks=BLIND),
    "open_files": lambda s: replace(s, open_files=BLIND),
    "clock": lambda s: replace(s, clocks=BLIND),
    "leader": lambda s: replace(s, leaders=BLIND),
}


@pytest.mark.parametrize("name", [r.name for r in GUARDRAILS if r.name not in ("settings", "intervals")])
def test_what_cannot_be_read_is_unknown_and_never_a_pass(name: str) -> None:
    assert of(name, UNREADABLE[name](sound())).found.result is Result.UNKNOWN


def test_nothing_read_at_all_passes_nothing_but_the_settings() -> None:
    found = {e.guardrail.name for e in examine(GUARDRAILS, Surroundings(Settings())) if e.found.result is Result.PASS}
    assert found == {"settings", "intervals"}


@pytest.mark.parametrize(
    ("clocks", "well"),
    [
        (Clocks(NOW_MS, NOW_MS - 4_900, None, 0.0), True),
        (Clocks(NOW_MS, NOW_MS - 5_100, None, 0.0), False),
        (Clocks(NOW_MS, NOW_MS, NOW_MS - 10**9, 0.0), True),  # a heartbeat of last week is silence, not skew
        (Clocks(NOW_MS, NOW_MS, None, -5.1), False),
    ],
)
def test_clocks_may_differ_by_the_tolerance_and_not_by_more(clocks: Clocks, well: bool) -> None:
    found = of("clock", replace(sound(), clocks=known(clocks))).found.result
    assert found is (Result.PASS if well else Result.FAIL)


def test_an_engine_that_holds_the_home_and_is_not_heard_fails() -> None:
    silent = replace(sound(), leaders=known(Leaders(True, (), 60.0)))
    assert of("leader", silent).found.result is Result.FAIL
    assert of("leader", replace(sound(), leaders=known(Leaders(False, (), None)))).found.result is Result.PASS


def test_names_are_unique_and_remedies_say_something() -> None:
    assert len({rail.name for rail in GUARDRAILS}) == len(GUARDRAILS)
    assert all(rail.remedy.endswith(".") and rail.incident for rail in GUARDRAILS)
