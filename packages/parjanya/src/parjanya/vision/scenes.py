"""Which images were taken at one place and time, and where each stands among them. A pure function of all candidates.

Caller: ``parjanya.vision.grouping``. What is sharp at noon is not what is sharp in a dim church: a scene is the company in which
"soft" or "noisy" means something. A scene is a run of one camera's images that no long pause interrupts. How long is long
follows from the photographer: a pause that is both over a minute and eight times the median of the pauses around it (the
ten before and the ten after), or over an hour in any case. Groups (bursts, copies, near-duplicates) join scenes: an
export without metadata belongs to the scene of its original, and two cameras that took the same picture share one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import median

from parjanya.vision import ranking
from parjanya.vision.candidate import Candidate

PAUSE_FACTOR = 8
SHORTEST_PAUSE_MS = 60_000
LONGEST_PAUSE_MS = 3_600_000
AROUND = 10
PARAMETERS: dict[str, object] = {
    "factor": PAUSE_FACTOR,
    "shortest_ms": SHORTEST_PAUSE_MS,
    "longest_ms": LONGEST_PAUSE_MS,
    "around": AROUND,
}

#: What the place within a scene is given for. Sizes say nothing about a scene.
PLACED = tuple(measure for measure in ranking.MEASURES if measure.name in ("sharpness", "clipped", "noise"))

SceneFacts = dict[str, object]
UNKNOWN: SceneFacts = {"scene": None, "scene_size": None, "scene_rank": None, "in_scene": {}}
"""Of an image without a camera, a time or a twin: whether it has company is not known, so not "one"."""


def scenes(images: Sequence[Candidate], groups: Iterable[Sequence[int]]) -> list[SceneFacts]:
    """``{scene, scene_size, scene_rank, in_scene}`` of every image, in the order of *images*; *groups* holds positions.

    ``in_scene`` holds, per measure, ``place`` (1 the best of the scene, 0 the last, 0.5 in the middle or like all others)
    and ``median`` (of the scene's images), for images in company whose measure is known. *images* hold no exact copies.
    """
    runs = _runs(images)
    together = _Union(len(images))
    for positions in (*runs, *groups):
        for other in positions[1:]:
            together.join(positions[0], other)
    placed = {i for positions in (*runs, *groups) for i in positions}
    members: dict[int, list[int]] = defaultdict(list)
    for i in sorted(placed):
        members[together.root(i)].append(i)
    facts = [UNKNOWN] * len(images)
    for scene in members.values():
        for i, found in _described(images, scene):
            facts[i] = found
    return facts


def _described(images: Sequence[Candidate], scene: list[int]) -> Iterable[tuple[int, SceneFacts]]:
    ordered = sorted(scene, key=lambda i: ranking.shot_key(images[i]))
    name = f"scene:{min(images[i].item for i in scene)}" if len(scene) > 1 else None
    places = [(measure.name, _places(measure, images, scene)) for measure in PLACED]
    for rank, i in enumerate(ordered, start=1):
        within = {measure: found[i] for measure, found in places if i in found}
        yield i, {"scene": name, "scene_size": len(scene), "scene_rank": rank, "in_scene": within}


def _places(measure: ranking.Measure, images: Sequence[Candidate], scene: list[int]) -> Mapping[int, dict[str, float]]:
    """By image: the share of the others that it is better than, counting those that look alike as half."""
    steps = {i: found for i in scene if (found := measure.steps(images[i])) is not None}
    if len(steps) < 2:
        return {}
    middle = round(median(value for i in steps if (value := measure.read(images[i])) is not None), 4)
    level, below = {}, 0
    counts: dict[int, int] = defaultdict(int)
    for value in steps.values():
        counts[value] += 1
    for value, count in sorted(counts.items()):
        level[value] = round((below + (count - 1) / 2) / (len(steps) - 1), 3)
        below += count
    return {i: {"place": level[value], "median": middle} for i, value in steps.items()}


def _runs(images: Sequence[Candidate]) -> list[list[int]]:
    by_camera: dict[tuple[str, str, str], list[tuple[int, str, int]]] = defaultdict(list)
    for i, candidate in enumerate(images):
        if candidate.camera is not None and candidate.taken_ms is not None:
            by_camera[candidate.camera].append((candidate.taken_ms, candidate.item, i))
    found: list[list[int]] = []
    for _, taken in sorted(by_camera.items()):
        taken.sort()
        pauses = [later[0] - earlier[0] for earlier, later in pairwise(taken)]
        found.append([taken[0][2]])
        for position, (_, _, i) in enumerate(taken[1:]):
            if _is_long(pauses, position):
                found.append([])
            found[-1].append(i)
    return found


def _is_long(pauses: list[int], position: int) -> bool:
    pause = pauses[position]
    if pause <= SHORTEST_PAUSE_MS or pause > LONGEST_PAUSE_MS:
        return pause > LONGEST_PAUSE_MS
    around = pauses[max(0, position - AROUND) : position] + pauses[position + 1 : position + 1 + AROUND]
    return bool(around) and pause > PAUSE_FACTOR * median(around)


class _Union:
    """Which images have been joined, directly or through others."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def root(self, i: int) -> int:
        while self._parent[i] != i:
            self._parent[i] = i = self._parent[self._parent[i]]
        return i

    def join(self, one: int, other: int) -> None:
        one, other = self.root(one), self.root(other)
        self._parent[max(one, other)] = min(one, other)
