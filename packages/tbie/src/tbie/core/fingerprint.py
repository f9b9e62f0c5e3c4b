"""Fingerprints: one canonical form, one hash, so that "did anything that changes the answer change?" is one comparison."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

#: Raise this when the canonical form or the hash below changes. Stored fingerprints of another
#: version are then re-stamped, never mistaken for a change of what they describe.
FINGERPRINT_VERSION = 1


def canonical_json(value: object) -> str:
    """Serialise *value* so that equal values give equal text: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def fingerprint(components: Mapping[str, object]) -> str:
    """Hash named *components* (code version, parameters, model, …) to ``<version>:<16 hex digits>``.

    Names are part of the hash, so swapping the values of two components changes the fingerprint.
    """
    digest = hashlib.sha256(canonical_json(dict(components)).encode()).hexdigest()
    return f"{FINGERPRINT_VERSION}:{digest[:16]}"
