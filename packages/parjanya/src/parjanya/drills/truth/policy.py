"""The rules have become stricter: what was judged by the old ones must be judged again (incident 5)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from parjanya.drills.environments import of_an_older_policy
from parjanya.drills.reference import answers
from parjanya.drills.scene import Scene
from parjanya.drills.shape import Drill, cycles
from parjanya.policy import builtin
from parjanya.stages import curate
from tbie.core.finding import Boundary

NEW_RULES = ("not_a_photograph", "perhaps_not_a_photograph", "severe_blur", "soft")


@contextmanager
def judged_by_older_rules(scene: Scene) -> Iterator[None]:
    """An older release judges everything; then the engine of today starts on the same home; then a person regrades."""
    older = scene.start_engine(environment=of_an_older_policy(scene.root / "older", NEW_RULES))
    scene.ingest()
    scene.until(scene.settled, "the older release has judged everything", look=False)
    before = _verdicts(scene)
    scene.measures["before"] = before
    older.end(5.0)
    scene.start_engine()
    scene.injected()
    yield
    trial = scene.command("regrade", "--dry-run", "--json")
    scene.until(lambda: not trial.alive, "the trial run says how many")
    scene.require(
        f'"matched": {sum(before.values())}' in trial.said, f"the trial run says something else: {trial.said}"
    )
    scene.require(not _judged_by(scene, builtin("culling").version), "the trial run has changed something")
    regrade = scene.command("regrade", "--reason", "stricter rules about what is no photograph")
    scene.until(lambda: not regrade.alive, "the campaign is written down")
    scene.until(
        lambda: _judged_by(scene, builtin("culling").version) == sum(before.values()), "everything is judged again"
    )
    scene.until(scene.settled, "everything is judged again")
    scene.measures["after"] = _verdicts(scene)


def _judged_by(scene: Scene, version: str) -> int:
    """How many pictures were judged by that version of the policy."""
    decided = (json.loads(stages[curate.NAME])[3] for stages in answers(scene.system).values())
    return sum(facts is not None and facts["policy_version"] == version for facts in decided)


def _verdicts(scene: Scene) -> Mapping[str, int]:
    """How many pictures have which verdict."""
    decided = (json.loads(stages[curate.NAME])[3] for stages in answers(scene.system).values())
    return dict(Counter(facts["verdict"] for facts in decided if facts is not None))


POLICY_CHANGE = Drill(
    "policy_change",
    "5",
    "An older release judges everything; the engine of today has stricter rules.",
    "policy_change",
    Boundary.TRUTH,
    judged_by_older_rules,
    cycles(2),
)
