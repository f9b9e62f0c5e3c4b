"""Colour management: whatever an image's profile says, what leaves here is sRGB.

Callers: ``shrink``. Most photographs carry a profile that *is* sRGB under one of a hundred names, so a profile is
judged by what it does to a set of colours, once for each distinct profile, and not by its name.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

SAME_LEVELS = 2
"""A profile that moves no test colour by more than this (of 255) is sRGB: JPEG at quality 95 moves them further."""

_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_CMS_MODES = frozenset(("RGB", "L", "CMYK", "LAB"))


@dataclass(frozen=True, slots=True)
class Profile:
    """What a profile does to pixels of one mode. ``transform`` is None where nothing needs doing."""

    name: str | None
    transform: ImageCms.ImageCmsTransform | None
    broken: bool = False


def to_srgb(image: Image.Image, icc: bytes | None) -> tuple[Image.Image, str | None, bool]:
    """(*image* in sRGB, the profile's name, whether the profile was broken and therefore ignored).

    *image* is RGB, L, CMYK or LAB; without a profile (or with a broken one) RGB and L are taken for sRGB already.
    """
    profile = _understand(icc, image.mode) if icc else Profile(None, None)
    if profile.transform is not None:
        converted = ImageCms.applyTransform(image, profile.transform)
        if converted is not None:
            return converted, profile.name, False
    if image.mode == "LAB":
        converted = ImageCms.applyTransform(image, _lab_to_srgb())
        if converted is not None:
            return converted, profile.name, profile.broken
    return (image if image.mode == "RGB" else image.convert("RGB")), profile.name, profile.broken


def _understand(icc: bytes, mode: str) -> Profile:
    return _cached(hashlib.sha256(icc).digest(), mode, _Bytes(icc))


class _Bytes:
    """Carries the profile past the cache, which must hash the digest alone and not half a megabyte again."""

    def __init__(self, value: bytes) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Bytes)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=32)
def _cached(_digest: bytes, mode: str, icc: _Bytes) -> Profile:
    name: str | None = None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc.value))
        name = (ImageCms.getProfileDescription(profile) or "").strip("\0 \n")[:120] or None
        transform = ImageCms.buildTransform(profile, _srgb(), mode, "RGB", renderingIntent=_INTENT)
        return Profile(name, None if mode == "RGB" and _changes_nothing(transform) else transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return Profile(name, None, broken=True)


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@lru_cache(maxsize=1)
def _lab_to_srgb() -> ImageCms.ImageCmsTransform:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    return ImageCms.buildTransform(lab, _srgb(), "LAB", "RGB", renderingIntent=_INTENT)


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    moved = ImageCms.applyTransform(Image.fromarray(cube), transform)
    return moved is not None and int(np.abs(np.asarray(moved).astype(int) - cube).max()) <= SAME_LEVELS
