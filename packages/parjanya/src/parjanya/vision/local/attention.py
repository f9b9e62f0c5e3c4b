"""Attention of a few new tokens over a long memory, without copying that memory.

Caller: ``load`` chooses it by name. The family shares one key and value among several query heads. The library's own function
writes the shared ones out for each query head before every layer of every pass, unless one single token is new; here several
are, because forced tokens come with each choice. Folding the heads that share into the tokens gives the same sums: the memory
is read once instead of being copied four times. For many new tokens (the first pass) the library's way is as good, and is used.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "parjanya_sdpa"
_FEW = 128
"""New tokens times heads that share: beyond it the mask, repeated for each of them, costs more than it saves."""


def attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **rest: Any,
) -> tuple[torch.Tensor, None]:
    """(rows, tokens, query heads, width) of *query* (rows, query heads, tokens, width) over *key* and *value* (fewer heads)."""
    rows, heads, tokens, width = query.shape
    shared = heads // key.shape[1]
    if shared == 1 or attention_mask is None or shared * tokens > _FEW:
        result: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **rest
        )
        return result
    folded = query.reshape(rows, heads // shared, shared * tokens, width)
    mask = attention_mask.expand(-1, 1, -1, -1).repeat(1, 1, shared, 1)
    found = torch.nn.functional.scaled_dot_product_attention(folded, key, value, attn_mask=mask, scale=scaling)
    return found.reshape(rows, heads, tokens, width).transpose(1, 2).contiguous(), None


def register() -> str:
    """Make it known to the library; returns its name there. Doing so twice changes nothing."""
    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    return NAME
