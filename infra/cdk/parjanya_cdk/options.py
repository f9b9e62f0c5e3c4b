"""What whoever deploys decides: names, origins, machines. Read from the context, checked, pure.

Callers: ``app`` (``-c name=value`` on the command line, or ``cdk.json``), tests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.image.record import Image
from tbie.backends.aws.place import Place

_ORIGIN = re.compile(r"https://[a-z0-9.-]+(:\d{1,5})?|http://(localhost|127\.0\.0\.1)(:\d{1,5})?")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_ARM = re.compile(r"[a-z]+\d+g[a-z]*\.")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class OptionsError(ValueError):
    """Something that was given cannot be deployed; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the workers of one pool run on."""

    instance_type: str
    most: int
    """Instances at the same time."""
    prepared: int = 0
    """Stopped instances that wait in the warm pool: each costs its volume, nothing else."""
    volume_gib: int = 30

    @property
    def architecture(self) -> str:
        """Of the processor, as EC2 calls it."""
        return "arm64" if _ARM.match(self.instance_type) else "x86_64"


MACHINES: Mapping[str, Machine] = {
    "images": Machine("c7g.2xlarge", 8),
    # an L4 with 24 GB holds the weights of an 8-billion-parameter model in half precision; no type with a GPU can hibernate
    "vision": Machine("g6.xlarge", 8, prepared=1, volume_gib=120),
}


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that is not in the program.

    Raises:
        OptionsError: a value that AWS, a browser or an incident speaks against.
    """

    place: Place
    origins: tuple[str, ...]
    """Of the pages that upload from a browser; never a wildcard (incident 7)."""
    images: Mapping[str, Image]
    """Pool → the image that its instances start from."""
    functions: Mapping[str, Path]
    """Function → its zip file."""
    machines: Mapping[str, Machine] = field(default_factory=lambda: dict(MACHINES))
    mail: str | None = None
    """Who is told of alarms."""
    placeholders: tuple[str, ...] = ()
    """What was made up so that the templates can be looked at. Such a template refuses to be deployed."""

    def __post_init__(self) -> None:
        check_origins(self.origins)
        if not _BUCKET.fullmatch(self.place.bucket):
            raise OptionsError(
                f"bucket {self.place.bucket!r}: 3 to 63 lower-case letters, digits and hyphens are needed"
            )
        if self.mail is not None and not _MAIL.fullmatch(self.mail):
            raise OptionsError(f"mail {self.mail!r} is no address")
        for pool, machine in self.machines.items():
            if not 0 <= machine.prepared <= machine.most or machine.most < 1:
                raise OptionsError(
                    f"pool {pool}: prepared={machine.prepared} of most={machine.most} instances is not possible"
                )


def check_origins(origins: tuple[str, ...]) -> None:
    """Refuse what would let any page upload, or would never match what a browser sends.

    Raises:
        OptionsError: no origin, a wildcard, no https, or more than scheme, host and port.
    """
    if not origins:
        raise OptionsError("no origin: name the pages that upload (-c origins=https://app.example.com)")
    for origin in origins:
        if "*" in origin:
            raise OptionsError(
                f"origin {origin!r}: a wildcard is refused (incident 7): any page could upload with a user's signed address"
            )
        if not _ORIGIN.fullmatch(origin):
            raise OptionsError(
                f"origin {origin!r}: https://HOST, or with :PORT, in lower case and without a path, as a browser sends it"
            )
