"""Which tokens may come next, which must, and where a grade is being given: the schema as seen token by token.

Callers: ``decode`` moves one ``Row`` per picture along. The work is llguidance's, through its numpy interface: its torch
helpers compile code at run time and would need a C++ compiler. Most of an answer is forced (names, quotes, the end of a value
whose beginning tells it): such tokens are taken over without asking the model: three quarters of its steps.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

import llguidance
import llguidance.numpy as masks
import numpy as np
from numpy.typing import NDArray

from parjanya.observation import schema
from parjanya.observation.fields import GRADES

Masks = NDArray[np.int32]
"""(rows, words): a bit for each token of the vocabulary, the lowest bit of a word first."""

_KEY = re.compile(rb'"([a-z_]+)":$')
_LOOK_BACK = 24
"""Tokens that hold the longest name of a field, should each be one byte."""
_THREADS = 8


class GrammarError(RuntimeError):
    """The schema cannot be enforced with this tokenizer."""


class Grammar:
    """The schema of observations, compiled for one tokenizer. Safe in one thread."""

    def __init__(self, tokenizer: str, vocabulary: int, stops: Sequence[int]) -> None:
        """*tokenizer*: its JSON. *vocabulary*: length of the model's logits. Raises ``GrammarError``."""
        self._tokenizer = llguidance.LLTokenizer(tokenizer, n_vocab=vocabulary, eos_token=list(stops))
        self._text = llguidance.LLMatcher.grammar_from_json_schema(
            schema.TEXT, overrides={"whitespace_flexible": False}
        )
        wrong, words = llguidance.LLMatcher.validate_grammar_with_warnings(self._text, self._tokenizer)
        if wrong or words:
            raise GrammarError(
                f"the schema of observations cannot be enforced with this tokenizer: {'; '.join(words)[:300]}"
            )
        levels = [self._tokenizer.tokenize_str(str(level)) for level in schema.GRADE_VALUES]
        self.levels = tuple(level[0] for level in levels) if all(len(level) == 1 for level in levels) else ()
        """The tokens of the five grades; none if a grade is not one token, and then no row sees a grade being given."""
        self._threads = llguidance.LLExecutor(num_threads=max(1, min(_THREADS, os.cpu_count() or 1)))
        self._level_words = self._words_of(self.levels, vocabulary)
        self.vocabulary = vocabulary

    def row(self) -> Row:
        """A new answer, with the tokens that it must begin with already written."""
        return Row(llguidance.LLMatcher(self._tokenizer, self._text), self)

    def allowed(self, rows: Sequence[Row]) -> tuple[Masks, list[str | None]]:
        """What each row may write next, and the grade that it is about to give, if it is; of rows that are over, nothing."""
        allowed = masks.allocate_token_bitmask(len(rows), self.vocabulary)
        going = [(row.matcher, place) for place, row in enumerate(rows) if not row.over]
        if going:
            masks.fill_next_token_bitmask_par(self._threads, going, allowed)
        grades = [None if row.over else self._grade(row, allowed[place]) for place, row in enumerate(rows)]
        return allowed, grades

    def text(self, tokens: Sequence[int]) -> bytes:
        """The bytes that *tokens* stand for."""
        return bytes(self._tokenizer.decode_bytes(list(tokens)))

    def _grade(self, row: Row, allowed: NDArray[np.int32]) -> str | None:
        """The grade that *row* gives next: exactly the five levels may come, and the name before them is a grade's."""
        if self._level_words is None or not np.array_equal(allowed, self._level_words):
            return None
        key = _KEY.search(self.text(row.tokens[-_LOOK_BACK:]))
        name = key[1].decode() if key else ""
        return name if name in GRADES else None

    @staticmethod
    def _words_of(tokens: Sequence[int], vocabulary: int) -> NDArray[np.int32] | None:
        if not tokens:
            return None
        bits = np.zeros(-(-vocabulary // 32) * 32, np.uint8)
        bits[list(tokens)] = 1
        return np.packbits(bits, bitorder="little").view(np.int32)


class Row:
    """One answer while it is written."""

    def __init__(self, matcher: llguidance.LLMatcher, grammar: Grammar) -> None:
        self.matcher, self._grammar = matcher, grammar
        self.tokens: list[int] = []
        self.over = False
        self.complete = False
        """Whether it ended as the schema wants it, not because it became too long."""
        self._follow([])

    def take(self, token: int, most: int) -> list[int]:
        """Write *token* and what must follow it; returns what was written. Over when complete, or at *most* tokens."""
        if not self.matcher.consume_token(token):
            raise GrammarError(f"the schema does not allow what was chosen: {str(self.matcher.get_error())[:200]}")
        written = self._follow([token])
        if not self.over and len(self.tokens) >= most:
            self.over = True
        return written

    def _follow(self, written: list[int]) -> list[int]:
        forced = self.matcher.compute_ff_tokens()
        if forced and not self.matcher.consume_tokens(forced):
            raise GrammarError(f"the schema does not allow what it forces: {str(self.matcher.get_error())[:200]}")
        if self.matcher.is_error():
            raise GrammarError(f"the schema cannot be followed: {str(self.matcher.get_error())[:200]}")
        self.tokens += [*written, *forced]
        if self.matcher.is_stopped():
            self.over = self.complete = True
        return [*written, *forced]

    @property
    def text(self) -> bytes:
        """What has been written."""
        return self._grammar.text(self.tokens)
