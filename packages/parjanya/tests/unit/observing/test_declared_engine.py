"""The declared engine as a worker holds it: opened late, compared with what was declared, never raising at attestation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest

from parjanya.profiles.engines import (
    AGAIN_AFTER_S,
    DeclaredEngine,
    EngineUnfitError,
    differences,
    environment_of,
    open_declared,
)
from parjanya.vision.declared import Declared, OpenAI, Transformers
from parjanya.vision.engine import Begin, Engine, Picture, Seen
from parjanya.workflow import POOL, VISION
from tbie.core.clock import Clock, ManualClock
from tbie.execution import Drift

SERVED = OpenAI("http://127.0.0.1:9/v1", "qwen")


class Opened:
    """An engine that is what it was declared to be."""

    name = "openai"

    def __init__(self, declared: Declared, drift: Drift | None = None, **other: object) -> None:
        self._identity = {**(declared.identity() or {}), **other}
        self._drift = drift
        self.closed = False

    def identity(self) -> Mapping[str, object]:
        return self._identity

    def attest(self) -> Drift | None:
        return self._drift

    def observe(self, pictures: Sequence[Picture], begin: Begin) -> Iterator[tuple[int, Seen]]:
        return iter(())

    def worn(self) -> str | None:
        return "worn"

    def close(self) -> None:
        self.closed = True


class Door:
    """Opens *engine*, or raises; counts how often it was asked."""

    def __init__(self, engine: Engine | Exception) -> None:
        self.engine, self.asked = engine, 0

    def __call__(self, declared: Declared, clock: Clock) -> Engine:
        self.asked += 1
        if isinstance(self.engine, Exception):
            raise self.engine
        return self.engine


def test_it_is_opened_by_whoever_needs_it_first_and_once() -> None:
    door = Door(Opened(SERVED))
    engine = DeclaredEngine(SERVED, ManualClock(), door)
    assert (engine.name, engine.worn(), door.asked) == ("openai", None, 0)

    assert engine.attest() is None
    assert engine.attest() is None
    assert list(engine.observe([], lambda positions: None)) == []

    assert door.asked == 1
    assert engine.worn() == "worn"


def test_one_that_was_never_opened_closes_without_opening() -> None:
    door = Door(Opened(SERVED))
    DeclaredEngine(SERVED, ManualClock(), door).close()

    assert door.asked == 0


def test_what_keeps_it_from_opening_is_drift_in_words_and_tried_again_after_a_while() -> None:
    clock, door = ManualClock(), Door(ModuleNotFoundError("No module named 'torch'"))
    engine = DeclaredEngine(SERVED, clock, door)

    drift = engine.attest()
    assert drift is not None
    assert drift.differences["engine"] == (
        "openai (qwen at http://127.0.0.1:9/v1)",
        "ModuleNotFoundError: No module named 'torch'",
    )
    clock.advance_ms(int(AGAIN_AFTER_S * 1000) - 1)
    assert engine.attest() == drift
    assert door.asked == 1
    door.engine = Opened(SERVED)
    clock.advance_ms(1)

    assert engine.attest() is None


@pytest.mark.parametrize("declared", [SERVED, Transformers("/nowhere", "ab" * 32)])
def test_the_engine_that_is_opened_is_what_its_declaration_says(declared: Declared) -> None:
    pytest.importorskip("httpx")
    engine = open_declared(declared, ManualClock())

    assert differences(declared, engine.identity()) is None
    assert dict(engine.identity()) == declared.identity()
    engine.close()


def test_who_has_not_attested_does_so_before_looking() -> None:
    away = Drift({"model server": ("answers", "connection refused")})
    engine = DeclaredEngine(SERVED, ManualClock(), Door(Opened(SERVED, away)))

    with pytest.raises(EngineUnfitError, match="model server: connection refused, declared answers"):
        list(engine.observe([], lambda positions: None))
    assert list(DeclaredEngine(SERVED, ManualClock(), Door(Opened(SERVED))).observe([], lambda positions: None)) == []


def test_an_engine_of_another_identity_takes_no_work() -> None:
    engine = DeclaredEngine(SERVED, ManualClock(), Door(Opened(SERVED, prompt_sha256="another")))

    drift = engine.attest()

    assert drift is not None
    (name,) = drift.differences
    assert name == "prompt_sha256"
    assert drift.differences[name][1] == "another"


def test_what_the_engine_says_of_its_server_is_passed_on() -> None:
    away = Drift({"model server": ("answers", "connection refused")})

    assert DeclaredEngine(SERVED, ManualClock(), Door(Opened(SERVED, away))).attest() == away


def test_a_worker_that_decodes_strangers_files_is_not_given_the_key_of_a_model_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("PARJANYA_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "s3cret-key")
    monkeypatch.setenv("PARJANYA_SETTINGS", "{}")
    given = environment_of(POOL)
    assert given is not None
    assert "s3cret-key" not in given.values()
    assert given["PARJANYA_SETTINGS"] == "{}"
    assert environment_of(VISION) is None
