"""What every ``TruthStore`` must do. The parts are one class each; a backend runs them all through ``TruthConformance``."""

from __future__ import annotations

from tbie.testing.conformance.truth_changes import Changes
from tbie.testing.conformance.truth_documents import Documents
from tbie.testing.conformance.truth_projection import Projection
from tbie.testing.conformance.truth_reading import Reading
from tbie.testing.conformance.truth_resets import Resets
from tbie.testing.conformance.truth_restoring import Restoring
from tbie.testing.conformance.truth_settling import Settling
from tbie.testing.conformance.truth_strings import Strings
from tbie.testing.conformance.truth_versions import Versions


class TruthConformance(Settling, Changes, Reading, Strings, Documents, Resets, Versions, Projection, Restoring):
    """Subclass it and override ``make_truth``."""
