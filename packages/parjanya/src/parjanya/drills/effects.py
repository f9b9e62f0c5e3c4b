"""What an incident cost: items that did not come to their end, results committed twice, answers that differ.

Caller: ``run``, when a drill has settled. Truth is read from outside, by SQL, so that the product does not certify itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from parjanya.catalog.items import item_id
from parjanya.catalog.paths import path_to_key
from parjanya.drills.reference import Answers, answers
from parjanya.drills.scene import Scene

_TWICE = (
    "SELECT i.item, j.key, j.value->>'generation', count(*) FROM history h JOIN item i ON i.id = h.item_id,"
    " json_each(h.after) j WHERE j.value->>'state' = 'completed'"
    " GROUP BY h.item_id, j.key, j.value->>'generation' HAVING count(*) > 1"
)


@dataclass(frozen=True)
class Effects:
    """The damage; every list is empty when there is none."""

    items: int
    lost: tuple[str, ...]
    """``item stage: state reason`` of what an undisturbed run completes and this one did not."""
    duplicated: tuple[str, ...]
    """``item stage generation`` of what was committed more than once."""
    differing: tuple[str, ...]
    """``item stage`` of what was completed with another answer than an undisturbed run gives."""
    failed: Mapping[str, str]
    """Reason by picture, of those that had to fail."""


def effects(scene: Scene, reference: Answers, fails: str | None) -> Effects:
    """Compare the instance of *scene* with the *reference*; with *fails*, the largest picture must have failed, for that."""
    ids = {item_id(path_to_key(path)): path.name for path in scene.shoot}
    lost, differing, failed = [], [], {}
    found = answers(scene.system)
    for (_, item), stages in sorted(found.items()):
        name = ids.get(item, item)
        if fails is not None and name == scene.largest.name:
            reason = next((why for state, _, why, _ in map(json.loads, stages.values()) if state == "failed"), None)
            failed[name] = str(reason)
            if reason != fails:
                lost.append(f"{name}: expected to fail with {fails}, found {reason}")
            continue
        for stage, expected in reference[item].items():
            answer = stages.get(stage, '["absent", "", null, null]')
            state, _, reason, _ = json.loads(answer)
            if state != json.loads(expected)[0]:
                lost.append(f"{name} {stage}: {state} {reason or ''}".strip())
            elif answer != expected:
                differing.append(f"{name} {stage}")
    missing = set(reference) - {item for _, item in found}
    lost += [f"{ids.get(item, item)}: not in Truth" for item in sorted(missing)]
    twice = tuple(f"{ids.get(row[0], row[0])} {row[1]} {row[2]}" for row in scene.truth_sql(_TWICE))
    return Effects(len(found), tuple(lost), twice, tuple(differing), failed)
