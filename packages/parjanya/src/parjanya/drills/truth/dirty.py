"""A one-off script re-opens rows and leaves what they had computed: work on top of stale answers (incident 3)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.scene import Scene
from parjanya.drills.shape import Drill, one_sweep
from tbie.core.finding import Boundary

_SCRIPT = (
    "UPDATE stage SET state = 'pending', reason = NULL WHERE stage = 'quality' AND state = 'completed'",
    "DELETE FROM tally",  # a careful script: it counts anew what it has changed
    (
        "INSERT INTO tally SELECT i.tenant, s.stage, s.state, iif(s.state = 'completed', s.version, ''), count(*)"
        " FROM stage s JOIN item i ON i.id = s.item_id GROUP BY 1, 2, 3, 4"
    ),
)
_STALE = "SELECT count(*) FROM stage WHERE state IN ('pending', 'waiting') AND facts IS NOT NULL"


@contextmanager
def reopen_without_clearing(scene: Scene) -> Iterator[None]:
    """Set finished rows of one stage back to pending; their facts, and everything that was derived from them, stay."""
    scene.start_engine()
    scene.ingest()
    scene.until(scene.settled, "all work settled before the script runs")
    scene.truth_script(_SCRIPT)
    scene.injected()
    scene.measures["rows_reopened"] = scene.truth_sql(_STALE)[0][0]
    yield
    scene.until(scene.settled, "all work settled")
    generations = scene.truth_sql("SELECT min(generation) FROM stage WHERE stage IN ('quality', 'group', 'curate')")
    scene.require(generations[0][0] > 1, "what the script re-opened was not reset to a clean boundary first")


DIRTY_RETRY = Drill(
    "dirty_retry",
    "3",
    "A script sets finished rows of *quality* back to pending and leaves their facts and what follows from them.",
    "dirty_retry",
    Boundary.TRUTH,
    reopen_without_clearing,
    one_sweep(),
)
