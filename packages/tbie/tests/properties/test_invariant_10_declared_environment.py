"""Invariant 10: a worker that differs from the declared manifest takes nothing, uses up nothing, and says so.

Mutants it catches, tried by hand: a worker that claims first and attests later; one that attests only when it starts;
one that gives drifted claims back with ``Defer`` instead of never claiming.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tbie.core.outcome import Outcome
from tbie.core.reading import Known
from tbie.execution import Drift, Work
from tbie.testing.builders import echo
from tbie.testing.chaos import STAGES, Chaos, Stores, hold
from tbie.worker import Worker


class DeclaredEnvironment(Chaos):
    """Long-lived workers whose machines rot and are mended."""

    def __init__(self, make: object) -> None:
        super().__init__(make)  # type: ignore[arg-type]
        self.broken = {"w1": False, "w2": True}
        self.ran: list[str] = []
        self.staff = {name: self.hire(name) for name in self.broken}

    def hire(self, name: str) -> Worker:
        """A worker that looks at its machine."""

        def attest() -> Drift | None:
            return Drift({"model": ("v1", None)}) if self.broken[name] else None

        def run(work: Work) -> Outcome:
            self.ran.append(name)
            return echo(work)

        return self.world().worker(name, run, attest=attest)

    @rule(name=st.sampled_from(("w1", "w2")))
    def rot_or_mend_and_restart(self, name: str) -> None:
        """A machine changes; its worker starts on it."""
        self.broken[name] = not self.broken[name]
        self.staff[name] = self.hire(name)

    @precondition(lambda self: any(self.broken.values()))
    @rule(name=st.sampled_from(("w1", "w2")))
    def mend(self, name: str) -> None:
        """The missing file comes back under a worker that is waiting."""
        self.broken[name] = False

    @rule(name=st.sampled_from(("w1", "w2")))
    def step(self, name: str) -> None:
        """It works if it may, and changes nothing at all if it may not."""
        worker = self.staff[name]
        worker.flush()
        before, seq, ran = self.queues(), self.raw_truth.last_seq(), len(self.ran)
        stepped = worker.step()
        if self.broken[name]:
            assert stepped.claimed == 0
            assert worker.drift is not None
            assert dict(worker.drift.differences) == {"model": ("v1", None)}
            assert self.queues() == before, "no lease, no receive count"
            assert (self.raw_truth.last_seq(), len(self.ran)) == (seq, ran)
        else:
            assert worker.drift is None, "mended machines work again without a restart"
            ready = any(isinstance(depth, Known) and depth.value.visible for depth, _ in before)
            assert stepped.claimed or not ready or self.buried_since(before)

    def queues(self) -> list[tuple[object, object]]:
        """All that can be read of every queue."""
        return [(self.raw_intent.depth(stage), self.raw_intent.presence(stage, self.keys)) for stage in STAGES]

    def buried_since(self, before: list[tuple[object, object]]) -> bool:
        """Whether a claim met messages whose receives were used up."""
        return self.queues() != before

    @invariant()
    def nothing_runs_on_a_broken_machine(self) -> None:
        """Checked as it runs, by name."""
        assert set(self.ran) <= {"w1", "w2"}


def test_a_worker_that_drifted_takes_nothing_until_it_is_mended(stores: Stores) -> None:
    hold(DeclaredEnvironment, stores)
