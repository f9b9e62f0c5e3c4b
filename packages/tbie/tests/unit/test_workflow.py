"""Workflows are refused when they do not form a DAG, and answer who needs whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tbie.core.errors import WorkflowError
from tbie.testing.builders import chain, gallery, stage
from tbie.workflow import RetryPolicy, Workflow


def names(stages: tuple[object, ...]) -> list[str]:
    return [str(getattr(each, "name", each)) for each in stages]


def test_a_name_used_twice_is_refused() -> None:
    with pytest.raises(WorkflowError, match="'twice' uses a stage name twice"):
        Workflow("twice", (stage("a"), stage("a")))


def test_an_unknown_need_is_refused_by_name() -> None:
    with pytest.raises(WorkflowError, match="'b' needs 'ghost'"):
        Workflow("w", (stage("a"), stage("b", "ghost")))


@pytest.mark.parametrize(
    "stages",
    [
        (stage("a", "a"),),
        (stage("a", "b"), stage("b", "a")),
        (stage("r"), stage("a", "c"), stage("b", "a"), stage("c", "b")),
    ],
)
def test_a_circle_is_refused(stages: tuple[object, ...]) -> None:
    with pytest.raises(WorkflowError, match="in a circle"):
        Workflow("w", stages)  # type: ignore[arg-type]


def test_stages_are_sorted_so_that_needs_come_first() -> None:
    workflow = Workflow("w", (stage("c", "b"), stage("b", "a"), stage("a")))
    assert names(workflow.stages) == ["a", "b", "c"]


def test_upstream_and_downstream_reach_through_others() -> None:
    workflow = gallery()
    assert workflow.upstream["judge"] == {"read", "look", "measure"}
    assert set(names(workflow.downstream["read"])) == {"look", "measure", "group", "judge"}
    assert names(workflow.direct["read"]) == ["look", "measure"]
    assert workflow.downstream["judge"] == ()


@given(st.data())
def test_topological_order_holds_for_any_dag(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    stages = [
        stage(f"s{n}", *data.draw(st.lists(st.sampled_from([f"s{m}" for m in range(n)]), unique=True)) if n else ())
        for n in range(count)
    ]
    workflow = Workflow("w", tuple(data.draw(st.permutations(stages))))
    seen: set[str] = set()
    for each in workflow.stages:
        assert set(each.needs) <= seen
        assert workflow.upstream[each.name] <= seen
        seen.add(each.name)
    for each in workflow.stages:
        assert {o.name for o in workflow.downstream[each.name]} == {
            o.name for o in workflow.stages if each.name in workflow.upstream[o.name]
        }


def test_pools_are_listed_once_and_keep_their_stages() -> None:
    workflow = Workflow("w", (stage("a"), stage("b", "a", pool="gpu"), stage("c", "b")))
    assert workflow.pools == ("default", "gpu")
    assert names(workflow.in_pool("default")) == ["a", "c"]
    assert workflow.get("b") is workflow["b"]
    assert workflow.get("ghost") is None


def test_the_fingerprint_follows_names_needs_versions_and_pools_only() -> None:
    base = chain("a", "b").fingerprint
    assert chain("a", "b").fingerprint == base
    assert chain("a", "b", claim_batch=9).fingerprint == base
    others = [
        chain("a", "b", version="v2"),
        chain("a", "c"),
        Workflow("w", (stage("a"), stage("b"))),
        Workflow("w", (stage("a"), stage("b", "a", pool="gpu"))),
    ]
    assert len({base, *(other.fingerprint for other in others)}) == 5


def test_the_backoff_doubles_up_to_its_ceiling_and_never_overflows() -> None:
    policy = RetryPolicy(backoff_base_s=1.5, backoff_max_s=10.0)
    assert [policy.backoff_ms(n) for n in (0, 1, 2, 3, 4, 5, 10_000)] == [
        1500,
        1500,
        3000,
        6000,
        10_000,
        10_000,
        10_000,
    ]
