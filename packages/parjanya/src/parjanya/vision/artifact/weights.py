"""The tensor index of a folder: every tensor of every weight file, and whether files, index and configuration agree.

Caller: ``examine``. A loader fills a tensor that is missing with random numbers and a warning; here it is a problem.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from parjanya.vision.artifact.digest import unreadable
from parjanya.vision.artifact.problems import Problem, bounded, file, shown
from parjanya.vision.artifact.tensors import HeaderError, Tensor, read_header
from tbie.core.fingerprint import canonical_json

SUFFIX = ".safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".h5", ".msgpack")
"""Weights in these formats are programs, or are read by ones that run what is in them."""
CODE = (".py", ".pyc", ".so")

_EVEN = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe")
"""Families whose layers all have the same tensors."""
MOST_TENSORS = 200_000
"""A mixture of 256 experts in 61 layers has half as many."""
_MOST_HOLES = 1_000
_NAMED = 3
"""Tensors that one problem names."""
_NUMBERED = re.compile(r"(.+?)\.(\d{1,5})\.(.+)")


def read_weights(root: Path, names: Iterable[str]) -> tuple[dict[str, dict[str, Tensor]], list[Problem]]:
    """The tensors of each weight file among *names*, and the files that are none."""
    tensors: dict[str, dict[str, Tensor]] = {}
    problems: list[Problem] = []
    for name in names:
        if name.lower().endswith(PICKLES):
            problems.append(
                Problem(file(name), "can run code when it is loaded: only safetensors are loaded, delete it")
            )
        if name.lower().endswith(CODE):
            problems.append(Problem(file(name), "is code: a model folder holds none, delete it"))
        if not name.endswith(SUFFIX):
            continue
        try:
            tensors[name] = read_header(root, name)
        except HeaderError as error:
            problems.append(Problem(file(name), str(error)))
        except OSError as error:
            problems.append(unreadable(name, error))
        if sum(map(len, tensors.values())) > MOST_TENSORS:
            problems.append(Problem("weights", f"there are more than {MOST_TENSORS} tensors: that is no model"))
            break
    return tensors, problems


def describe(tensors: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Any]:
    """The component ``tensors`` of a manifest."""
    index = {name: str(tensor) for held in tensors.values() for name, tensor in sorted(held.items())}
    each = [tensor for held in tensors.values() for tensor in held.values()]
    return {
        "count": len(each),
        "parameters": sum(tensor.parameters for tensor in each),
        "dtypes": dict(sorted(Counter(tensor.dtype for tensor in each).items())),
        "sha256": hashlib.sha256(canonical_json(index).encode(errors="backslashreplace")).hexdigest(),
        "index": dict(sorted(index.items())),
    }


def agree(
    tensors: Mapping[str, Mapping[str, Tensor]], index: Mapping[str, Any] | None, config: Mapping[str, Any]
) -> list[Problem]:
    """Where weight files, *index* (the content of ``INDEX``, None if there is none) and *config* contradict each other."""
    problems: list[Problem] = []
    if not tensors:
        problems.append(Problem("weights", f"there is no {SUFFIX} file"))
    if index is not None:
        problems += _index(tensors, index)
    elif len(tensors) > 1:
        problems.append(
            Problem(file(INDEX), f"is missing, and there are {len(tensors)} weight files: it says what is where")
        )
    places: dict[str, list[str]] = defaultdict(list)
    for name, held in tensors.items():
        for tensor in held:
            places[tensor].append(name)
    twice = [f"{shown(tensor)} in {', '.join(map(shown, where))}" for tensor, where in places.items() if len(where) > 1]
    if twice:
        problems.append(Problem("weights", f"tensors that are in two files: {'; '.join(bounded(twice, _NAMED))}"))
    if config.get("model_type") in _EVEN:
        problems += _even(places)
    return problems


def _index(tensors: Mapping[str, Mapping[str, Tensor]], index: Mapping[str, Any]) -> list[Problem]:
    placed = index.get("weight_map")
    if not isinstance(placed, dict) or not all(isinstance(where, str) for where in placed.values()):
        return [Problem(file(INDEX), "has no weight_map from tensors to files")]
    found: dict[str, list[str]] = defaultdict(list)
    for tensor, where in placed.items():
        if where not in tensors:
            found[f"names weight files that are missing or cannot be read: {shown(where)}"].append(tensor)
        elif tensor not in tensors[where]:
            found[f"places tensors in {shown(where)} that are not there"].append(tensor)
    for name, held in tensors.items():
        stray = [tensor for tensor in held if placed.get(tensor) != name]
        if stray:
            found[f"does not know that {shown(name)} has these tensors"] += stray
    return [
        Problem(file(INDEX), f"{words} ({', '.join(bounded(map(shown, names), _NAMED))})")
        for words, names in found.items()
    ]


def _even(names: Iterable[str]) -> list[Problem]:
    """Layers of one stack without a gap, and each with the same tensors: a dropped tensor leaves a hole."""
    holes = list(islice(_holes(names), _MOST_HOLES))
    if not holes:
        return []
    return [Problem("weights", f"tensors that other layers have are missing: {'; '.join(bounded(holes, _NAMED))}")]


def _holes(names: Iterable[str]) -> Iterator[str]:
    stacks: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name in names:
        if parts := _NUMBERED.fullmatch(name):
            stacks[parts[1]][int(parts[2])].add(parts[3])
    for stack, layers in sorted(stacks.items()):
        every = set().union(*layers.values())
        for number in range(max(layers) + 1):
            for rest in sorted(every - layers.get(number, set())):
                yield f"{shown(stack)}.{number}.{shown(rest)}"
