"""Every row of the original checklist and every incident is kept: by a check of the templates, or by a file that does it.

The one row that is not here (12, the interface's schema and the pages' types) is about what is not deployed yet.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from parjanya_cdk.checks.base import Check, Subject
from parjanya_cdk.checks.controlling import (
    a_poison_record_stops_no_shard,
    each_alarm_is_heard,
    everybody_is_told_the_same_place,
    logs_are_kept,
    only_workers_take_and_delete_intents,
    silence_is_an_alarm,
    tenants_are_no_configuration,
    the_reconciler_is_told_of_each_stage_and_nothing_else,
    the_sweep_runs_by_the_clock,
    uploads_are_answered_one_by_one,
    whatever_failed_before_has_an_alarm,
)
from parjanya_cdk.checks.permitting import (
    each_role_holds_its_list_and_nothing_else,
    nothing_is_granted_on_everything,
    the_reconciler_can_read_what_it_decides_by,
)
from parjanya_cdk.checks.running import (
    busy_machines_are_let_finish,
    machine_image_and_model_belong_together,
    nothing_costs_while_nobody_works,
    the_newest_template_is_used,
    the_warm_pool_is_stopped,
)
from parjanya_cdk.checks.storing import (
    a_function_that_is_fed_has_time,
    dead_letters_are_kept,
    no_message_expires_in_an_outage,
    no_second_worker_starts,
    the_bucket_is_closed_and_answers_our_pages_alone,
    truth_survives,
    uploads_are_told_and_originals_kept,
)

ROOT = Path(__file__).resolve().parents[3]
Kept = Check | str
"""A check, or a file of the repository that keeps it where a template cannot."""
KERNEL, APPLICATION = "packages/tbie", "packages/parjanya"

CHECKLIST: dict[str, tuple[Kept, ...]] = {
    # intent preservation
    "workers delete a message only for a terminal failure or a completion": (
        only_workers_take_and_delete_intents,
        f"{KERNEL}/src/tbie/worker",
    ),
    "visibility exceeds the longest realistic run": (no_second_worker_starts, a_function_that_is_fed_has_time),
    "retention exceeds the longest expected outage": (no_message_expires_in_an_outage,),
    "the dead-letter queue is watched": (dead_letters_are_kept, whatever_failed_before_has_an_alarm),
    # execution environment
    "image tags of launch templates are checked against images at deployment": (
        machine_image_and_model_belong_together,
        "infra/image/record.py",
    ),
    "building an image asserts that the model is all there": ("infra/image/recipe.py", "tests/infra/test_image.py"),
    "image and model are a pair": (machine_image_and_model_belong_together, "infra/image/record.py"),
    "launch templates are refreshed when the image changes": (the_newest_template_is_used,),
    "lock files keep dependencies from drifting": ("infra/image/recipe.py", "requirements/runtime.txt"),
    # control plane
    "each pass tells a heartbeat": (silence_is_an_alarm, f"{APPLICATION}/src/parjanya/functions/telling.py"),
    "silence for more than a cycle is an alarm": (silence_is_an_alarm, each_alarm_is_heard),
    "permissions are asserted before a deployment": (
        each_role_holds_its_list_and_nothing_else,
        the_reconciler_can_read_what_it_decides_by,
        nothing_is_granted_on_everything,
    ),
    "errors and duration have alarms of their own": (whatever_failed_before_has_an_alarm,),
    "logs of the control plane are kept and can be searched": (logs_are_kept,),
    # reconciliation
    "the backlog of Truth is the primary measure": (whatever_failed_before_has_an_alarm,),
    "the intent gap is looked at on each pass": (whatever_failed_before_has_an_alarm, the_sweep_runs_by_the_clock),
    "a replay resets Truth to a boundary first": (f"{KERNEL}/src/tbie/replay.py",),
    "tenants are discovered": (tenants_are_no_configuration,),
    "a change of retention is reviewed": ("infra/cdk/summary.txt",),
    # drift
    "CORS is under version control and checked": (the_bucket_is_closed_and_answers_our_pages_alone,),
    "CORS and public access are a pair": (the_bucket_is_closed_and_answers_our_pages_alone,),
    "the route of an object is checked when the intent is made": (
        everybody_is_told_the_same_place,
        f"{KERNEL}/src/tbie/reconciler/desk.py",
    ),
    # policy
    "the version of the policy is stored with each image": (f"{APPLICATION}/src/parjanya/activation.py",),
    "a changed policy replays what it decided": (f"{KERNEL}/src/tbie/campaign",),
    "a regrade is the replay that failures use": (f"{KERNEL}/src/tbie/replay.py", f"{KERNEL}/src/tbie/campaign"),
}

INCIDENTS: dict[str, tuple[Kept, ...]] = {
    "1 intent_destroyed_early": (only_workers_take_and_delete_intents, no_second_worker_starts, dead_letters_are_kept),
    "2 truth_without_intent": (
        the_reconciler_is_told_of_each_stage_and_nothing_else,
        the_sweep_runs_by_the_clock,
        whatever_failed_before_has_an_alarm,
    ),
    "3 dirty_retry": (f"{KERNEL}/src/tbie/replay.py",),
    "4 misrouted_intent": (everybody_is_told_the_same_place,),
    "5 policy_change": (f"{KERNEL}/src/tbie/campaign",),
    "6a stale_image_tag": (
        machine_image_and_model_belong_together,
        the_newest_template_is_used,
        busy_machines_are_let_finish,
        whatever_failed_before_has_an_alarm,
    ),
    "6b incomplete_model": ("infra/image/recipe.py", "tests/infra/test_image.py"),
    "7 upload_never_landed": (
        the_bucket_is_closed_and_answers_our_pages_alone,
        uploads_are_told_and_originals_kept,
        uploads_are_answered_one_by_one,
    ),
    "8 control_plane_blind": (
        the_reconciler_can_read_what_it_decides_by,
        silence_is_an_alarm,
        each_alarm_is_heard,
        f"{KERNEL}/tests/unit/aws/test_permissions.py",
    ),
    "9a undiscovered_tenant": (tenants_are_no_configuration,),
    "9b intent_expired": (no_message_expires_in_an_outage, nothing_costs_while_nobody_works, the_warm_pool_is_stopped),
    "10 replay_storm": (f"{KERNEL}/src/tbie/reconciler/decide.py",),
    "11 poison_item": (a_poison_record_stops_no_shard, dead_letters_are_kept),
    "everything but Truth may be lost": (truth_survives,),
}
ROWS = {**CHECKLIST, **INCIDENTS}


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_kept(row: str, stacks: Subject) -> None:
    for kept in ROWS[row]:
        if isinstance(kept, str):
            assert (ROOT / kept).exists(), f"{row}: kept by {kept}, which is gone"
        else:
            assert list(kept(stacks)) == [], row
