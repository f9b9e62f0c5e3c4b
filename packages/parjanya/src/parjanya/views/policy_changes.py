"""Which rules differ between the policies that a campaign judged by: before and after, as far as they are kept.

Caller: ``campaign show``. Policies are looked up by the version that is stamped on each decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parjanya.activation import find
from parjanya.policy import PolicyUnavailableError, diff
from tbie.truth import TruthStore

PAIRS_MOST = 5
"""Pairs of policies that are compared: a campaign over many tenants may meet more."""


def changes(truth: TruthStore, policies: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The differences between each policy before and each one after, as plain data; what is not kept is said."""
    told = []
    pairs = [(old, new) for old in policies["before"] for new in policies["after"] if old["version"] != new["version"]]
    for old, new in pairs[:PAIRS_MOST]:
        try:
            told.append(diff(find(truth, old["version"]), find(truth, new["version"])).to_json())
        except PolicyUnavailableError as error:
            names = {
                side: {k: one[k] for k in ("policy", "tag", "version")} for side, one in (("old", old), ("new", new))
            }
            told.append({**names, "rules": [], "constants": {}, "problem": str(error)})
    return told
