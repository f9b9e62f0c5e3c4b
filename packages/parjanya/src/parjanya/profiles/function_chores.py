"""What the sweep does beside sweeping: publishes the workflow where an engine was declared anew, and goes on with campaigns.

Both need the code of the stages, which is imported only when there is something to do: most passes end without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from parjanya.profiles.function_stores import Stores
from tbie.campaign.desk import running
from tbie.core.errors import TruthUnavailableError
from tbie.core.fingerprint import fingerprint
from tbie.objects import ObjectStore
from tbie.published import publish, published

if TYPE_CHECKING:
    from tbie.campaign import Driver

ENGINE, NAME = "engine", "images"
"""Kind and name of the document in which an engine is declared (``profiles.declaration``)."""
CAMPAIGN_S = 20.0
"""Of one pass: campaigns must not keep the next sweep waiting."""


class Chores:
    """Done once in each pass, within its time.

    Args:
        build: what the packed workflow was made from.
        objects: opens the store of derived objects, when it is needed.
        refresh: declares in the workflow what holds for tenants *now*: whoever begins a campaign for a policy has activated
            that just before, and by what held until then there would be nothing to do.
    """

    def __init__(
        self, stores: Stores, build: str, objects: Callable[[], ObjectStore], refresh: Callable[[], object]
    ) -> None:
        self._stores, self._build, self._objects, self._refresh = stores, build, objects, refresh
        self._driver: Driver | None = None

    def __call__(self, until_s: float) -> None:
        """Everything there is to do until *until_s* (of the monotonic clock).

        Raises:
            TruthUnavailableError: the rest is done in the next pass.
        """
        self._publish()
        if running(self._stores.truth):
            self._campaigns(until_s)

    def _publish(self) -> None:
        """The others follow within a minute (``functions.opening``); so does this one."""
        truth = self._stores.truth
        declared = next((found.body for found in truth.documents(ENGINE) if found.name == NAME), None)
        of = f"{self._build}:{fingerprint(dict(declared)) if declared is not None else 'classical'}"
        found = published(truth, self._stores.workflow.name)
        if found is not None and found.of == of:
            return
        from parjanya.profiles.declaration import declared_in  # noqa: PLC0415 - as said above
        from parjanya.workflow import image_workflow  # noqa: PLC0415

        publish(truth, image_workflow(declared_in(truth)), of)

    def _campaigns(self, until_s: float) -> None:
        clock = self._stores.clock
        end_s = min(until_s, clock.monotonic_s() + CAMPAIGN_S)
        driver = self._driver = self._driver or self._drive()
        while clock.monotonic_s() < end_s:
            stepped = driver.step()
            if stepped.blind is not None:
                raise TruthUnavailableError(stepped.blind)
            if not stepped.more:
                return

    def _drive(self) -> Driver:
        from parjanya.views.campaigns import grader, selector  # noqa: PLC0415 - as said above
        from parjanya.views.overrides import Overrides  # noqa: PLC0415
        from tbie.campaign import Driver  # noqa: PLC0415

        s = self._stores
        objects, overrides = self._objects(), Overrides(s.truth, s.clock)
        return Driver(
            s.workflow,
            s.truth,
            s.clock,
            s.settings,
            lambda campaign: selector(campaign, s.workflow, objects, overrides),
            grader(s.workflow),
            name=s.instance,
            refresh=self._refresh,
            turns_s=s.settings.sweep_interval_s,
        )
