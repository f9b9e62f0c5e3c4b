"""The declared engine as data: what may be declared, what of it changes answers, and that no secret is in it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parjanya.profiles.declaration import DeclaredMeanwhileError, EngineUnknownError, declare, declared_in
from parjanya.stages import observe
from parjanya.vision.declared import (
    Classical,
    DeclarationError,
    Declared,
    OpenAI,
    Transformers,
    from_json,
    to_json,
)
from parjanya.workflow import POOL, VISION, image_workflow
from tbie.backends.memory.truth import MemoryTruth
from tbie.core.clock import ManualClock
from tbie.core.ids import SequentialIds
from tbie.truth import Document

SERVED = OpenAI("http://127.0.0.1:8000/v1", "qwen")
LOADED = Transformers("/models/qwen", "ab" * 32)


def truth() -> MemoryTruth:
    return MemoryTruth(image_workflow(), ManualClock(), SequentialIds())


@pytest.mark.parametrize("declared", [Classical(), SERVED, LOADED])
def test_what_is_written_is_what_is_read(declared: Declared) -> None:
    store = truth()
    declare(store, SERVED)
    declare(store, declared)

    assert from_json(to_json(declared)) == declared
    assert declared_in(store) == declared


def test_a_home_that_declared_nothing_is_classical_and_declaring_that_writes_nothing() -> None:
    store = truth()
    declare(store, Classical())

    assert declared_in(store) == Classical()
    assert store.documents("engine") == []


def test_two_that_declare_at_the_same_time_do_not_overwrite_each_other() -> None:
    class Slow(MemoryTruth):
        def documents(self, kind: str) -> list[Document]:
            found = super().documents(kind)
            if not found:
                super().write_document("engine", "images", to_json(LOADED), None)  # somebody is faster
            return found

    store = Slow(image_workflow(), ManualClock(), SequentialIds())

    with pytest.raises(DeclaredMeanwhileError, match="try again"):
        declare(store, SERVED)
    assert declared_in(store) == LOADED


@pytest.mark.parametrize(
    "body",
    [
        {"engine": "oracle"},
        {"engine": "openai"},
        {"engine": "openai", "base_url": 8, "model": "m"},
        {"engine": "openai", "base_url": "http://h/v1", "model": "m", "api_key": "s3cret"},
        {"engine": "openai", "base_url": "http://h/v1", "model": "m", "in_flight": True},
        {"engine": "openai", "base_url": "http://h/v1", "model": "m", "in_flight": 10_000},
        {"engine": "openai", "base_url": "http://h/v1", "model": "m\x1b[2J"},
        {"engine": "openai", "base_url": "file:///etc/passwd", "model": "m"},
        {"engine": "transformers", "folder": "models/qwen", "manifest": "ab" * 32},
        {"engine": "transformers", "folder": "/models/qwen", "manifest": "latest"},
        {"engine": "transformers", "folder": "/models/qwen", "manifest": "ab" * 32, "dtype": "int4"},
        {"engine": "transformers", "folder": "/models/qwen", "manifest": "ab" * 32, "pixel_budget": 1},
    ],
)
def test_what_no_program_of_this_version_wrote_is_refused_and_nothing_is_observed_by_it(body: dict[str, Any]) -> None:
    store = truth()
    store.write_document("engine", "images", body, None)

    with pytest.raises(DeclarationError):
        from_json(body)
    with pytest.raises(EngineUnknownError, match="cannot be used"):
        declared_in(store)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.dictionaries(st.text(), v)))
def test_whatever_is_stored_is_read_or_refused(body: object) -> None:
    with suppress(DeclarationError):
        assert isinstance(from_json(body), Classical | OpenAI | Transformers)


@pytest.mark.parametrize("url", ["http://user:s3cret@host/v1", "http://s3cret@host/v1"])
def test_a_secret_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        OpenAI(url, "qwen")

    assert "s3cret" not in str(refused.value)


def test_one_address_written_in_two_ways_is_one_declaration() -> None:
    assert OpenAI("http://127.0.0.1:8000/", "qwen") == SERVED


class TestVersions:
    """What of a declaration makes what was observed stale."""

    def test_classical_alone_keeps_its_version_and_its_pool(self) -> None:
        stage = image_workflow(Classical())["observe"]

        assert (stage.version, stage.pool) == (observe.VERSION, POOL)
        assert image_workflow(Classical()).fingerprint == image_workflow().fingerprint

    def test_a_model_is_another_version_in_the_pool_vision_and_nothing_else_changes(self) -> None:
        alone, seeing = image_workflow(), image_workflow(SERVED)

        assert seeing["observe"].version != alone["observe"].version
        assert seeing["observe"].pool == VISION
        others = [stage for stage in alone.stages if stage.name != "observe"]
        assert [seeing[stage.name] for stage in others] == others

    @pytest.mark.parametrize(
        "other",
        [
            replace(SERVED, model="qwen-large"),
            replace(SERVED, pixel_budget=SERVED.pixel_budget // 2),
        ],
    )
    def test_what_changes_answers_changes_the_version(self, other: Declared) -> None:
        assert image_workflow(other)["observe"].version != image_workflow(SERVED)["observe"].version

    @pytest.mark.parametrize(
        "other",
        [
            replace(SERVED, base_url="https://elsewhere.example/v1"),
            replace(SERVED, in_flight=2),
        ],
    )
    def test_where_a_server_is_and_how_much_it_is_asked_at_once_do_not(self, other: Declared) -> None:
        assert image_workflow(other)["observe"].version == image_workflow(SERVED)["observe"].version

    def test_a_model_folder_may_move_but_not_change(self) -> None:
        version = image_workflow(LOADED)["observe"].version

        assert image_workflow(replace(LOADED, folder="/elsewhere"))["observe"].version == version
        assert image_workflow(replace(LOADED, manifest="cd" * 32))["observe"].version != version
        assert image_workflow(replace(LOADED, dtype="float32"))["observe"].version != version

    def test_a_run_of_the_stage_leaves_a_margin_to_the_visibility_timeout(self) -> None:
        from parjanya.profiles.environment import from_environment

        for declared in (SERVED, LOADED):
            stage = image_workflow(declared)["observe"]
            from_environment({}).check_stage(stage.name, stage.max_run_s)


def test_a_model_is_asked_as_its_manifest_was_baked_for() -> None:
    from parjanya.vision.artifact.manifest import Manifest

    baked = Manifest(
        {"scoring": {"dtype": "float32", "pixel_budget": 524_288, "pixel_budget_floor": 65_536, "code": 1}}
    )

    declared = Transformers.of(Path("/models/qwen"), baked)

    assert (declared.dtype, declared.pixel_budget, declared.pixel_budget_floor) == ("float32", 524_288, 65_536)
    assert declared.manifest == baked.id
