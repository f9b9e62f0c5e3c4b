"""Every drill there is, in the order of the boundaries. Callers: ``parjanya drill`` and ``tests/incidents``."""

from __future__ import annotations

from parjanya.drills.control.blind import CONTROL_PLANE_BLIND
from parjanya.drills.control.clock import CLOCK_SKEW
from parjanya.drills.control.silent import RECONCILER_KILLED
from parjanya.drills.control.stream import STREAM_GAP, UNDISCOVERED_TENANT
from parjanya.drills.control.two import TWO_RECONCILERS
from parjanya.drills.execution.boot import STALE_IMAGE_TAG
from parjanya.drills.execution.killed import WORKER_KILLED_AFTER_COMMIT, WORKER_KILLED_BEFORE_COMMIT
from parjanya.drills.execution.manifest import INCOMPLETE_MODEL
from parjanya.drills.execution.poison import POISON_ITEM
from parjanya.drills.intent.destroyed import INTENT_DESTROYED_EARLY
from parjanya.drills.intent.duplicates import DUPLICATE_DELIVERY
from parjanya.drills.intent.expired import INTENT_EXPIRED
from parjanya.drills.intent.misrouted import MISROUTED_INTENT
from parjanya.drills.intent.purged import QUEUE_PURGED, TRUTH_WITHOUT_INTENT
from parjanya.drills.intent.storm import REPLAY_STORM
from parjanya.drills.shape import Drill
from parjanya.drills.truth.away import TRUTH_UNAVAILABLE
from parjanya.drills.truth.dirty import DIRTY_RETRY
from parjanya.drills.truth.full import DISK_FULL
from parjanya.drills.truth.policy import POLICY_CHANGE

DRILLS: tuple[Drill, ...] = (
    DIRTY_RETRY,
    POLICY_CHANGE,
    TRUTH_UNAVAILABLE,
    DISK_FULL,
    INTENT_DESTROYED_EARLY,
    TRUTH_WITHOUT_INTENT,
    QUEUE_PURGED,
    MISROUTED_INTENT,
    INTENT_EXPIRED,
    REPLAY_STORM,
    DUPLICATE_DELIVERY,
    STALE_IMAGE_TAG,
    INCOMPLETE_MODEL,
    POISON_ITEM,
    WORKER_KILLED_BEFORE_COMMIT,
    WORKER_KILLED_AFTER_COMMIT,
    RECONCILER_KILLED,
    CONTROL_PLANE_BLIND,
    UNDISCOVERED_TENANT,
    STREAM_GAP,
    TWO_RECONCILERS,
    CLOCK_SKEW,
)
"""The longest do not come last, so that several at a time end together."""

BY_NAME = {drill.name: drill for drill in DRILLS}
