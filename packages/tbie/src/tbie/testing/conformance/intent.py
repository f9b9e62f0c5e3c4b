"""What every ``IntentQueue`` must do. The parts are one class each; a backend runs them all through ``IntentConformance``."""

from __future__ import annotations

from tbie.testing.conformance.intent_dead import Dead
from tbie.testing.conformance.intent_fairness import Fairness
from tbie.testing.conformance.intent_leases import Leases
from tbie.testing.conformance.intent_readings import Readings


class IntentConformance(Leases, Dead, Fairness, Readings):
    """Subclass it and override ``make_intent``."""
