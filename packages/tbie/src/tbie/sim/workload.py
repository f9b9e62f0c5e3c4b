"""What is simulated: a small gallery of two pools, and handlers whose facts say from what they were made.

read → (look, measure) → judge, and group, a barrier that compares a tenant's items, after measure.
"""

from __future__ import annotations

from collections.abc import Mapping

from tbie.core.errors import MisroutedIntentError, ObjectMissingError
from tbie.core.keys import Address
from tbie.core.outcome import Facts
from tbie.core.settings import Settings
from tbie.reconciler.fleet import PoolLimits
from tbie.workflow import RetryPolicy, Stage, Workflow

BUCKET = "source"
NOWHERE = "nowhere"
"""A bucket that does not exist: a wrong address."""

STAGES = ("read", "look", "measure", "group", "judge")
POOLS = ("cpu", "gpu")
FLOWING = "look"
"""The stage that is run as a flow, two items in hand at a time."""
MAX_RUN_S = 15.0

SETTINGS = Settings(
    visibility_timeout_s=30.0,
    sweep_interval_s=10.0,
    stream_batch=4,
    sweep_page=3,
    barrier_patience_s=20.0,
    leader_lease_s=8.0,
    express_lane_items=2,
    stream_batches=2,
    sweep_share_pages=2,
    pause_failure_count=2,
    pause_window_s=60.0,
    pause_base_s=5.0,
    pause_max_s=20.0,
    reset_budget_count=1,
    reset_cooldown_s=60.0,
    campaign_rate_per_s=2.0,
    campaign_open_items=6,
    boot_start_budget_s=5.0,
    boot_register_budget_s=5.0,
    boot_claim_budget_s=10.0,
    boot_complete_margin_s=10.0,
)
"""Small batches and pages, so that a handful of items is already more than one of each."""

LIMITS = {pool: PoolLimits(2, 3) for pool in POOLS}


def _pictures_only(facts: Mapping[str, Facts]) -> str | None:
    return "not_an_image" if facts["read"].get("kind") == "text" else None


def gallery(version: int, claim_batch: int) -> Workflow:
    """The workflow as version number *version* of the program declares it; only ``look`` and ``judge`` change."""
    retry = RetryPolicy(max_receives=3, backoff_base_s=1.0, backoff_max_s=8.0)
    changed = f"v{version}"

    def stage(name: str, pool: str, *needs: str, version: str = "v1", barrier: bool = False) -> Stage:
        eligible = _pictures_only if name == "look" else None
        return Stage(name, version, pool, needs, (name,), eligible, retry, MAX_RUN_S, claim_batch, barrier)

    stages = (
        stage("read", "cpu"),
        stage("look", "gpu", "read", version=changed),
        stage("measure", "cpu", "read"),
        stage("group", "cpu", "measure", barrier=True),
        stage("judge", "gpu", "look", "measure", version=changed),
    )
    return Workflow("gallery", stages)


def resolve(address: Address) -> bool:
    """Whether something is at *address*: one bucket exists, and everything in it.

    Raises:
        MisroutedIntentError: another bucket.
    """
    if address.bucket != BUCKET:
        raise MisroutedIntentError(f"there is no bucket {address.bucket!r}")
    return True


def fetch(address: Address) -> None:
    """What a handler does first.

    Raises:
        ObjectMissingError: nothing is at *address*.
    """
    if address.bucket != BUCKET:
        raise ObjectMissingError(f"nothing is at {address.bucket}:{address.key}")
