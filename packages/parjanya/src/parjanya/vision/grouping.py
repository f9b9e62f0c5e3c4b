"""Which images of a tenant belong together: exact copies, bursts, near-duplicates. A pure function of all candidates.

Caller: the stage ``group``. The answer does not depend on the order in which images arrived: whatever is seeded, linked
or ranked is sorted by a total order first.

- **exact**: the same bytes. The best-named file stands for the others in what follows.
- **burst**: one camera, neighbours at most 3 s apart, alike. A group spans at most 15 s after its first frame, so that an
  hour of steady shooting does not become one group by chaining.
- **near_duplicate**: one picture saved twice, in any size, tone, rotation or mirroring. Every member is compared with the
  group's anchor (its best image), never with another member: no chaining here either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from parjanya.vision import ranking, scenes
from parjanya.vision.candidate import Candidate
from parjanya.vision.groups import BURST_BITS, BURST_GAP_MS, BURST_SPAN_MS, NEAR_BITS, GroupFacts
from parjanya.vision.likeness import is_informative, similar_pairs, upright_distance, upright_words

Cluster = list[int]


def group_images(images: Sequence[Candidate]) -> dict[str, GroupFacts]:
    """The facts of the stage ``group`` for every image, by item id.

    ``{group, kind, size, rank, best, best_item, best_name, differences, compared_by}``: an image that is alone has
    ``group`` None and is the best of one. ``compared_by`` names what could be compared: an image without a usable
    hash or capture time was not found to be unique by them. And ``{scene, scene_size, scene_rank, in_scene}`` as
    ``parjanya.vision.scenes`` describes; exact copies have those of the file that stands for them.

    Raises:
        ValueError: two candidates have one item id.
    """
    ordered = sorted(images, key=lambda c: c.item)
    if len({c.item for c in ordered}) != len(ordered):
        raise ValueError("every item may be a candidate once")
    facts = {c.item: _alone(c) for c in ordered}
    copies: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in ordered:
        copies[candidate.sha256].append(candidate)
    stand_ins = []
    for sha256, members in sorted(copies.items()):
        members.sort(key=ranking.exact_key)
        stand_ins.append(members[0])
        if len(members) > 1:
            _write(facts, f"exact:{sha256[:16]}", members, dict.fromkeys((m.item for m in members), "exact"))
    stand_ins.sort(key=lambda c: c.item)
    clusters = _group_alike(stand_ins, facts)
    for stand_in, scene in zip(stand_ins, scenes.scenes(stand_ins, clusters), strict=True):
        for member in copies[stand_in.sha256]:
            facts[member.item].update(scene)
    return facts


def _group_alike(images: list[Candidate], facts: dict[str, GroupFacts]) -> list[Cluster]:
    """Enter bursts and near-duplicates among *images*, of which no two are the same file; returns them as positions."""
    hashed = [i for i, c in enumerate(images) if is_informative(c.phash)]
    clusters = _bursts(images, hashed)
    burst_of = {i: number for number, cluster in enumerate(clusters) for i in cluster}
    kinds = {images[i].item: "burst" for i in burst_of}
    neighbours = _neighbours(images, hashed)
    free = []
    for i in hashed:
        if i in burst_of:
            continue
        # An export of a frame joins the frame's burst: the nearest frame's, were there several.
        _, frame = min(((bits, j) for bits, j in neighbours[i] if j in burst_of), default=(None, None))
        if frame is None:
            free.append(i)
        else:
            clusters[burst_of[frame]].append(i)
            kinds[images[i].item] = "near_duplicate"
    for cluster in clusters:
        members = sorted((images[i] for i in cluster), key=ranking.shot_key)
        _write(facts, f"burst:{min(m.item for m in members)}", members, kinds)
    near = _around_anchors(images, free, neighbours)
    for cluster in near:
        members = sorted((images[i] for i in cluster), key=ranking.copy_key)
        kinds.update((m.item, "near_duplicate") for m in members)
        _write(facts, f"near:{min(m.item for m in members)}", members, kinds)
    return [*clusters, *near]


def _neighbours(images: list[Candidate], hashed: list[int]) -> dict[int, list[tuple[int, int]]]:
    """For each image the (bits, image) of all that are one picture with it."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    pairs = similar_pairs([images[k].phash or "" for k in hashed], NEAR_BITS)
    for i, j, bits in zip(*(part.tolist() for part in pairs), strict=True):
        found[hashed[i]].append((bits, hashed[j]))
        found[hashed[j]].append((bits, hashed[i]))
    return found


def _bursts(images: list[Candidate], hashed: list[int]) -> list[Cluster]:
    """Runs of frames: each is like the frame before it or like the first, and near the first in time."""
    if not hashed:
        return []
    words = upright_words([images[k].phash or "" for k in hashed])
    row = {image: position for position, image in enumerate(hashed)}
    by_camera: dict[tuple[str, str, str], list[tuple[int, str, int]]] = defaultdict(list)
    for k in hashed:
        camera, taken_ms = images[k].camera, images[k].taken_ms
        if camera is not None and taken_ms is not None:
            by_camera[camera].append((taken_ms, images[k].path, k))
    found: list[Cluster] = []
    for _, frames in sorted(by_camera.items()):
        frames.sort()
        run: list[tuple[int, str, int]] = []
        for frame in frames:
            if run and _continues(run, frame, lambda a, b: upright_distance(words, row[a], row[b])):
                run.append(frame)
                continue
            found.append([k for _, _, k in run])
            run = [frame]
        found.append([k for _, _, k in run])
    return [cluster for cluster in found if len(cluster) > 1]


def _continues(
    run: list[tuple[int, str, int]], frame: tuple[int, str, int], distance: Callable[[int, int], int]
) -> bool:
    (first_ms, _, first), (last_ms, _, last), (taken_ms, _, image) = run[0], run[-1], frame
    if taken_ms - last_ms > BURST_GAP_MS or taken_ms - first_ms > BURST_SPAN_MS:
        return False
    return min(distance(image, last), distance(image, first)) <= BURST_BITS


def _around_anchors(
    images: list[Candidate], free: list[int], neighbours: dict[int, list[tuple[int, int]]]
) -> list[Cluster]:
    """The best image not yet taken gathers all that are like it, and so on."""
    open_images = set(free)
    found: list[Cluster] = []
    for anchor in sorted(free, key=lambda k: ranking.copy_key(images[k])):
        if anchor not in open_images:
            continue
        cluster = [anchor, *(k for _, k in neighbours[anchor] if k in open_images)]
        open_images.difference_update(cluster)
        if len(cluster) > 1:
            found.append(cluster)
    return found


def _compared_by(candidate: Candidate) -> list[str]:
    by_time = candidate.camera is not None and candidate.taken_ms is not None
    by_hash = is_informative(candidate.phash)
    return ["sha256", *(["phash"] if by_hash else []), *(["time"] if by_hash and by_time else [])]


def _alone(candidate: Candidate) -> GroupFacts:
    return {
        "group": None,
        "kind": None,
        "size": 1,
        "rank": 1,
        "best": True,
        "best_item": None,
        "best_name": None,
        "differences": [],
        "compared_by": _compared_by(candidate),
    }


def _write(facts: dict[str, GroupFacts], group: str, members: list[Candidate], kinds: dict[str, str]) -> None:
    """Enter *members*, best first, as one group. The stand-in of exact copies is overwritten by a wider group."""
    best = members[0]
    for rank, member in enumerate(members, start=1):
        facts[member.item] = {
            "group": group,
            "kind": kinds[member.item],
            "size": len(members),
            "rank": rank,
            "best": rank == 1,
            "best_item": best.item,
            "best_name": best.name,
            "differences": ranking.differences(member, best) if rank > 1 else [],
            "compared_by": _compared_by(member),
        }
