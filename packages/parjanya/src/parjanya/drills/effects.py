"""What an incident cost: items that did not come to their end, results committed twice, answers that differ.

Caller: ``run``, when a drill has settled. What was committed twice is read from outside, so that the product does
not certify itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from parjanya.catalog.items import item_id
from parjanya.catalog.paths import path_to_key
from parjanya.drills.any_scene import AnyScene
from parjanya.drills.reference import Answers, answers


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


def effects(scene: AnyScene, reference: Answers, fails: str | None) -> Effects:
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
    twice = tuple(f"{ids.get(item, item)} {stage} {nth}" for item, stage, nth, _ in scene.committed_twice())
    return Effects(len(found), tuple(lost), twice, tuple(differing), failed)
