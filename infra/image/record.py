"""What is known of a machine image that was published: which tag, which model, which lock, under which id in which region. Pure.

Callers: ``publish`` writes records, the CDK app makes launch templates of them and refuses to where image and model do not belong
together (incident 6a), the check on the machine compares itself with one. The standard library alone: it runs on a builder, in
the CDK's environment and in the project's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

FORMAT = "parjanya-images/1"
MOST_BYTES = 1 << 20
NO_MODEL = "none"
"""The manifest of an image for a pool where no model runs, as it stands in tags."""

_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_POOL = re.compile(r"[A-Za-z0-9_]{1,30}")
_HASH = re.compile(r"[0-9a-f]{64}")
_AMI = re.compile(r"ami-[0-9a-f]{8,17}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
ARCHITECTURES = ("arm64", "x86_64")


class ImageError(ValueError):
    """No machine may be started like this; the message says what does not fit and what to do."""


@dataclass(frozen=True, slots=True)
class Image:
    """One published machine image.

    Raises:
        ImageError: a value that cannot be right.
    """

    pool: str
    tag: str
    """What the image is called: a version of the program, say. One tag names one content."""
    architecture: str
    lock: str
    """SHA-256 over the lock files that were installed."""
    manifest: str | None
    """Id of the model's manifest; None where no model runs."""
    amis: Mapping[str, str]
    """Region → id."""

    def __post_init__(self) -> None:
        checks = (
            (_matches(_POOL, self.pool), f"pool {self.pool!r}"),
            (_matches(_TAG, self.tag), f"tag {self.tag!r}"),
            (self.architecture in ARCHITECTURES, f"architecture {self.architecture!r}"),
            (_matches(_HASH, self.lock), f"lock {self.lock!r}: 64 hex digits are needed"),
            (self.manifest is None or _matches(_HASH, self.manifest), f"manifest {self.manifest!r}: 64 hex digits"),
            (isinstance(self.amis, Mapping) and bool(self.amis), "no id in any region"),
        )
        wrong = [words for fine, words in checks if not fine]
        if not wrong:
            wrong = [f"{r!r}: {a!r}" for r, a in self.amis.items() if not (_matches(_REGION, r) and _matches(_AMI, a))]
        if wrong:
            raise ImageError(f"no image can be described like this: {'; '.join(wrong)[:300]}")

    @property
    def seal(self) -> str:
        """SHA-256 of all of it: a record that was edited by hand no longer fits its seal."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def tags(self) -> dict[str, str]:
        """Tags of the image, of the launch template and of each instance: what `doctor` compares."""
        return {
            "parjanya:pool": self.pool,
            "parjanya:image-tag": self.tag,
            "parjanya:manifest": self.manifest or NO_MODEL,
            "parjanya:lock": self.lock,
        }


def to_text(images: Sequence[Image]) -> str:
    """As a file."""
    listed = [{**asdict(image), "seal": image.seal} for image in images]
    return json.dumps({"format": FORMAT, "images": listed}, indent=1, sort_keys=True) + "\n"


def parse(text: str, source: str) -> tuple[Image, ...]:
    """The records in *text*, found at *source*.

    Raises:
        ImageError: it is no such file, or a record was changed after it was published.
    """
    if len(text) > MOST_BYTES:
        raise ImageError(f"{source}: {len(text)} characters are no list of images")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"{source} is no JSON: {error}") from error
    if (
        not isinstance(document, dict)
        or document.get("format") != FORMAT
        or not isinstance(document.get("images"), list)
    ):
        raise ImageError(f"{source} is no list of images ({FORMAT})")
    return tuple(_read(entry, source) for entry in document["images"])


def _read(entry: Any, source: str) -> Image:
    names = set(Image.__slots__)
    if not isinstance(entry, dict) or set(entry) != names | {"seal"}:
        raise ImageError(f"{source}: a record needs exactly {', '.join(sorted(names))} and seal")
    image = Image(**{name: entry[name] for name in names})
    if image.seal != entry["seal"]:
        raise ImageError(
            f"{source}: the record of {image.pool} {image.tag} is not what was published (its seal differs); publish it again"
        )
    return image


def chosen(images: Sequence[Image], pool: str, tag: str, manifest: str | None, region: str, architecture: str) -> Image:
    """The image of *pool* with *tag*, if it belongs together with the *manifest* that is declared and runs here.

    Raises:
        ImageError: there is none, or it was made for another model, region or kind of machine (incident 6a).
    """
    found = [image for image in images if (image.pool, image.tag) == (pool, tag)]
    if not found:
        known = ", ".join(sorted(image.tag for image in images if image.pool == pool)) or "none"
        raise ImageError(
            f"no image {tag!r} was published for pool {pool}; published: {known} (incident 6a, stale_image_tag)"
        )
    if len({image.seal for image in found}) > 1:
        raise ImageError(
            f"image {tag!r} of pool {pool} was published twice with different contents; give each its own tag"
        )
    image = found[0]
    if image.manifest != manifest:
        raise ImageError(
            f"image {tag!r} of pool {pool} was baked with manifest {_short(image.manifest)}, declared is {_short(manifest)}: "
            "they do not belong together (incident 6a, 6b). Bake an image with that model, or declare the other manifest"
        )
    if region not in image.amis:
        raise ImageError(
            f"image {tag!r} of pool {pool} is not in {region}, only in {', '.join(sorted(image.amis))}: copy it"
        )
    if image.architecture != architecture:
        raise ImageError(
            f"image {tag!r} of pool {pool} is for {image.architecture}, the instance type is {architecture}"
        )
    return image


def _short(manifest: str | None) -> str:
    return manifest[:12] if manifest else NO_MODEL


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
