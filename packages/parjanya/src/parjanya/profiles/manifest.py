"""The declared environment: what a worker's machine must be for its answers to mean what the records say.

The engine declares its own environment when it starts; a worker of another one (an upgrade half done, a stale
installation) declines work, consumes no receive counts, and says what differs (incidents 6a and 6b).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata

from tbie.execution import Drift
from tbie.workflow import Workflow

MANIFEST = "manifest"
"""Name under which Truth keeps the declaration."""

_LIBRARIES = ("pillow", "pi-heif", "rawpy", "numpy")
"""Libraries whose version changes what is decoded or measured."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Components that change answers, by name."""

    components: Mapping[str, str]

    def to_json(self) -> str:
        """As stored in Truth."""
        return json.dumps(dict(self.components), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """From what ``to_json`` wrote."""
        return cls(json.loads(text))


def this_machine(workflow: Workflow) -> Manifest:
    """What this process would answer with."""
    versions = {name: _version(name) for name in _LIBRARIES}
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Manifest({"workflow": workflow.fingerprint, "python": python, **versions})


def attest(declared: Manifest | None, found: Manifest) -> Drift | None:
    """How *found* differs from *declared*; None if it does not, or if nothing was declared yet."""
    if declared is None:
        return None
    names = declared.components.keys() | found.components.keys()
    differences = {
        name: (declared.components.get(name), found.components.get(name))
        for name in sorted(names)
        if declared.components.get(name) != found.components.get(name)
    }
    return Drift(differences) if differences else None


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"
