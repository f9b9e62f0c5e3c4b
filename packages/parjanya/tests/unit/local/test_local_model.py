"""The real engine's model on a processor: a random Qwen3-VL, held against the library's own processor and forward pass."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from parjanya.observation import prompt as question
from parjanya.observation.fields import GRADES
from parjanya.observation.validate import validate
from parjanya.vision.engine import Observed, Picture, Seen, Unanswered
from parjanya.vision.flow.device import OutOfMemoryError, UnreadableError
from parjanya.vision.local.pixels import decode, patches, pixel_values
from parjanya.vision.local.settings import LocalSettings
from tbie.core.clock import SystemClock

sys.path.insert(0, str(Path(__file__).parents[2]))
from engines_present import require_engines
from local_models import SIZES, picture, preview

PIXELS = 72 * 32 * 32
pytestmark = pytest.mark.timeout(240)  # importing torch alone may take a minute on a machine that does much else
TOLERANCE = 2e-5
"""Of a probability: float32, sums in another order."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model, below 2 MB."""
    require_engines("torch", "transformers", "llguidance")
    from parjanya.testing.tiny_qwen3vl import build

    return build(tmp_path_factory.mktemp("model"))


def opened(path: Path, **changes: Any) -> Any:
    from parjanya.vision.local.engine import open_model

    settings = LocalSettings(path, pixels=PIXELS, pixels_floor=PIXELS // 4, device="cpu", **changes)
    return open_model(settings, SystemClock())


@pytest.fixture(scope="module")
def model(tiny: Path) -> Any:
    import torch

    torch.set_num_threads(1)
    return opened(tiny)


@pytest.fixture(scope="module")
def seen(model: Any) -> list[Seen]:
    """Two dozen pictures of many shapes, in batches of twelve."""
    ready = [model.prepare(picture(number), PIXELS) for number in range(len(SIZES))]
    return [one for start in range(0, len(ready), 12) for one in model.run(ready[start : start + 12])]


def observed(seen: Seen) -> Observed:
    assert isinstance(seen, Observed), seen
    return seen


def official(model: Any, one: Any, answer: list[int]) -> Any:
    """Logits of one forward pass over the whole prompt and *answer*, with the library's own positions and pixels; no cache."""
    import torch
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    inner = model._loaded.model
    processor = Qwen2VLImageProcessorPil.from_pretrained(model._folder.path)
    size = {"shortest_edge": 65_536, "longest_edge": PIXELS}
    pictures = processor(images=[decode(one.picture.jpeg)], size=size, return_tensors="pt")
    own = model._prompt
    begun = len(model._loaded.grammar.row().tokens)
    ids = torch.tensor([[*own.head, *own.tail(one.grid)[: len(own.tail(one.grid)) - begun], *answer]])
    kinds = (ids == own.image).int()
    with torch.inference_mode():
        return inner(input_ids=ids, mm_token_type_ids=kinds, attention_mask=torch.ones_like(ids), **pictures).logits[0]


def test_the_model_is_small(tiny: Path) -> None:
    assert sum(file.stat().st_size for file in tiny.iterdir()) < 2_000_000


@pytest.mark.parametrize("size", [(33, 700), (100, 80), (640, 427), (1100, 733)])
def test_pictures_become_what_the_librarys_own_processor_makes(model: Any, size: tuple[int, int]) -> None:
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    source = decode(preview(3, *size))
    budget = 128 * 32 * 32
    processor = Qwen2VLImageProcessorPil.from_pretrained(model._folder.path)
    theirs = processor(images=[source], size={"shortest_edge": 65_536, "longest_edge": budget}, return_tensors="np")
    cut, grid = patches(source, model._folder.images, budget)
    assert theirs["image_grid_thw"].tolist() == [[1, *grid]]
    assert np.array_equal(pixel_values(cut, model._folder.images), theirs["pixel_values"])
    from parjanya.vision.local.decode import Look

    assert np.array_equal(model._decoder.numbers(Look(cut, grid, None)).numpy(), theirs["pixel_values"])


def test_the_tokens_are_those_of_the_expanded_text(model: Any) -> None:
    from transformers import AutoTokenizer

    one = model.prepare(picture(1), PIXELS)
    tokenizer = AutoTokenizer.from_pretrained(model._folder.path)
    text = model.rendered().replace("<|image_pad|>", "<|image_pad|>" * model._prompt.pieces(one.grid))
    begun = model._loaded.grammar.row().tokens
    assert [*model._prompt.head, *model._prompt.tail(one.grid)] == [*tokenizer(text)["input_ids"], *begun]
    assert question.SYSTEM in text
    assert text.index(question.SYSTEM) < text.index("<|image_pad|>") < text.index(question.USER)


def test_every_answer_is_an_observation(seen: list[Seen]) -> None:
    assert len(seen) == 24
    for one in seen:
        assert validate(json.dumps(observed(one).observation)) == observed(one).observation
        assert set(observed(one).grades) == set(GRADES)
        assert observed(one).provenance["finish_reason"] == "stop"


def test_pictures_differ_and_so_do_answers(seen: list[Seen]) -> None:
    assert len({str(observed(one).observation) for one in seen}) > 12


def test_most_tokens_of_an_answer_cost_no_pass(seen: list[Seen]) -> None:
    ran = observed(seen[0]).provenance
    assert ran["passes"] < ran["new_tokens"] / 2


def test_an_answer_does_not_depend_on_what_is_beside_it(model: Any, seen: list[Seen]) -> None:
    for number in (0, 23):
        (alone,) = model.run([model.prepare(picture(number), PIXELS)])
        assert observed(alone).observation == observed(seen[number]).observation
        for name, grade in observed(alone).grades.items():
            assert grade.expected == pytest.approx(observed(seen[number]).grades[name].expected, abs=5 * TOLERANCE)


def test_grades_are_what_a_separate_forward_pass_says(model: Any) -> None:
    import torch

    ready = [model.prepare(picture(number), PIXELS) for number in (2, 3, 4)]
    from parjanya.vision.local.decode import Look

    for one, written in zip(
        ready, model._decoder.write([Look(r.patches, r.grid, None) for r in ready], 2000), strict=True
    ):
        tokens, grammar = written.row.tokens, model._loaded.grammar
        logits = official(model, one, tokens)[-len(tokens) - 1 :]
        for name, shares in written.levels.items():
            before = next(n for n in range(len(tokens)) if grammar.text(tokens[:n]).endswith(f'"{name}":'.encode()))
            reference = torch.softmax(logits[before, list(grammar.levels)], -1).tolist()
            assert shares == pytest.approx(reference, abs=TOLERANCE)
            digit = int(grammar.text([tokens[before]]))
            assert digit == 1 + int(np.argmax(shares))
        assert set(written.levels) == set(GRADES)


@pytest.mark.parametrize("tokens", [1, 5, 16])
def test_folded_heads_see_what_the_librarys_attention_sees(model: Any, tokens: int) -> None:
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    from parjanya.vision.local.attention import attention

    torch.manual_seed(0)
    query = torch.randn(3, tokens, 8, 16).transpose(1, 2)
    key, value = torch.randn(2, 3, 2, 40, 16)
    mask = torch.rand(3, 1, tokens, 40) < 0.7
    module = torch.nn.Module()
    module.num_key_value_groups = 4
    ours, _ = attention(module, query, key, value, mask, scaling=0.25)
    theirs, _ = sdpa_attention_forward(module, query, key, value, mask, scaling=0.25)
    assert ours.shape == theirs.shape == (3, tokens, 8, 16)
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_two_pictures_give_two_sets_of_numbers(model: Any) -> None:
    first, second = model.glimpse(preview(1)), model.glimpse(preview(2))
    assert first.top != second.top
    assert model.glimpse(preview(1)) == first


def test_an_answer_cut_short_says_so(tiny: Path) -> None:
    short = opened(tiny, most_tokens=30)
    (cut,) = short.run([short.prepare(picture(0), PIXELS)])
    assert isinstance(cut, Unanswered)
    assert (cut.reason, cut.terminal) == ("answer_truncated", False)
    assert cut.evidence["beginning"].startswith('{"medium":"')
    assert cut.evidence["finish_reason"] == "length"


def test_later_attempts_draw_and_draw_the_same_whoever_is_beside_them(model: Any, seen: list[Seen]) -> None:
    second = [model.prepare(picture(number, attempt=2), PIXELS) for number in (0, 1, 2)]
    together = [observed(one) for one in model.run(second)]
    (alone,) = [observed(one) for one in model.run(second[1:2])]
    assert alone.observation == together[1].observation
    assert alone.observation != observed(seen[1]).observation
    assert alone.provenance["seed"] == together[1].provenance["seed"] is not None
    (third,) = model.run([model.prepare(picture(1, attempt=3), PIXELS)])
    assert observed(third).observation != alone.observation


def test_memory_that_is_short_is_told_in_one_word_and_let_go(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    ready = [model.prepare(picture(0), PIXELS)]

    def short(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    with monkeypatch.context() as patch:
        patch.setattr(model._decoder, "_forward", short)
        with pytest.raises(OutOfMemoryError, match=r"2\.00 GiB") as caught:
            model.run(ready)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert isinstance(model.run(ready)[0], Observed)


def test_an_error_that_is_not_about_memory_stays_what_it_is(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("device-side assert triggered")

    monkeypatch.setattr(model._decoder, "_forward", broken)
    with pytest.raises(RuntimeError, match="device-side assert"):
        model.run([model.prepare(picture(0), PIXELS)])


@pytest.mark.parametrize("shape", [(2000, 8), (8, 2000)])
def test_a_shape_that_the_family_refuses_is_unreadable(model: Any, shape: tuple[int, int]) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", shape).save(buffer, "JPEG")
    with pytest.raises(UnreadableError, match="longer than wide"):
        model.prepare(Picture("long", buffer.getvalue()), PIXELS)


def test_there_is_room_for_something(model: Any) -> None:
    assert model.room_tokens() > 0
