"""A model of which a file is missing (incident 6b): workers decline, and spend no receive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parjanya.drills.aws.scene import AwsScene
from parjanya.drills.execution.manifest import a_file_away, comparison
from parjanya.drills.shape import Budget, Drill
from tbie.core.finding import Boundary
from tbie.core.reading import Known


@contextmanager
def take_a_file_away(scene: AwsScene) -> Iterator[None]:
    """As the drill of the embedded profile does it; the receives are SQS's."""
    with a_file_away(scene):
        yield
        scene.until(lambda: scene.waiting("observe") > 0, "intents for the model wait", look=False)
        keys = [row.key for row in scene.system.truth.open_stages("observe", None, 1_000)]
        reading = scene.system.intent.presence("observe", keys)
        spent = max((one.receives for one in reading.value.values()), default=0) if isinstance(reading, Known) else None
        scene.measures |= {"receives_spent": spent, "intents_waiting": scene.waiting("observe")}
        scene.require(spent == 0, f"workers that do not fit have spent {spent} receives")
        scene.require(scene.counts("observe")[1] == 0, f"they hold messages: {scene.counts('observe')}")


INCOMPLETE_MODEL = Drill(
    "incomplete_model",
    "6b",
    "A file is taken out of the folder of the model that the home declares.",
    "execution_drift",
    Boundary.EXECUTION,
    take_a_file_away,
    Budget("boot budget", lambda s: s.boot_register_budget_s),
    settings={"boot_register_budget_s": 20.0},
    guardrail=comparison,
)
