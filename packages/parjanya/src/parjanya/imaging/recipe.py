"""What pixels go through and how they are measured, in names and numbers: all that the versions of stages are made of.

Callers: the stages, and the modules that do what is named here. Who only needs versions (the command line, the control plane)
loads nothing that works on pixels for them.
"""

from __future__ import annotations

VIEW_PX = 2048
"""Long side of the view and of the large preview. A smaller image is never enlarged."""
VIEW = f"view-{VIEW_PX}-draft-reduce-hamming-srgb-white-1"
"""How a decoded picture becomes the view (``shrink``)."""

LOOK_PX = 1024
"""Long side that the judges look at (``parjanya.vision.sight``). Half of the large preview, so that the JPEG decoder does the
halving itself (DCT scaling)."""

HASH = "dct256-64-1"
"""The perceptual hash (``hashes``)."""

QUALITY = 2
"""Raise when any number in ``quality`` changes meaning."""
