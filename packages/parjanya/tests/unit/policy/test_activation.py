"""Activations: written in whole or not at all, one of two at once wins, and what is damaged is never replaced silently."""

from __future__ import annotations

from typing import Any

import pytest

from parjanya import activation
from parjanya.activation import ACTIVATION, POLICY, ActivationError, activate, activations, before, find, stored
from parjanya.policy import Policy, PolicyUnavailableError, builtin, load
from parjanya.profiles.policies import Policies
from parjanya.stages import curate
from parjanya.workflow import image_workflow
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed, Retry
from tbie.execution import Work

TEXT = """\
policy: mild
version: "{tag}"
language: 1
groups:
  - name: g
    combine: worst
    rules:
      - {{id: soft, when: subject_sharpness < {below}, verdict: review, text: soft}}
default: {{verdict: keep, reason: fine, text: fine}}
"""


def mild(below: float = 0.2, tag: str = "1") -> tuple[Policy, str]:
    text = TEXT.format(below=below, tag=tag)
    return load(text, "mild.yaml"), text


class Home:
    """One Truth, and who activates in it."""

    def __init__(self) -> None:
        self.clock, self.workflow = ManualClock(), image_workflow()
        self.truth = MemoryTruth(self.workflow, self.clock, SequentialIds())
        self.policies = Policies()

    def activate(self, below: float | None, tenant: str | None = None, **changes: Any) -> Any:
        policy, text = mild(below) if below is not None else (None, "")
        expected = changes.pop("expected", activations(self.truth)[0].get(tenant))
        self.clock.advance_ms(1)
        asked = {"tenant": tenant, "who": "asha", "why": "test", "now_ms": self.clock.now_ms(), "expected": expected}
        return activate(self.truth, policy, text, **asked)

    def decides(self, tenant: str) -> Policy:
        """By which policy a worker of this home decides for *tenant* now."""
        self.policies.refresh(self.truth, self.workflow)
        return self.policies.of(self.truth, self.workflow.version(curate.NAME, tenant))


@pytest.fixture
def home() -> Home:
    return Home()


def test_where_nothing_was_activated_the_built_in_culling_decides(home: Home) -> None:
    assert home.decides("anybody") == builtin("culling")


def test_what_is_activated_for_everybody_decides_for_all_without_one_of_their_own(home: Home) -> None:
    home.activate(0.2)
    home.activate(0.3, "asha")
    assert home.decides("anybody") == mild(0.2)[0]
    assert home.decides("asha") == mild(0.3)[0]
    home.activate(0.4)
    assert (home.decides("anybody"), home.decides("asha")) == (mild(0.4)[0], mild(0.3)[0])


def test_the_way_back_is_the_policy_before_and_leads_to_the_same_version(home: Home) -> None:
    home.activate(0.2)
    first = home.workflow.version(curate.NAME, "t")
    home.policies.refresh(home.truth, home.workflow)
    version = home.workflow.version(curate.NAME, "t")
    assert version != first
    home.activate(0.3)
    assert before(activations(home.truth)[0][None]).version == mild(0.2)[0].version
    home.activate(0.2)
    assert home.decides("t") == mild(0.2)[0]
    assert home.workflow.version(curate.NAME, "t") == version
    home.activate(None)
    assert home.decides("t") == builtin("culling")


def test_a_tenant_goes_back_to_what_holds_for_everybody(home: Home) -> None:
    home.activate(0.2)
    home.activate(0.3, "asha")
    entry = before(activations(home.truth)[0]["asha"])
    assert entry.version is None
    home.activate(None, "asha")
    assert home.decides("asha") == mild(0.2)[0]


def test_of_two_at_once_one_wins_and_the_other_is_told(home: Home) -> None:
    seen = activations(home.truth)[0].get(None)
    home.activate(0.2, expected=seen)
    with pytest.raises(ActivationError, match="somebody else has just activated"):
        home.activate(0.3, expected=seen)
    assert home.decides("t") == mild(0.2)[0]


def test_a_document_is_kept_with_the_newest_tag_under_its_version(home: Home) -> None:
    home.activate(0.2)
    policy, text = mild(0.2, "renamed")
    activate(
        home.truth, policy, text, tenant=None, who="a", why="w", now_ms=2, expected=activations(home.truth)[0][None]
    )
    assert stored(home.truth)[policy.version].tag == "renamed"
    assert find(home.truth, policy.version).tag == "renamed"


def test_what_decided_before_the_first_activation_is_kept_too(home: Home) -> None:
    home.activate(0.2)
    assert builtin("culling").version in stored(home.truth)


@pytest.mark.parametrize("body", [{}, {"text": 7}, {"text": "policy: x"}, {"text": mild(0.9)[1]}])
def test_a_policy_that_is_damaged_in_truth_is_not_replaced_by_another(home: Home, body: dict[str, Any]) -> None:
    home.activate(0.2)
    version = mild(0.2)[0].version
    document = next(d for d in home.truth.documents(POLICY) if d.name == version)
    home.truth.write_document(POLICY, version, body, document.revision)
    with pytest.raises(PolicyUnavailableError, match=f"the policy {version} in Truth is damaged"):
        home.decides("t")
    home.activate(0.2)  # and this is how it is mended
    assert home.decides("t") == mild(0.2)[0]


def test_a_policy_that_is_missing_in_truth_is_not_replaced_by_another(home: Home) -> None:
    home.activate(0.2)
    for document in home.truth.documents(POLICY):
        home.truth.drop_document(document)
    with pytest.raises(PolicyUnavailableError, match="Truth does not hold it"):
        home.decides("t")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"entries": []},
        {"entries": [{}]},
        {"entries": "x"},
        {"entries": [{"version": "1:0", "policy": "p", "tag": "1", "at_ms": "soon", "who": "w", "why": "y"}]},
        {"entries": [{"version": "1:0", "policy": "p", "tag": 1, "at_ms": 1, "who": "w", "why": "y"}]},
    ],
)
@pytest.mark.parametrize("tenant", [None, "asha"])
def test_an_activation_that_is_damaged_stops_its_images_and_no_others(
    home: Home, tenant: str | None, body: dict[str, Any]
) -> None:
    home.activate(0.2)
    home.activate(0.3, "ben")
    home.activate(0.3, tenant)
    name = activation.name_of(tenant)
    document = next(d for d in home.truth.documents(ACTIVATION) if d.name == name)
    home.truth.write_document(ACTIVATION, name, body, document.revision)
    with pytest.raises(PolicyUnavailableError, match="cannot be read"):
        home.decides(tenant or "anybody")
    assert home.decides("ben") == mild(0.3)[0]
    home.activate(0.4, tenant)
    assert home.decides(tenant or "anybody") == mild(0.4)[0]


def test_a_tenant_that_follows_everybody_stops_with_everybody(home: Home) -> None:
    home.activate(0.3, "asha")
    home.activate(None, "asha")
    home.activate(0.2)
    document = next(d for d in home.truth.documents(ACTIVATION) if d.name == activation.EVERYBODY)
    home.truth.write_document(ACTIVATION, document.name, {}, document.revision)
    with pytest.raises(PolicyUnavailableError):
        home.decides("asha")


def test_histories_policies_and_tenants_are_bounded(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activation, "ENTRIES_KEPT", 3)
    monkeypatch.setattr(activation, "POLICIES_KEPT", 5)
    monkeypatch.setattr(activation, "TENANTS_MOST", 2)
    for step in range(12):
        home.activate(0.1 + step / 20)
    assert len(activations(home.truth)[0][None].entries) == 3
    kept = stored(home.truth)
    assert len(kept) <= 5
    assert {entry.version for entry in activations(home.truth)[0][None].entries} <= kept.keys()
    home.activate(0.1, "a")
    with pytest.raises(ActivationError, match="have a policy of their own already"):
        home.activate(0.1, "b")


def test_no_room_for_another_policy_is_said_and_changes_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activation, "POLICIES_KEPT", 3)
    for below in (0.1, 0.2, 0.3):
        home.activate(below)
    before_that = home.truth.documents(ACTIVATION)
    with pytest.raises(ActivationError, match="activations remember all of them"):
        home.activate(0.4)
    assert home.truth.documents(ACTIVATION) == before_that


def work(version: str, tenant: str = "t") -> Work:
    facts = {"quality": {"subject_sharpness": 0.25}}
    return Work(ItemKey(tenant, "i"), curate.NAME, 1, version, Address("file", "x"), {}, facts, 1, {})


def test_each_image_is_decided_by_the_policy_that_its_version_stands_for(home: Home) -> None:
    home.activate(0.2, "asha")
    home.activate(0.3, "ben")
    home.policies.refresh(home.truth, home.workflow)
    handle = curate.make_batch_handler(lambda version: home.policies.of(home.truth, version))
    works = [work(home.workflow.version(curate.NAME, tenant), tenant) for tenant in ("asha", "ben", "asha")]
    outcomes = handle(works)
    assert all(isinstance(outcome, Completed) for outcome in outcomes)
    facts = [outcome.facts for outcome in outcomes if isinstance(outcome, Completed)]
    assert [one["verdict"] for one in facts] == ["keep", "review", "keep"]
    stamped = {(one["policy"], one["policy_tag"], one["policy_version"]) for one in facts}
    assert stamped == {("mild", "1", mild(0.2)[0].version), ("mild", "1", mild(0.3)[0].version)}


def test_an_image_whose_policy_cannot_be_had_waits_and_is_not_charged(home: Home) -> None:
    home.activate(0.2, "asha")
    home.policies.refresh(home.truth, home.workflow)
    for document in home.truth.documents(POLICY):
        home.truth.drop_document(document)
    handle = curate.make_batch_handler(lambda version: home.policies.of(home.truth, version))
    mine, other = (work(home.workflow.version(curate.NAME, tenant), tenant) for tenant in ("asha", "ben"))
    waits, done = handle([mine, other])
    assert isinstance(waits, Retry)
    assert (waits.reason, waits.counted) == ("policy_unavailable", False)
    assert "Truth does not hold it" in str(waits.evidence["message"])
    assert isinstance(done, Completed)
