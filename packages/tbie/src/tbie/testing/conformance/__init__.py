"""One suite for every backend: subclass a class per boundary, say how your store is made, and pytest runs the rest.

    from tbie.testing.conformance import TruthConformance


    class TestMyTruth(TruthConformance):
        def make_truth(self, workflow, clock, ids, folder):
            return MyTruth(workflow, clock, ids, folder / "truth")

Load ``tbie.testing.plugin`` first, so that failing asserts explain themselves.
"""

from tbie.testing.conformance.belief import BeliefConformance
from tbie.testing.conformance.end_to_end import EndToEndConformance
from tbie.testing.conformance.execution import FleetConformance
from tbie.testing.conformance.intent import IntentConformance
from tbie.testing.conformance.ledger import LedgerConformance
from tbie.testing.conformance.objects import ObjectsConformance
from tbie.testing.conformance.truth import TruthConformance

__all__ = [
    "BeliefConformance",
    "EndToEndConformance",
    "FleetConformance",
    "IntentConformance",
    "LedgerConformance",
    "ObjectsConformance",
    "TruthConformance",
]
