"""A system under random faults, as a Hypothesis state machine: the kernel's property tests, and those of other backends.

Subclass ``Chaos``, add what must hold, and ``hold`` it over your stores. The rules do to a system what production does:
processes die at any call, messages vanish or come twice, leases end early, clocks jump, deployments and replays happen
in the middle of everything. When a run ends the faults end, and then the system has to converge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from tbie.core.keys import Address
from tbie.intent import Claim, Delete
from tbie.testing.builders import BUCKET, WHO, all_open, gallery, new_item
from tbie.testing.chaos_system import MakeStores, System
from tbie.testing.faults import CrashError, Flaky
from tbie.truth import NewItem, Reset, Update

STAGES = ("read", "look", "measure", "group", "judge")
BEHAVIOURS = ("ok", "ok", "ok", "text", "retry", "fail", "raise", "crash", "slow", "replayed")
WORKER_DEATHS = (None, None, None, "truth.get", "truth.commit", "intent.exchange")
RECONCILER_DEATHS = (None, None, None, "truth.commit", "intent.send", "truth.opened_since", "truth.save_cursor")
MISHAPS = ("destroy", "lose", "repeat", "repeat", "blink", "deploy")
JUMPS_MS = (1, 400, 1_000, 11_000, 31_000, 61_000, 15 * 86_400_000)
"""From a blink to a long holiday: past grace, sweep, patience, lease and retention."""

numbers = st.integers(0, 11)


class Stores(NamedTuple):
    """Where a property is to hold."""

    make: MakeStores
    """Makes empty stores; called once for each example."""
    share: int = 100
    """Per cent of the examples to run, for stores that are slow."""


def examples(count: int, steps: int) -> settings:
    """Settings for *count* examples; more under a profile that explores."""
    profile = settings.default
    assert profile is not None
    return settings(max_examples=max(1, count * profile.max_examples // 100), stateful_step_count=steps)


def hold(machine: type[Chaos], stores: Stores, count: int = 120, steps: int = 60) -> None:
    """Run *machine* over *stores*.

    Raises:
        AssertionError: something did not hold; the shortest way to it is printed.
    """
    factory = cast("type[Chaos]", lambda: machine(stores.make))  # any callable that makes a machine will do
    run_state_machine_as_test(factory, settings=examples(count * stores.share // 100, steps))


class Chaos(System):
    """Items, workers, reconcilers and faults. Hooks ``on_*`` see each call as it happens."""

    @initialize(count=st.integers(1, 4))
    def begin(self, count: int) -> None:
        """A few items of two tenants, and their first intents."""
        self._add([new_item(f"i{number}", f"t{number % 2}") for number in range(count)])
        self.control.step()

    @rule(number=numbers, bucket=st.sampled_from((BUCKET, BUCKET, BUCKET, "nowhere")))
    def add(self, number: int, bucket: str) -> None:
        """Somebody adds an item, perhaps again."""
        self._add([new_item(f"i{number % 6}", f"t{number % 3}", bucket)])

    def _add(self, items: Sequence[NewItem]) -> None:
        for item, added in zip(items, self.truth.add(items, WHO), strict=True):
            if added:
                self.keys.append(item.key)

    @rule(
        death=st.sampled_from(RECONCILER_DEATHS),
        call=st.integers(1, 2),
        point=st.sampled_from(("before", "after")),
        sweep=st.booleans(),
        grace_s=st.sampled_from((None, 0.0)),
    )
    def reconcile(self, death: str | None, call: int, point: str, sweep: bool, grace_s: float | None) -> None:
        """One pass of the control plane; if it dies, another one starts."""
        if death is None:
            self.on_pass(self.control.step(sweep, grace_s))
            return
        try:
            self.world(Flaky({death: {call: point}})).reconciler().step(True, grace_s)
        except CrashError:
            self.control = self.world().reconciler()

    @rule(batches=st.integers(1, 6))
    def work_well(self, batches: int) -> None:
        """Intents are emitted, a worker takes them, nothing goes wrong."""
        self.on_pass(self.control.step())
        worker = self.world().worker("good", self.handler("ok"))
        for _ in range(batches):
            worker.step()
        worker.flush()

    @rule(
        behaviour=st.sampled_from(BEHAVIOURS),
        death=st.sampled_from(WORKER_DEATHS),
        call=st.integers(1, 3),
        point=st.sampled_from(("before", "after")),
    )
    def work(self, behaviour: str, death: str | None, call: int, point: str) -> None:
        """A worker starts, takes a few batches, and leaves or dies."""
        self.on_pass(self.control.step())
        fault = Flaky({} if death is None else {death: {call: point}})
        worker = self.world(fault).worker(f"w{behaviour}", self.handler(behaviour))
        try:
            for _ in range(3):
                worker.step()
            worker.flush()
        except CrashError:
            pass  # its messages come back when their leases end

    @rule()
    def poison(self) -> None:
        """Whoever takes what is next in line dies of it, until its receives are used up."""
        for life in range(5):
            try:
                self.world().worker(f"doomed{life}", self.handler("crash")).step()
            except CrashError:
                self.clock.advance_ms(61_000)

    @precondition(lambda self: self.keys)
    @rule(number=numbers, stage=st.sampled_from(STAGES))
    def replay(self, number: int, stage: str) -> None:
        """An operator replays one stage of one item."""
        self.truth.commit([Reset(self.keys[number % len(self.keys)], stage, WHO)])

    @precondition(lambda self: self.keys)
    @rule(number=numbers)
    def change_the_source(self, number: int) -> None:
        """The file of an item was edited."""
        item = self.keys[number % len(self.keys)]
        self.truth.commit([Update(item, Address(BUCKET, f"{item.item}.edited"), {"edited": number}, WHO)])

    @rule(what=st.sampled_from(MISHAPS), stage=st.sampled_from(STAGES), number=st.integers(0, 1_000))
    def mishap(self, what: str, stage: str, number: int) -> None:
        """Something happens to the queue, or to the sight of it, or to the version that runs."""
        match what:
            case "destroy":
                self.raw_intent.purge()
            case "lose":  # one message is gone, and nobody knows
                for message in self.raw_intent.exchange((), (Claim(stage, "thief", 1, 60.0, 3),)):
                    self.raw_intent.exchange((Delete(message),), ())
            case "repeat" if self.sent:  # an intent of some earlier time arrives again
                wanted = {(row.key, row.stage): row.token for row in all_open(self.raw_truth, self.workflow)}
                stale = [e for e in self.sent if wanted.get((e.key, e.stage), e.token) != e.token] or self.sent
                self.raw_intent.send([stale[number % len(stale)]])
            case "blink":  # the permission to read the queue's attributes comes and goes
                self.blind = not self.blind
            case "deploy":
                self.workflow = gallery(f"v{number % 2 + 1}", claim_batch=2)
                self.control = self.world().reconciler()

    @rule(ms=st.sampled_from(JUMPS_MS))
    def time_passes(self, ms: int) -> None:
        """Nobody does anything."""
        self.clock.advance_ms(ms)

    def teardown(self) -> None:
        """The faults end; now everything has to converge."""
        try:
            self.blind = False
            self.world().heal()
            self.healed()
        finally:
            self.raw_truth.close()
            self.raw_intent.close()

    def healed(self) -> None:
        """Everything is settled; a place for last checks."""
