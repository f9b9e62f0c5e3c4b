"""Every drill over the aws profile, in the order of the boundaries. Callers: ``parjanya drill --profile aws``, tests."""

from __future__ import annotations

from parjanya.drills.aws.blind import CONTROL_PLANE_BLIND
from parjanya.drills.aws.boot import STALE_IMAGE_TAG
from parjanya.drills.aws.lost import INTENT_DESTROYED_EARLY, TRUTH_WITHOUT_INTENT
from parjanya.drills.aws.manifest import INCOMPLETE_MODEL
from parjanya.drills.aws.tenant import UNDISCOVERED_TENANT
from parjanya.drills.aws.wrong import INTENT_EXPIRED, MISROUTED_INTENT, REPLAY_STORM
from parjanya.drills.shape import Drill

DRILLS: tuple[Drill, ...] = (
    INTENT_DESTROYED_EARLY,
    TRUTH_WITHOUT_INTENT,
    MISROUTED_INTENT,
    INTENT_EXPIRED,
    REPLAY_STORM,
    STALE_IMAGE_TAG,
    INCOMPLETE_MODEL,
    CONTROL_PLANE_BLIND,
    UNDISCOVERED_TENANT,
)

BY_NAME = {drill.name: drill for drill in DRILLS}
