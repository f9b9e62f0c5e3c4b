"""What a Truth and an Intent must do together, under the real reconciler and worker, while things go wrong."""

from __future__ import annotations

from tbie.testing.conformance.end_to_end_faults import Faults
from tbie.testing.conformance.end_to_end_lives import Lives


class EndToEndConformance(Lives, Faults):
    """Subclass it and override ``make_truth`` and ``make_intent``."""
