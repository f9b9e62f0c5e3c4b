"""Tests of Intent's suite that are expected to fail over SQS, each with its reason. docs/aws-testing.md lists them.

On the local server strictly: when it has learned it the test turns red, and the line goes. On an account the order in which SQS
hands messages out is promised to nobody: there a test about order may pass or fail, and either is no news.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

_IN_ORDER = (
    "the local server hands messages out in the order in which they came, whatever their group; it has no fair queues"
)
_FAIR = (
    "SQS prefers other tenants once one has 30 messages in hand and a tenth of all (fair queues): it keeps no turns, and "
    "a test that takes a few at a time does not get there"
)
_NO_ORDER = "a standard queue of SQS keeps no order; within what one claim brought, Intent sorts"

_TURNS = (
    "test_one_item_behind_a_crowd_of_another_tenant_is_served_among_the_first",
    "test_a_tenant_that_comes_when_a_burst_is_half_done_need_not_catch_up",
    "test_tenants_with_equal_bursts_take_turns",
)
_ORDER = (
    "test_within_a_tenant_first_come_is_first_served",
    "test_sending_the_same_intents_again_costs_a_tenant_no_turns",
)

LOCAL_SERVER: Mapping[str, str] = dict.fromkeys(_TURNS, _IN_ORDER)
ACCOUNT: Mapping[str, str] = {**dict.fromkeys(_TURNS, _FAIR), **dict.fromkeys(_ORDER, _NO_ORDER)}


def mark_known_wrong(request: pytest.FixtureRequest, is_live: bool) -> None:
    """Expect the failure of the test that *request* is about, if it is listed for where it runs."""
    wrong, name = ACCOUNT if is_live else LOCAL_SERVER, request.node.originalname
    if name in wrong:
        request.node.add_marker(pytest.mark.xfail(reason=wrong[name], strict=not is_live))
