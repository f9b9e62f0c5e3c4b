"""The shipped plugin, also where the package is on the path but not installed; and one fixed profile of Hypothesis.

Examples are derandomized, so that a red build is red again on the next machine. Search for new ones with
``TBIE_HYPOTHESIS=explore``: other examples each time, and ten times as many. ``TBIE_HYPOTHESIS=first`` stops at the
first failure without looking for a shorter one, for trying mutants.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

import tbie.testing.plugin  # noqa: F401 - registers the rewriting of asserts before the suite is imported

pytest_plugins = ["tbie.testing.aws.session"]

settings.register_profile(
    "tbie", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", deadline=None, database=None, max_examples=1_000)
settings.register_profile("first", settings.get_profile("tbie"), phases=[Phase.generate], report_multiple_bugs=False)
settings.load_profile(os.environ.get("TBIE_HYPOTHESIS", "tbie"))
