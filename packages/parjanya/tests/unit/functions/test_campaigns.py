"""Campaigns that nobody but the function ``sweep`` drives: a turn a minute, each maybe in another process, to the end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parjanya.activation import activate
from parjanya.catalog.uploads import Upload
from parjanya.functions.sweep import handle
from parjanya.policy import load
from parjanya.profiles import function_chores, functions
from parjanya.profiles.function_chores import Chores
from parjanya.profiles.functions import Policies
from parjanya.views.campaigns import REGRADE
from parjanya.workflow import image_workflow
from tbie.campaign import Campaign, CampaignState, find, start
from tbie.campaign import driver as driving
from tbie.core.clock import ManualClock
from tbie.core.errors import TruthUnavailableError
from tbie.core.outcome import Completed
from tbie.objects import ObjectStore
from tbie.published import Published
from tbie.testing.builders import WHO, settle
from tbie.truth import Item, StageState

sys.path.insert(0, str(Path(__file__).parents[2]))
from functions_ground import Context, Told, stores

POLICY = """
policy: mild
version: "1"
language: 1
groups:
  - name: g
    combine: worst
    rules:
      - {id: soft, when: subject_sharpness < 0.2, verdict: review, text: soft}
default: {verdict: keep, reason: fine, text: fine}
"""
SETTINGS = functions.settings_of({})
STAGES = ("technical", "preview", "quality", "observe", "group", "curate")


class Studio:
    """A system with judged images of two tenants, and its sweep."""

    def __init__(self, each: int, clock: ManualClock | None = None) -> None:
        self.of: Told = stores(clock, SETTINGS, image_workflow())
        self.truth, self.clock = self.of.truth, self.of.clock
        assert isinstance(self.clock, ManualClock)
        self.of.refresh = Policies(self.truth, self.of.workflow, self.clock)
        items = [Upload(t, f"{n:064x}", f"{n}.jpg").new_item(10, 1) for t in ("asha", "ben") for n in range(each)]
        self.truth.add(items, WHO)
        for stage in STAGES:
            self.sweep(chores=None)  # lifts what waits for all of a tenant
            for number, item in enumerate(items):
                facts = {"verdict": "keep" if number % 2 else "reject"} if stage == "curate" else {stage: 1}
                settle(self.truth, item.key, stage, Completed(facts))
        self.another_process()

    def another_process(self) -> None:
        self.of.extra.clear()
        refresh = Policies(self.truth, self.of.workflow, self.clock)
        self.of.refresh = refresh
        self.chores = Chores(self.of, "build", self.no_objects, refresh.now)

    @staticmethod
    def no_objects() -> ObjectStore:
        return None  # type: ignore[return-value]  # a selector reads none

    def sweep(self, chores: Any = "own", left_s: float = 290.0) -> dict[str, Any]:
        self.clock.advance_ms(60_000)  # type: ignore[attr-defined]
        return handle({}, Context(left_s), self.of, self.chores if chores == "own" else chores)

    def activate(self, tenant: str = "asha") -> None:
        activate(
            self.truth, load(POLICY, "mild.yaml"), POLICY,
            tenant=tenant, who="asha", why="test", now_ms=self.clock.now_ms(), expected=None,
        )  # fmt: skip

    def regrade(self, rate_per_s: float, where: str = "") -> Campaign:
        """As the command begins it, in a process of its own, which knows what is active."""
        knows = image_workflow()
        Policies(self.truth, knows, self.clock).now()
        return start(
            self.truth, knows, self.clock,
            kind=REGRADE, selector=where, stage="curate", reason="test", who="person:asha", rate_per_s=rate_per_s,
        )  # fmt: skip

    def campaign(self) -> Campaign:
        return find(self.truth, "c1")[0]

    def again(self) -> list[Item]:
        """Images that were reset."""
        return [item for item in self.truth.items() if item.stages["curate"].generation > 1]


def test_a_regrade_for_a_new_policy_is_carried_out_by_sweeps_of_many_processes_each_image_once() -> None:
    studio = Studio(30)
    studio.activate()
    studio.regrade(rate_per_s=0.2)
    done = []
    for _ in range(6):
        studio.another_process()
        assert studio.sweep()["blind"] == []
        done.append(studio.campaign().counts.reset)
    assert done == [12, 24, 30, 30, 30, 30], "what the rate allows in a minute, and then all there are"
    assert studio.campaign().state is CampaignState.DONE
    assert {item.key.tenant for item in studio.again()} == {"asha"}
    for item in studio.again():
        record = item.stages["curate"]
        assert (record.generation, record.state) == (2, StageState.PENDING)
        assert (
            record.version
            == studio.of.workflow.version("curate", "asha")
            != studio.of.workflow.version("curate", "ben")
        )


def test_a_warm_process_keeps_the_same_pace() -> None:
    studio = Studio(30)
    studio.activate()
    studio.regrade(rate_per_s=0.2)
    done = []
    for _ in range(3):
        studio.sweep()
        done.append(studio.campaign().counts.reset)
    assert done == [12, 24, 30]


def test_its_expression_selects_by_what_was_judged() -> None:
    studio = Studio(4)
    studio.activate()
    studio.regrade(rate_per_s=10.0, where='verdict == "reject"')
    studio.sweep()
    campaign = studio.campaign()
    assert (campaign.state, campaign.counts.matched, campaign.counts.reset) == (CampaignState.DONE, 2, 2)


def test_a_policy_that_was_activated_while_the_pass_went_on_is_known_to_the_campaign_begun_for_it() -> None:
    studio = Studio(3)
    studio.activate("ben")
    studio.sweep()

    def begun_meanwhile(until_s: float) -> None:  # after the pass has looked what is active, before its chores
        studio.activate()
        studio.regrade(rate_per_s=10.0, where='tenant == "asha"')
        studio.clock.advance_ms(1_000)  # type: ignore[attr-defined]
        studio.chores(until_s)

    studio.sweep(chores=begun_meanwhile)
    assert studio.campaign().counts.reset == 3


class Slow(ManualClock):
    """Every look at it takes a second, once it is switched on."""

    slow = False

    def monotonic_s(self) -> float:
        if self.slow:
            self.advance_ms(1_000)
        return super().monotonic_s()


def test_campaigns_take_a_bounded_time_of_a_pass_and_go_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Slow()
    studio = Studio(20, clock)
    monkeypatch.setattr(driving, "PAGE", 2)
    studio.activate()
    studio.regrade(rate_per_s=1_000.0)
    clock.slow = True
    done = []
    while studio.campaign().state is CampaignState.RUNNING:
        studio.another_process()
        began_s = clock.now_ms() / 1000
        studio.chores(clock.monotonic_s() + 3_600)
        assert clock.now_ms() / 1000 - began_s < function_chores.CAMPAIGN_S + 10, "one page may be under way"
        done.append(studio.campaign().counts.looked)
        assert len(done) < 50
    assert len(done) > 2
    assert done[-1] == 40
    assert len(studio.again()) == 20


def test_a_pass_without_time_left_leaves_campaigns_to_the_next_one() -> None:
    studio = Studio(2)
    studio.activate()
    studio.regrade(rate_per_s=10.0)
    studio.chores(studio.clock.monotonic_s())
    assert studio.campaign().counts.looked == 0


def test_an_expression_that_nobody_can_read_pauses_the_campaign_and_no_sweep() -> None:
    studio = Studio(2)
    studio.activate()
    studio.regrade(rate_per_s=10.0, where="verdict ===")
    assert studio.sweep()["blind"] == []
    assert studio.campaign().state is CampaignState.PAUSED
    assert studio.of.passes()[-1]["Heartbeat"] == 1


def test_a_truth_that_goes_away_under_a_campaign_makes_the_pass_blind(monkeypatch: pytest.MonkeyPatch) -> None:
    studio = Studio(2)
    studio.activate()
    studio.regrade(rate_per_s=10.0)

    def away(*_: object, **__: object) -> Any:
        raise TruthUnavailableError("Truth is away")

    with monkeypatch.context() as patch:
        patch.setattr(studio.truth, "items", away)
        assert studio.sweep()["blind"] == ["Truth is away"]
    studio.sweep()
    assert studio.campaign().state is CampaignState.DONE


IMPORTS = """
import sys
from parjanya.profiles.function_chores import Chores
from parjanya.profiles.function_stores import Stores
from tbie.backends.memory.intent import MemoryIntent
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.settings import Settings
from tbie.published import publish
from tbie.testing.builders import chain, everywhere
from parjanya.functions.sweep import handle

clock, flow = ManualClock(), chain("a")
truth = MemoryTruth(flow, clock, SequentialIds())
publish(truth, flow, "build:classical")
of = Stores("s", "b", "i", flow, truth, MemoryIntent(clock, 60.0), None, clock, Settings(), everywhere, write=lambda _: 0)
answer = handle({}, None, of, Chores(of, "build", lambda: None, lambda: None))
assert answer == {"blind": [], "more": False}, answer
loaded = [name for name in sys.modules if name.split(".")[0] in {"PIL", "numpy"} or name.startswith("parjanya.stages")]
print(loaded)
"""


def test_a_pass_without_campaigns_does_not_load_the_code_of_the_stages() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_truth_writes_rows_by_the_workflow_in_which_policies_are_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    def opened(_clients: object, workflow: object, *_: object, **__: object) -> object:
        made.append(workflow)
        return object()

    monkeypatch.setattr(functions, "DynamoTruth", opened)
    monkeypatch.setattr(functions, "published", lambda *_: Published(image_workflow(), "the same", 1))
    open_truth: Callable[..., Any] = functions._open_truth
    workflow, revision, _ = open_truth(None, None)
    assert revision == 1
    assert workflow is made[-1]
