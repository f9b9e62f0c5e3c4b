"""A Qwen3-VL folder with random weights, as small or as large as wanted: made in a second, nothing downloaded.

Callers: tests run the real engine on it, ``benchmarks/vision`` takes its tokenizer and templates for a model of the real shape.
Needs the extra ``transformers``. The tokenizer is trained on the prompt itself and keeps all 256 bytes, so that any JSON can be
written; digits stay single, as in the real one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3VLConfig, Qwen3VLForConditionalGeneration

from parjanya.observation import prompt, schema

SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"),
    *("<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
)
CHAT_TEMPLATE = (
    "{%- for message in messages -%}<|im_start|>{{ message.role }}\n"
    "{%- if message.content is string -%}{{ '\\n' + message.content }}{%- else -%}{{ '\\n' }}{%- for part in message.content -%}"
    "{%- if part.type == 'image' -%}<|vision_start|><|image_pad|><|vision_end|>{%- else -%}{{ part.text }}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}<|im_end|>{{ '\\n' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}<|im_start|>assistant{{ '\\n' }}{%- endif -%}"
)
_TEXT = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 8192,
    "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 5_000_000.0,
        "mrope_section": [4, 2, 2],
        "mrope_interleaved": True,
    },
}
_VISION = {
    "depth": 2,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_heads": 2,
    "patch_size": 16,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "out_hidden_size": 64,
    "num_position_embeddings": 64,
    "deepstack_visual_indexes": [0, 1],
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What the random model looks like."""

    text: Mapping[str, Any] = field(default_factory=lambda: _TEXT)
    vision: Mapping[str, Any] = field(default_factory=lambda: _VISION)
    words: int = 768
    """Tokens that are trained on the prompt."""
    vocabulary: int | None = None
    """Length of the vocabulary; made-up words fill it."""
    tied: bool = False
    """Whether the embeddings of what is read and of what is written are one, as in the smaller models of the family."""
    spread: float = 0.3
    """Of the random weights: enough that two pictures give two answers."""


EIGHT_BILLION = Shape(
    text={
        "hidden_size": 4096,
        "intermediate_size": 12288,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "max_position_embeddings": 262_144,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 5_000_000.0,
            "mrope_section": [24, 20, 20],
            "mrope_interleaved": True,
        },
    },
    vision={
        **_VISION,
        "depth": 27,
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_heads": 16,
        "out_hidden_size": 4096,
        "num_position_embeddings": 2304,
        "deepstack_visual_indexes": [8, 16, 24],
    },
    vocabulary=151_936,
    spread=0.02,
)
"""The shape of Qwen3-VL-8B-Instruct: 8.77 billion parameters."""


def build(folder: Path, shape: Shape | None = None, seed: int = 0) -> Path:
    """Write a whole model folder; returns it. The default is below 2 MB."""
    config = write_without_weights(folder, shape or Shape())
    torch.manual_seed(seed)
    model = Qwen3VLForConditionalGeneration(config).eval()
    model.save_pretrained(folder)
    write_small_files(folder, config)  # saving has put its own beside the weights
    return folder


def write_without_weights(folder: Path, shape: Shape) -> Qwen3VLConfig:
    """Write everything but the weights; returns the configuration to make them from."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(shape)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=[token for token in SPECIAL if token not in {"<|im_end|>", "<|endoftext|>"}],
    )
    wrapped.chat_template = CHAT_TEMPLATE
    wrapped.save_pretrained(folder)
    ids = {token: tokenizer.token_to_id(token) for token in SPECIAL}
    ends = {"pad_token_id": ids["<|endoftext|>"], "eos_token_id": ids["<|im_end|>"]}
    config = Qwen3VLConfig(
        text_config={**shape.text, **ends, "vocab_size": tokenizer.get_vocab_size(), "initializer_range": shape.spread},
        vision_config={**shape.vision, "initializer_range": shape.spread},
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=shape.tied,
    )
    config.architectures = ["Qwen3VLForConditionalGeneration"]
    write_small_files(folder, config)
    return config


def write_small_files(folder: Path, config: Qwen3VLConfig) -> None:
    """Configuration of the model, of generation and of pictures."""
    config.save_pretrained(folder)
    text, vision = config.text_config, config.vision_config
    stops = [text.eos_token_id, text.pad_token_id]
    GenerationConfig(eos_token_id=stops, pad_token_id=text.pad_token_id, do_sample=False).save_pretrained(folder)
    images = {
        "image_processor_type": "Qwen2VLImageProcessorFast",
        "size": {"shortest_edge": 65_536, "longest_edge": 16_777_216},
        "patch_size": vision.patch_size,
        "merge_size": vision.spatial_merge_size,
        "temporal_patch_size": vision.temporal_patch_size,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(images, indent=2) + "\n")


def _tokenizer(shape: Shape) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=shape.words,
        min_frequency=2,
        special_tokens=list(SPECIAL),
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    corpus = [prompt.SYSTEM, prompt.USER, schema.TEXT, "system user assistant\n"] * 8
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer if shape.vocabulary is None else _filled(tokenizer, shape.vocabulary)


def _filled(tokenizer: Tokenizer, vocabulary: int) -> Tokenizer:
    """*tokenizer* with made-up words up to *vocabulary* tokens: no text is cut into them, but answers may hold them."""
    document = json.loads(tokenizer.to_str())
    known: dict[str, int] = document["model"]["vocab"]
    chance = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlcumwfgypbvkjxqz"))
    while len(known) < vocabulary:
        word = "".join(letters[(26 * chance.random(int(chance.integers(3, 11))) ** 2).astype(int)])
        word = ("\u0120" + word) if chance.random() < 0.5 else word  # the byte-level alphabet's letter for a space
        known.setdefault(word, len(known))
    return Tokenizer.from_str(json.dumps(document))
