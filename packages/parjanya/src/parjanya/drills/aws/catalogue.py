"""Every drill over the aws profile, in the order of the boundaries. Callers: ``parjanya drill --profile aws``, tests."""

from __future__ import annotations

from parjanya.drills.aws.blind import CONTROL_PLANE_BLIND
from parjanya.drills.aws.lost import INTENT_DESTROYED_EARLY, TRUTH_WITHOUT_INTENT
from parjanya.drills.shape import Drill

DRILLS: tuple[Drill, ...] = (
    INTENT_DESTROYED_EARLY,
    TRUTH_WITHOUT_INTENT,
    CONTROL_PLANE_BLIND,
)

BY_NAME = {drill.name: drill for drill in DRILLS}
