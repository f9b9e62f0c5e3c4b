"""Right key, wrong bucket: a message that no worker could ever serve (incident 4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.scene import Scene
from parjanya.drills.shape import Drill, one_sweep
from parjanya.workflow import image_workflow
from tbie.core.errors import MisroutedIntentError
from tbie.core.finding import Boundary
from tbie.core.keys import Address, ItemKey
from tbie.reconciler.emit import address
from tbie.truth import OpenStage

WRONG_BUCKET = "bucket-of-another-region"


@contextmanager
def readdress(scene: Scene) -> Iterator[None]:
    """Send every waiting message to a bucket that is not the one Truth names."""
    with scene.backlog():
        scene.intent_sql("UPDATE message SET bucket = ? WHERE owner IS NULL", (WRONG_BUCKET,))
        scene.injected()
        yield
    # nothing may be burnt on a wrong address: no attempt of any row was charged for it
    burnt = scene.truth_sql("SELECT count(*) FROM stage WHERE state = 'failed'")[0][0]
    scene.require(burnt == 0, f"{burnt} stages failed for an address that was never theirs")


def construction(scene: Scene) -> str:
    """An intent with such an address cannot be built: the reconciler asks the object store first."""
    row = OpenStage(ItemKey("t", "i"), "technical", "1", 1, "k", 0, 0, 0, Address(WRONG_BUCKET, "view.jpg"))
    try:
        address(row, image_workflow(), scene.system.objects.has)
    except MisroutedIntentError as error:
        return f"refused at construction: {error}"
    raise AssertionError("an intent with an unknown bucket was built")


MISROUTED_INTENT = Drill(
    "misrouted_intent",
    "4",
    "Waiting messages get the address of another bucket.",
    "misrouted_intent",
    Boundary.INTENT,
    readdress,
    one_sweep(),
    guardrail=construction,
)
