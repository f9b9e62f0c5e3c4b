"""A checked folder becomes a model on a device, with its prompt and its grammar; anything doubtful is refused.

Caller: ``engine``. The library is told to stay on this disk, to load safetensors alone and to run no code of the folder. What it
would only warn of (tensors that are missing, left over or of another shape) is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import transformers
from transformers import AutoTokenizer, Qwen3VLForConditionalGeneration

from parjanya.observation import prompt as question
from parjanya.vision.local import attention
from parjanya.vision.local.folder import ModelFolder, ModelFolderError
from parjanya.vision.local.grammar import Grammar, GrammarError
from parjanya.vision.local.prompt import Prompt

_SPECIAL = {
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that is ready."""

    model: Qwen3VLForConditionalGeneration
    prompt: Prompt
    grammar: Grammar
    rendered: str
    """The prompt as the chat template renders it, one image token in it."""


def device_for(wanted: str) -> torch.device:
    """The device that *wanted* means here. Raises ``ModelFolderError`` if there is none."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        wanted = next(name for name, is_there in there.items() if is_there)
    if not there[wanted]:
        raise ModelFolderError(f"there is no device {wanted!r} here; use 'auto' or 'cpu', or see to its driver")
    return torch.device(wanted)


def dtype_for(wanted: str, device: torch.device) -> torch.dtype:
    """The type that *wanted* means on *device*."""
    if wanted == "auto":
        wanted = "float32" if device.type == "cpu" else "bfloat16"
    dtype: torch.dtype = getattr(torch, wanted)
    return dtype


def load(folder: ModelFolder, device: torch.device, dtype: torch.dtype) -> Loaded:
    """Load *folder*. Raises ``ModelFolderError`` for what is wrong with it, and what torch raises when memory is short."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    tokenizer = _tokenizer(folder)
    rendered = _render(folder, tokenizer)
    model = _model(folder, dtype).to(device)
    backend = type(tokenizer.backend_tokenizer).from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_padding()
    backend.no_truncation()
    try:
        grammar = Grammar(backend.to_str(), folder.config["text_config"]["vocab_size"], folder.stops)
    except GrammarError as error:
        raise ModelFolderError(f"tokenizer.json: {error}") from error
    return Loaded(model, _prompt(folder, tokenizer, rendered, grammar), grammar, rendered)


def from_model(folder: ModelFolder, model: Qwen3VLForConditionalGeneration) -> Loaded:
    """The same for a *model* that is already on its device: for benchmarks with random weights."""
    tokenizer = _tokenizer(folder)
    rendered = _render(folder, tokenizer)
    grammar = Grammar(tokenizer.backend_tokenizer.to_str(), folder.config["text_config"]["vocab_size"], folder.stops)
    return Loaded(model, _prompt(folder, tokenizer, rendered, grammar), grammar, rendered)


def _tokenizer(folder: ModelFolder) -> Any:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder.path, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise ModelFolderError(f"the tokenizer cannot be loaded: {_words(error)}; get tokenizer.json again") from error
    for name, token in _SPECIAL.items():
        said, found = folder.config.get(name), tokenizer.convert_tokens_to_ids(token)
        if said != found:
            raise ModelFolderError(
                f"config.json says {name} {said!r}, the tokenizer has {token} at {found!r}: not of one model"
            )
    size = folder.config["text_config"].get("vocab_size")
    if type(size) is not int or not len(tokenizer) <= size:
        raise ModelFolderError(
            f"config.json says vocab_size {size!r}, the tokenizer has {len(tokenizer)} tokens: not of one model"
        )
    if not all(0 <= token < size for token in (*folder.stops, folder.pad)):
        raise ModelFolderError(f"generation_config.json names tokens beyond the vocabulary of {size}")
    return tokenizer


def _render(folder: ModelFolder, tokenizer: Any) -> str:
    content = [{"type": "image"}, {"type": "text", "text": question.USER}]
    messages = [{"role": "system", "content": question.SYSTEM}, {"role": "user", "content": content}]
    try:
        rendered = tokenizer.apply_chat_template(
            messages, chat_template=folder.chat_template, tokenize=False, add_generation_prompt=True
        )
    except Exception as error:
        raise ModelFolderError(f"the chat template cannot be rendered: {_words(error)}; get it again") from error
    wanted = (question.SYSTEM, "<|vision_start|><|image_pad|><|vision_end|>", question.USER)
    if (
        not isinstance(rendered, str)
        or any(rendered.count(part) != 1 for part in wanted)
        or rendered.count("<|image_pad|>") != 1
    ):
        raise ModelFolderError(
            "the chat template loses a part of the prompt, or has no place for one picture; get it again"
        )
    return rendered


def _prompt(folder: ModelFolder, tokenizer: Any, rendered: str, grammar: Grammar) -> Prompt:
    image = folder.config["image_token_id"]
    tokens = tokenizer(rendered, add_special_tokens=False)["input_ids"]
    if tokens.count(image) != 1:
        raise ModelFolderError("the tokenizer does not keep <|image_pad|> whole; get tokenizer.json again")
    place = tokens.index(image)
    begun = grammar.row().tokens
    return Prompt(tuple(tokens[:place]), (*tokens[place + 1 :], *begun), image, folder.images.merge)


def _model(folder: ModelFolder, dtype: torch.dtype) -> Qwen3VLForConditionalGeneration:
    try:
        model, found = Qwen3VLForConditionalGeneration.from_pretrained(
            folder.path,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=dtype,
            attn_implementation=attention.register(),
            output_loading_info=True,
        )
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        raise ModelFolderError(f"the weights cannot be loaded: {_words(error)}; get them again") from error
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if names := sorted(map(str, found.get(kind, ()))):
            words = kind.split("_")[0]
            raise ModelFolderError(
                f"{len(names)} tensors are {words} (the first is {names[0]}): random numbers would take the place of what "
                "is missing; get the weights again"
            )
    return model.eval()


def _words(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}"
