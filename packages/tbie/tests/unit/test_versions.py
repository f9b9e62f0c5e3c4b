"""A version of a stage that holds for one tenant, and changes while everything runs: who notices what, and when."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest

from packages.tbie.tests.unit.ground import Ground
from tbie.core.errors import IntentUnavailableError, TruthUnavailableError, WorkflowError
from tbie.core.fingerprint import fingerprint
from tbie.core.outcome import Completed, Outcome
from tbie.core.reading import Known
from tbie.execution import Handler, Work
from tbie.reconciler.loop import Reconciler
from tbie.testing.builders import World, chain, echo, everywhere, handled_by, key, new_item, record_of
from tbie.truth import StageState
from tbie.worker import Worker
from tbie.workflow import Workflow

ACTIVATION = "activation"


# -- what is declared


def test_without_a_declaration_the_version_of_a_stage_is_its_own_for_everybody() -> None:
    workflow = chain("a", "b")
    assert [workflow.version("a", tenant) for tenant in ("t1", "t2", None)] == ["v1", "v1", "v1"]
    assert workflow.declared("ghost", "t1") is None


def test_tenants_have_the_version_declared_for_them_and_all_others_the_default() -> None:
    workflow = chain("a", "b")
    assert workflow.declare("a", {"t1": "strict"}, default="usual")
    assert [workflow.version("a", tenant) for tenant in ("t1", "t2")] == ["strict", "usual"]
    assert workflow.version("b", "t1") == "v1"
    assert workflow["a"].version == "v1", "what the program itself would say"
    assert workflow.declare("a", {"t2": "mild"})
    assert [workflow.version("a", tenant) for tenant in ("t1", "t2")] == ["v1", "mild"], "replaced, not added to"
    assert workflow.declare("a", {})
    assert workflow.version("a", "t2") == "v1"


def test_to_declare_the_same_again_changes_nothing_and_says_so() -> None:
    workflow = chain("a")
    assert not workflow.declare("a", {})
    assert not workflow.declare("a", {"t1": "v1"}), "its own version, by name"
    assert workflow.declare("a", {"t1": "x"})
    assert not workflow.declare("a", {"t1": "x", "t2": "v1"})


def test_what_holds_for_all_tenants_has_one_name_that_follows_every_change_and_nothing_else() -> None:
    workflow = chain("a")
    workflow.declare("a", {}, default="new")
    assert workflow.version("a", None) == "new"
    workflow.declare("a", {"t1": "x", "t2": "y"})
    first = workflow.version("a", None)
    workflow.declare("a", {"t2": "y", "t3": "v1", "t1": "x"})
    assert workflow.version("a", None) == first == fingerprint({"default": "v1", "by_tenant": {"t1": "x", "t2": "y"}})
    workflow.declare("a", {"t1": "y", "t2": "x"})
    assert workflow.version("a", None) not in (first, "v1")


def test_what_a_worker_must_have_installed_does_not_change_by_a_declaration() -> None:
    workflow = chain("a")
    before = workflow.fingerprint
    workflow.declare("a", {"t1": "x"}, default="new")
    assert workflow.fingerprint == before == chain("a").fingerprint


@pytest.mark.parametrize(
    ("stage", "by_tenant", "default", "said"),
    [
        ("ghost", {}, None, r"'chain' has no stage 'ghost'; it has \['a'\]"),
        ("a", {"t1": ""}, None, "a version of stage 'a' is empty"),
        ("a", {"t1": "x"}, "", "a version of stage 'a' is empty"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused_and_changes_nothing(
    stage: str, by_tenant: Mapping[str, str], default: str | None, said: str
) -> None:
    workflow = chain("a")
    workflow.declare("a", {"t1": "before"})
    with pytest.raises(WorkflowError, match=said):
        workflow.declare(stage, by_tenant, default)
    assert workflow.version("a", "t1") == "before"


def test_a_stage_that_is_not_there_has_no_version() -> None:
    with pytest.raises(WorkflowError, match="no stage 'ghost'"):
        chain("a").version("ghost", "t1")


def test_what_is_handed_in_may_be_changed_afterwards_without_effect() -> None:
    workflow, mine = chain("a"), {"t1": "x"}
    workflow.declare("a", mine)
    mine["t1"] = "y"
    assert workflow.version("a", "t1") == "x"


def test_a_reader_never_sees_half_of_a_declaration() -> None:
    workflow = chain("a")
    stop = threading.Event()

    def flip() -> None:
        while not stop.is_set():
            workflow.declare("a", {"t1": "x"}, default="x2")
            workflow.declare("a", {"t1": "y"}, default="y2")

    workflow.declare("a", {"t1": "x"}, default="x2")
    names = {fingerprint({"default": f"{v}2", "by_tenant": {"t1": v}}) for v in "xy"}
    flipping = [threading.Thread(target=flip) for _ in range(2)]
    for thread in flipping:
        thread.start()
    try:
        seen = {workflow.version("a", None) for _ in range(5_000)}
    finally:
        stop.set()
        for thread in flipping:
            thread.join()
    assert seen <= names


# -- who notices


class Declared:
    """What tenants want, in Truth, and processes that learn of it as those of an application do."""

    def __init__(self) -> None:
        self.ground = Ground(chain("a", "b"))
        self.world: World = self.ground.world
        self.truth, self.clock = self.ground.truth, self.ground.clock
        self.control = self.reconciler(self.world.workflow)

    def activate(self, tenant: str, version: str) -> None:
        """The durable half: processes do not know of it yet."""
        known = {d.name: d.revision for d in self.truth.documents(ACTIVATION)}
        assert self.truth.write_document(ACTIVATION, tenant, {"version": version}, known.get(tenant)) is not None

    def refresh(self, workflow: Workflow) -> None:
        found = self.truth.documents(ACTIVATION)
        workflow.declare("a", {d.name: str(d.body["version"]) for d in found})

    def reconciler(self, workflow: Workflow) -> Reconciler:
        world = self.world
        stores = (workflow, world.truth, world.intent, everywhere, world.clock, world.settings)
        return Reconciler(*stores, refresh=lambda: self.refresh(workflow))

    def worker(self, run: Handler = echo, *, deaf: bool = False) -> Worker:
        """A process of its own: it has its own workflow. *deaf*: it never learns of anything."""
        own, world = chain("a", "b"), self.world
        handlers = handled_by(own, run)
        refresh = (lambda: None) if deaf else (lambda: self.refresh(own))
        return Worker(
            "w", "default", own, handlers, world.truth, world.intent, world.clock, world.settings, refresh=refresh
        )


def test_two_tenants_are_worked_on_at_the_same_time_under_different_versions() -> None:
    home = Declared()
    home.activate("t2", "mild")
    home.world.add([new_item("x", "t1"), new_item("x", "t2")])
    home.control.step()
    worker = home.worker()
    while worker.step().claimed:
        home.control.step()
    for tenant, version in (("t1", "v1"), ("t2", "mild")):
        record = record_of(home.truth, key("x", tenant), "a")
        assert (record.version, record.facts and record.facts["a"]) == (version, f"x/1/{version}")
    assert home.truth.versions("t2") == {("t2", "a", "mild"): 1, ("t2", "b", "v1"): 1}


def test_a_row_that_is_open_when_its_tenants_version_changes_gets_a_fresh_intent_and_others_keep_theirs() -> None:
    home = Declared()
    home.world.add([new_item("x", "t1"), new_item("x", "t2")])
    home.control.step()
    before = {t: record_of(home.truth, key("x", t), "a").token for t in ("t1", "t2")}
    home.activate("t2", "mild")
    home.clock.advance_ms(11_000)
    home.control.step(force_sweep=True)
    after = {t: record_of(home.truth, key("x", t), "a") for t in ("t1", "t2")}
    assert after["t1"].token == before["t1"]
    assert after["t2"].token != before["t2"]
    assert after["t2"].version == "mild"
    assert home.truth.history(key("x", "t2"))[-1].cause.why == "version_changed"
    assert home.ground.intent.sent[-1].version == "mild"
    home.clock.advance_ms(11_000)
    home.control.step(force_sweep=True)
    assert record_of(home.truth, key("x", "t2"), "a").token == after["t2"].token, "once"


def test_a_worker_of_the_older_declaration_whose_row_was_rotated_meanwhile_changes_nothing() -> None:
    home = Declared()

    def slow(work: Work) -> Outcome:
        home.activate("t1", "strict")
        home.clock.advance_ms(11_000)
        home.control.step(force_sweep=True)
        return echo(work)

    home.world.add([new_item("x", "t1")])
    home.control.step()
    stepped = home.worker(slow).step()
    assert (stepped.committed, stepped.superseded) == (0, 1)
    assert record_of(home.truth, key("x"), "a").state is StageState.PENDING
    home.worker().step()
    assert record_of(home.truth, key("x"), "a").version == "strict"


def test_a_worker_that_commits_before_anybody_rotated_leaves_the_version_that_it_really_worked_by() -> None:
    home = Declared()

    def slow(work: Work) -> Outcome:
        home.activate("t1", "strict")
        return echo(work)

    home.world.add([new_item("x", "t1")])
    home.control.step()
    assert home.worker(slow).step().committed == 1
    assert home.truth.versions("t1")[("t1", "a", "v1")] == 1, "so a regrade finds it"


def test_a_version_that_changes_in_the_same_process_while_a_handler_runs_is_not_the_one_that_is_stored() -> None:
    home = Declared()
    seen: list[tuple[str, str]] = []
    workers: list[Worker] = []

    def run(work: Work) -> Outcome:
        home.activate("t1", f"after {work.stage}")
        home.refresh(workers[0]._workflow)
        seen.append((work.stage, work.version))
        return Completed({work.stage: work.version})

    workers.append(home.worker(run))
    home.world.add([new_item("x", "t1")])
    home.control.step()
    workers[0].step()
    assert seen == [("a", "v1"), ("b", "v1")], "b was run ahead"
    for stage in ("a", "b"):
        record = record_of(home.truth, key("x"), stage)
        assert record.facts == {stage: record.version}


def test_a_deaf_worker_is_seen_by_the_version_in_its_rows() -> None:
    home = Declared()
    home.activate("t1", "strict")
    home.world.add([new_item("x", "t1")])
    home.control.step()
    home.worker(deaf=True).step()
    assert record_of(home.truth, key("x"), "a").version == "v1"


def test_a_worker_that_cannot_learn_what_holds_now_decides_nothing_and_nobody_pays() -> None:
    home = Declared()
    home.world.add([new_item("x", "t1")])
    home.control.step()
    ran: list[Work] = []

    def refresh() -> None:
        raise TruthUnavailableError("away")

    def run(work: Work) -> Outcome:
        ran.append(work)
        return echo(work)

    world, own = home.world, chain("a", "b")
    handlers = handled_by(own, run)
    stores = (world.truth, world.intent, world.clock, world.settings)
    worker = Worker("w", "default", own, handlers, *stores, refresh=refresh)
    with pytest.raises(TruthUnavailableError):
        worker.step()
    assert not ran
    presence = world.intent.presence("a", [key("x")])
    assert isinstance(presence, Known)
    assert presence.value[key("x")].receives == 0


@pytest.mark.parametrize("error", [TruthUnavailableError("truth is away"), IntentUnavailableError("the queue is away")])
def test_a_pass_that_cannot_learn_what_holds_now_is_blind_and_moves_nothing(error: Exception) -> None:
    ground = Ground()

    def refresh() -> None:
        raise error

    stores = (ground.workflow, ground.truth, ground.intent, everywhere, ground.clock, ground.settings)
    control = Reconciler(*stores, refresh=refresh)
    ground.world.add([new_item()])
    done = control.step()
    assert (done.blind, done.read, ground.intent.sent) == ([str(error)], 0, [])
