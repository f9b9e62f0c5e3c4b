"""The numbers by which images belong together. What is done with them: ``grouping``.

Callers: ``grouping``; the stage ``group``, for its version.
"""

from __future__ import annotations

from parjanya.vision import scenes

CODE_VERSION = 2
#: Bits of 256. Copies of one image, cropped by 2 % on each side, differ in at most 54; different scenes in 90 and more.
NEAR_BITS = 60
#: Frames of one moment, with a moving subject or hand: still nearer than different scenes.
BURST_BITS = 88
BURST_GAP_MS = 3_000
BURST_SPAN_MS = 15_000
PARAMETERS: dict[str, object] = {
    "code": CODE_VERSION,
    "near_bits": NEAR_BITS,
    "burst_bits": BURST_BITS,
    "gap_ms": BURST_GAP_MS,
    "span_ms": BURST_SPAN_MS,
    "scenes": scenes.PARAMETERS,
}

GroupFacts = dict[str, object]
"""As ``grouping.group_images`` describes them."""
