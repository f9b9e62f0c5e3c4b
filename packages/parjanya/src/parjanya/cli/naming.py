"""What a policy may be called on the command line: a file, a built-in name, a stored version, or ``active``.

Callers: ``policy``, ``regrade --policy``, ``curate --policy``, ``serve --policy``.
"""

from __future__ import annotations

import os
import re
import select
from dataclasses import dataclass
from pathlib import Path

from parjanya.activation import DEFAULT_POLICY, Activation, Stored, activations, stored
from parjanya.cli.common import UsageError
from parjanya.policy import BUILT_IN, Policy, PolicyUnavailableError, builtin, builtin_text, load
from parjanya.policy.document import MAX_BYTES
from parjanya.policy.problems import nearest
from parjanya.profiles.system import System
from parjanya.stages import curate

ACTIVE = "active"
_HASH = re.compile(r"(?:\d+:)?[0-9a-f]{4,16}")
PATIENCE_S = 5.0
"""How long a pipe may say nothing before it is given up."""


@dataclass(frozen=True, slots=True)
class Named:
    """A policy with its document, and where that came from."""

    policy: Policy
    text: str
    source: str


def from_file(path: Path) -> Named:
    """The policy in a file.

    Raises:
        PolicyError: it is none.
        OSError: it cannot be read.
    """
    try:
        data = _read(path)
    except OSError as error:
        error.filename = os.fspath(path)  # what was opened already does not know its name
        raise
    policy = load(data, os.fspath(path))
    return Named(policy, data.decode("utf-8"), os.fspath(path))


def _read(path: Path) -> bytes:
    """A little more than is read of a document, so that what is too large is refused by its size.

    Pipes are welcome (``policy check <(…)``); one into which nobody writes must not hold a command up for ever.
    """
    data, opened = b"", os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        while len(data) <= MAX_BYTES:
            if not select.select([opened], [], [], PATIENCE_S)[0]:
                raise TimeoutError(None, f"nothing came out of it for {PATIENCE_S:.0f} s; name a file")
            more = os.read(opened, MAX_BYTES + 1 - len(data))
            if not more:
                break
            data += more
    finally:
        os.close(opened)
    return data


def active(system: System | None, tenant: str | None) -> Named:
    """The policy that decides for *tenant* (None: for everybody without one of their own) now, or would in a new home.

    Raises:
        PolicyUnavailableError: it is missing or damaged.
    """
    if system is None:
        return Named(builtin(DEFAULT_POLICY), builtin_text(DEFAULT_POLICY), f"built-in {DEFAULT_POLICY}")
    policy = system.policies.of(
        system.truth, system.workflow.version(curate.NAME, tenant if tenant is not None else NOBODY)
    )
    found = stored(system.truth).get(policy.version)
    text = found.text if found is not None else builtin_text(policy.name)
    return Named(policy, text, "active")


def active_name(system: System, tenant: str | None) -> str | None:
    """How reports call it; None if it cannot be had, which the images that wait for it say."""
    try:
        return active(system, tenant).policy.name
    except PolicyUnavailableError:
        return None


NOBODY = "\x00"
"""No tenant: what holds for it holds for everybody without a policy of their own."""


def named(system: System | None, name: str, tenant: str | None = None) -> Named:
    """The policy that *name* means: ``active``, a built-in name, a stored version (or its beginning), tag or name, or a file.

    What is written like a file is that file: tags are chosen by whoever wrote a document, and none stands in for a file.

    Raises:
        UsageError: nothing, or more than one thing.
        PolicyError, PolicyUnavailableError, OSError: there is something, and it cannot be used.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or os.sep in name:
        return from_file(path)
    if name == ACTIVE:
        return active(system, tenant)
    if name in BUILT_IN:
        return Named(builtin(name), builtin_text(name), f"built-in {name}")
    kept = stored(system.truth) if system is not None else {}
    found = _stored(kept, name)
    if found is not None:
        if found.policy is None:
            raise PolicyUnavailableError(f"the policy {found.version} in Truth is damaged: {found.problem}")
        return Named(found.policy, found.text, f"stored {found.version}")
    for built_in in BUILT_IN:  # its version is on every image that it judged, stored or not
        if builtin(built_in).version == name:
            return Named(builtin(built_in), builtin_text(built_in), f"built-in {built_in}")
    if path.is_file():
        return from_file(path)
    known = [
        ACTIVE,
        *BUILT_IN,
        *dict.fromkeys(s.name for s in kept.values()),
        *dict.fromkeys(s.tag for s in kept.values()),
    ]
    raise UsageError(f"there is no policy {name!r}{nearest(name, known)}")


def _stored(kept: dict[str, Stored], name: str) -> Stored | None:
    if name in kept:
        return kept[name]
    if _HASH.fullmatch(name):
        digits = name.rpartition(":")[2]
        close = [found for version, found in kept.items() if version.rpartition(":")[2].startswith(digits)]
        if len(close) > 1:
            raise UsageError(
                f"{name!r} is the beginning of {', '.join(found.version for found in close)}; write more of it"
            )
        if close:
            return close[0]
    called = [found for found in kept.values() if name in (found.name, found.tag, f"{found.name}@{found.tag}")]
    return max(called, key=lambda found: found.stored_ms, default=None)


def activation_of(system: System, tenant: str | None) -> Activation | None:
    """The activation of *tenant* as it stands; None if there is none that can be read."""
    return activations(system.truth)[0].get(tenant)
