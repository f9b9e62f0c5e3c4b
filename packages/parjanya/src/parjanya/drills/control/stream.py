"""Work that the change stream never showed to the reconciler: of a new tenant (incident 9a), or of some rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.scene import TENANT, Scene
from parjanya.drills.shape import Drill, one_sweep
from tbie.core.finding import Boundary

NEWCOMER = "newcomer"

_TRIGGER = (
    "CREATE TRIGGER drill_gap AFTER INSERT ON history WHEN NEW.opened = 1 AND NEW.why = 'ingested'"
    " AND (SELECT tenant FROM item WHERE id = NEW.item_id) = '{tenant}' AND NEW.item_id % {every} = 0"
    " BEGIN UPDATE history SET opened = 0 WHERE seq = NEW.seq; END"
)


@contextmanager
def a_static_list_of_tenants(scene: Scene) -> Iterator[None]:
    """Hide everything that a new tenant adds from the stream, as a control plane with a list of tenants would."""
    scene.start_engine()
    scene.ingest(paths=scene.shoot[:1])
    scene.until(
        scene.settled, "the first picture is judged", look=False
    )  # an idle sweep looks at the newcomer too early
    with _hidden(scene, NEWCOMER, every=1):
        scene.ingest(NEWCOMER)
        scene.injected()
        yield
    scene.ingest()


@contextmanager
def a_gap_in_the_stream(scene: Scene) -> Iterator[None]:
    """Hide every other picture of a known tenant from the stream."""
    scene.start_engine()
    scene.ingest(paths=scene.shoot[:1])
    # the reconciler's history begins with it; of what is older than that nobody can say whether it was ever sent
    scene.until(scene.settled, "the first picture is judged", look=False)
    with _hidden(scene, TENANT, every=2):
        scene.ingest()
        scene.injected()
        yield


@contextmanager
def _hidden(scene: Scene, tenant: str, every: int) -> Iterator[None]:
    scene.truth_sql(_TRIGGER.format(tenant=tenant, every=every))
    try:
        yield
    finally:
        scene.truth_sql("DROP TRIGGER drill_gap")


UNDISCOVERED_TENANT = Drill(
    "undiscovered_tenant",
    "9a",
    "What a new tenant adds never appears in the change stream.",
    "undiscovered_tenant",
    Boundary.CONTROL_PLANE,
    a_static_list_of_tenants,
    one_sweep(),
)

STREAM_GAP = Drill(
    "stream_gap",
    "",
    "Every other picture that is added is missing from the change stream.",
    "stream_gap",
    Boundary.CONTROL_PLANE,
    a_gap_in_the_stream,
    one_sweep(),
)
