"""The engine ``transformers`` as a worker meets it: identity, attestation against a baked manifest, the flow, wear."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from parjanya.observation.validate import validate
from parjanya.vision.artifact.bake import bake, write
from parjanya.vision.artifact.golden import Glimpse
from parjanya.vision.artifact.manifest import NAME
from parjanya.vision.engine import Observed, Picture, Unanswered
from parjanya.vision.local.engine import TransformersEngine, open_model, scoring
from parjanya.vision.local.settings import LocalSettings
from tbie.core.clock import Clock, ManualClock, SystemClock

if TYPE_CHECKING:
    from parjanya.vision.local.model import LocalModel

sys.path.insert(0, str(Path(__file__).parents[2]))
from engines_present import require_engines
from local_models import edit, picture

PIXELS = 72 * 32 * 32
pytestmark = pytest.mark.timeout(240)  # importing torch alone may take a minute on a machine that does much else


def settings_for(path: Path, **changes: Any) -> LocalSettings:
    return LocalSettings(path, pixels=PIXELS, pixels_floor=PIXELS // 4, device="cpu", **changes)


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random model with its manifest, golden answers in it."""
    require_engines("torch", "transformers", "llguidance")
    import torch

    from parjanya.testing.tiny_qwen3vl import build

    torch.set_num_threads(1)
    path = build(tmp_path_factory.mktemp("model"))
    settings = settings_for(path)
    write(bake(path, scoring=scoring(settings), model=lambda: open_model(settings, SystemClock())), path / NAME)
    return path


@pytest.fixture(scope="module")
def engine(baked: Path) -> Iterator[TransformersEngine]:
    """Attested once, for the tests that only look."""
    subject = TransformersEngine(settings_for(baked), SystemClock())
    assert subject.attest() is None
    yield subject
    subject.close()


def nobody(positions: Sequence[int]) -> None:
    """Nobody wants to know what begins."""


def test_pictures_come_back_observed_and_stamped_with_what_ran(engine: TransformersEngine) -> None:
    begun: list[int] = []
    pictures = [picture(number) for number in range(6)] + [Picture("torn", picture(0).jpeg[:300])]
    seen = dict(engine.observe(pictures, begun.extend))

    assert sorted(seen) == list(range(7))
    assert set(begun) == set(range(7)), "each is told before it is decoded"
    assert begun.count(6) == 1, "what cannot be decoded never reaches the device"
    torn = seen.pop(6)
    assert isinstance(torn, Unanswered)
    assert (torn.reason, torn.terminal) == ("preview_unreadable", True)
    for one in seen.values():
        assert isinstance(one, Observed)
        assert validate(json.dumps(one.observation)) == one.observation
        assert one.provenance["manifest"] == json.loads((engine._settings.folder / NAME).read_text())["id"]
        assert (one.provenance["pixel_budget"], one.provenance["device"]) == (PIXELS, "cpu")


def test_memory_that_is_short_goes_down_the_ladder_and_is_written_down(
    engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    assert engine._model is not None
    decoder, ids = engine._model._decoder, []
    forward: Callable[..., Any] = decoder._forward

    def capped(*arguments: Any, **pictures: Any) -> Any:
        if "pixel_values" in pictures:
            ids.append(arguments[0].shape)
            if arguments[0].size > 120:  # tokens of the tails, padded: one picture at its full budget does not fit
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB")
        return forward(*arguments, **pictures)

    monkeypatch.setattr(decoder, "_forward", capped)
    seen = dict(engine.observe([picture(number) for number in (5, 6)], nobody))
    assert len(ids) > 4
    for one in seen.values():
        assert isinstance(one, Observed)
        assert one.provenance["pixel_budget"] < one.provenance["pixel_budget_asked"] == PIXELS


def test_the_folder_may_be_looked_at_again_and_again(engine: TransformersEngine) -> None:
    assert engine.attest() is engine.attest() is None
    assert engine.worn() is None


def test_a_process_that_has_grown_is_worn(engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine._ready_bytes is not None
    monkeypatch.setattr(engine, "_ready_bytes", engine._ready_bytes - (5 << 30))
    assert "more than 4,096 MiB is a leak" in str(engine.worn())


@pytest.fixture
def copy(baked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(baked, tmp_path / "copy"))


def drift(path: Path, **changes: Any) -> str:
    found = TransformersEngine(settings_for(path, **changes), SystemClock()).attest()
    assert found is not None
    return json.dumps(dict(found.differences))


def flip(path: Path) -> None:
    content = bytearray((path / "model.safetensors").read_bytes())
    content[-101] ^= 0x40
    (path / "model.safetensors").write_bytes(content)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a flipped bit": (flip, "model.safetensors"),
    "weights cut off": (
        lambda path: (path / "model.safetensors").write_bytes((path / "model.safetensors").read_bytes()[:-4096]),
        "model.safetensors",
    ),
    "no generation": (lambda path: (path / "generation_config.json").unlink(), "generation_config.json"),
    "no tokenizer": (lambda path: (path / "tokenizer.json").unlink(), "tokenizer.json"),
    "no template": (lambda path: (path / "chat_template.jinja").unlink(), "chat"),
    "no statistics": (
        lambda path: edit(path, "preprocessor_config.json", lambda content: content.pop("image_mean")),
        "preprocessor_config.json",
    ),
    "layers swapped": (
        lambda path: edit(
            path, "config.json", lambda content: content["vision_config"].update(deepstack_visual_indexes=[1, 0])
        ),
        "config.json",
    ),
    "own code": (
        lambda path: edit(path, "config.json", lambda content: content.update(auto_map={"AutoModel": "m.M"})),
        "config.json",
    ),
    "a file too many": (lambda path: (path / "extra.json").write_text("{}"), "extra.json"),
    "an edited manifest": (lambda path: edit(path, NAME, lambda content: content.update(golden=None)), "changed after"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_folder_that_is_not_what_was_baked_takes_no_work_and_is_not_loaded(copy: Path, fault: str) -> None:
    spoil, words = FAULTS[fault]
    spoil(copy)

    def not_wanted(*_: object) -> Any:
        raise AssertionError("a folder that drifted was loaded")

    found = TransformersEngine(settings_for(copy), SystemClock(), open_with=not_wanted).attest()
    assert found is not None
    assert words in json.dumps(dict(found.differences))
    assert "not wanted" not in json.dumps(dict(found.differences))


def test_a_process_that_asks_something_else_than_was_baked_takes_no_work(baked: Path) -> None:
    assert "temperature" in drift(baked, temperature=0.9)


def test_another_manifest_than_the_declared_one_is_a_drift(baked: Path) -> None:
    assert '"manifest": ["' + "0" * 64 in drift(baked, manifest="0" * 64)


def test_a_file_that_changes_later_is_found_by_the_next_look(copy: Path) -> None:
    subject = TransformersEngine(settings_for(copy), SystemClock())
    assert subject.attest() is None
    flip(copy)
    assert "model.safetensors" in str(subject.attest())
    subject.close()
    subject.close()


def test_a_file_that_is_exchanged_while_the_model_is_loaded_is_no_proof_of_what_was_loaded(copy: Path) -> None:
    write(bake(copy, scoring=scoring(settings_for(copy))), copy / NAME)  # no golden answers, which might tell
    clock, loads = ManualClock(), list[int]()

    def opened(settings: LocalSettings, given: Clock) -> LocalModel:
        loads.append(1)
        if len(loads) == 1:
            flip(copy)
        try:
            return open_model(settings, given)
        finally:
            if len(loads) == 1:
                flip(copy)  # and back: what lies there is what was baked, what was loaded is not

    subject = TransformersEngine(settings_for(copy), clock, open_with=opened)
    assert "model.safetensors" in str(subject.attest())
    clock.advance_ms(61_000)
    assert subject.attest() is None
    assert len(loads) == 2, "what was loaded first is not used"
    subject.close()


def test_a_model_that_was_found_unfit_is_loaded_again_once_its_folder_may_be_mended(copy: Path) -> None:
    import torch

    (copy / NAME).unlink()

    clock, loads = ManualClock(), list[int]()

    class Blind:
        """Whatever it is shown, it makes the same of it."""

        device = torch.device("cpu")

        def glimpse(self, picture: bytes) -> Glimpse:
            return Glimpse((1, 2, 2), 0.0, 1.0, 9, ((1, 0.5),), {})

    def opened(settings: LocalSettings, given: Clock) -> Any:
        loads.append(1)
        return Blind() if len(loads) == 1 else open_model(settings, given)

    subject = TransformersEngine(settings_for(copy), clock, open_with=opened)
    assert "does not reach it" in str(subject.attest())
    clock.advance_ms(61_000)
    assert subject.attest() is None
    subject.close()


def test_a_refused_folder_is_looked_at_again_as_soon_as_it_was_mended_and_not_while_it_is_being_written(
    copy: Path,
) -> None:
    write(bake(copy, scoring=scoring(settings_for(copy))), copy / NAME)
    wanted, here = copy / "preprocessor_config.json", copy / "chat_template.json"
    kept = wanted.read_bytes()
    wanted.unlink()
    clock, loads = ManualClock(), list[int]()

    class LoadingError(RuntimeError):
        """As far as it has to go."""

    def opened(settings: LocalSettings, given: Clock) -> Any:
        loads.append(1)
        raise LoadingError

    subject = TransformersEngine(settings_for(copy), clock, open_with=opened)
    assert "preprocessor_config.json" in str(subject.attest())
    for number in range(3):  # a copy is under way: each look finds another folder
        here.write_bytes(b"x" * number)
        clock.advance_ms(2_000)
        assert "preprocessor_config.json" in str(subject.attest())
    here.unlink()
    wanted.write_bytes(kept)
    clock.advance_ms(2_000)
    assert "preprocessor_config.json" in str(subject.attest()), "it has just changed: somebody may be writing still"
    assert loads == []
    clock.advance_ms(2_000)
    assert "LoadingError" in str(subject.attest())
    assert loads == [1]


def test_without_a_manifest_the_folder_is_checked_and_the_model_must_look(copy: Path) -> None:
    (copy / NAME).unlink()
    edit(copy, "preprocessor_config.json", lambda content: content.pop("image_std"))
    assert "image_std is None" in drift(copy)
