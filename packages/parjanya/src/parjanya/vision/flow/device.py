"""What a model on a device offers to the flow: prepare on the CPU, run a batch, say what would fit.

Callers: ``parjanya.vision.flow`` drives it. ``transformers`` offers it for real models, tests for scripted ones. The model knows
tensors and nothing of batches, budgets or retries; the flow knows those and nothing of tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from parjanya.vision.engine import Picture, Seen


class OutOfMemoryError(Exception):
    """The batch did not fit the device. The model has already let go of everything that it held for the batch."""


class UnreadableError(ValueError):
    """The picture cannot be decoded, now or later; the message says why, in printable words."""


class Prepared(Protocol):
    """One picture, ready for the device: held in host memory until it has run."""

    @property
    def picture(self) -> Picture:
        """What it was made from; with its bytes it can be prepared again for a smaller pixel budget."""
        ...

    @property
    def tokens(self) -> int:
        """Length of the prompt, image tokens included, before padding; at least 1."""
        ...

    @property
    def bytes(self) -> int:
        """Host memory that it holds."""
        ...

    @property
    def pixels(self) -> int:
        """The pixel budget that it was prepared for: as given to ``prepare``, not what the picture came to."""
        ...


P = TypeVar("P", bound=Prepared)


class DeviceModel(Protocol[P]):
    """One model on one device."""

    def prepare(self, picture: Picture, pixels: int) -> P:
        """Decode, resize to at most *pixels* pixels and tokenize. On the CPU only, called from several threads at once.

        Raises ``UnreadableError`` if the picture cannot be decoded.
        """
        ...

    def run(self, batch: Sequence[P]) -> Sequence[Seen]:
        """Observe *batch*: one answer for each, in the same order. Called from one thread at a time, always the same one.

        Raises ``OutOfMemoryError`` after it has let go of what it held. Anything else that it raises is taken for the fault
        of one of the pictures: they are run alone to find out which.
        """
        ...

    def room_tokens(self) -> int:
        """A first guess of how many padded tokens (count times the longest) fit the device now.

        Asked once, before the first batch.
        """
        ...
