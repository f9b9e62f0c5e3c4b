"""Where the local server is known to be wrong: each test that fails for that alone, with the reason.

Strict: a server that has learned it turns the test red, and the line goes. Against AWS itself nothing here is expected to fail.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

_IN_ORDER = (
    "SQS serves message groups of a standard queue in turn (fair queues); the local server hands everything out in the order in "
    "which it came, whatever the group"
)

INTENT: Mapping[str, str] = {
    "test_one_item_behind_a_crowd_of_another_tenant_is_served_among_the_first": _IN_ORDER,
    "test_a_tenant_that_comes_when_a_burst_is_half_done_need_not_catch_up": _IN_ORDER,
    "test_tenants_with_equal_bursts_take_turns": _IN_ORDER,
}


def mark_known_wrong(request: pytest.FixtureRequest, wrong: Mapping[str, str]) -> None:
    """Expect the failure of the test that *request* is about, if it is listed."""
    name = request.node.originalname
    if name in wrong:
        request.node.add_marker(pytest.mark.xfail(reason=wrong[name], strict=True))
