"""Instances that run and never become workers: an image tag that does not exist (incident 6a).

Real here: Truth, Intent and objects over HTTP, the reconciler, the fleet of Auto Scaling groups, the worker processes that come
in the end. Not real: the group itself, and with it the machines. It is a state machine behind the calls of Auto Scaling
(``tbie.testing.aws``), because no server that runs offline keeps the rules of a group.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

from parjanya.drills.aws.scene import AwsScene
from parjanya.drills.shape import Budget, Drill
from parjanya.home import Home
from parjanya.profiles.group_fleet import GroupFleet
from parjanya.profiles.running import open_reconciler
from parjanya.profiles.system import open_system
from parjanya.workflow import POOL
from tbie.core.finding import Boundary
from tbie.reconciler.leader import Leadership
from tbie.testing.aws.scaling import FakeScaling
from tbie.testing.aws.scaling_rules import Instance, Pace, Rules

GROUP_PACE = Pace(launch_ms=200, proceed_ms=50, end_ms=200)
EVERY_S = 0.25
LAUNCH_HOOK = "launch"


class ControlPlane:
    """A reconciler with a group of instances, in a thread of this process: a function would be another place for the same."""

    def __init__(self, scene: AwsScene) -> None:
        self._scene, self._ended = scene, threading.Event()
        self.lock = threading.Lock()
        """The group is not made for several threads."""
        place = scene.clients.place
        self.name = place.group(POOL)
        self.scaling = FakeScaling(scene.clock, Rules(self.name, maximum=1, pace=GROUP_PACE, protects_new=True))
        self._thread = threading.Thread(target=self._run, name="control-plane")
        self.trouble: str | None = None

    def __enter__(self) -> ControlPlane:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def instances(self) -> list[Instance]:
        """Machines of the group that run."""
        with self.lock:
            self.scaling.run()
            return [m for m in self.scaling.groups[self.name].instances.values() if m.on]

    def desired(self) -> int:
        """What the group was told last."""
        return self.scaling.groups[self.name].desired

    def complete(self, machine: Instance) -> None:
        """The worker on *machine* is ready and says so, as every worker does."""
        with self.lock:
            self.scaling.complete_lifecycle_action(
                LifecycleHookName=LAUNCH_HOOK,
                AutoScalingGroupName=self.name,
                LifecycleActionResult="CONTINUE",
                InstanceId=machine.id,
            )

    def _run(self) -> None:
        scene = self._scene
        system = open_system(Home(scene.home), scene.settings, scene.clock)
        where = cast("Any", SimpleNamespace(autoscaling=self.scaling, place=scene.clients.place))
        fleet = GroupFleet(where, scene.clock, sorted(system.workflow.pools))
        leadership = Leadership(system.truth, system.clock, system.settings, "drill:control-plane", sole=False)
        reconciler = open_reconciler(system, fleet, workers=1, leadership=leadership)
        try:
            while not self._ended.wait(EVERY_S):
                with self.lock:
                    reconciler.step()
        except Exception as error:  # noqa: BLE001 - whatever ends it is what the drill has to report
            self.trouble = f"{type(error).__name__}: {error}"
        finally:
            reconciler.close()
            system.close()


@contextmanager
def instances_without_workers(scene: AwsScene) -> Iterator[None]:
    """The template names an image whose program does not start: machines run, and nobody is heard."""
    with ControlPlane(scene) as control:
        scene.ingest()
        scene.until(lambda: bool(control.instances()), "the group starts an instance", look=False)
        scene.injected()
        scene.measures["desired"] = control.desired()
        yield
        (machine,) = control.instances()
        scene.measures["instances_running"] = 1
        owner = f"{POOL}-{machine.id}"
        worker = scene.start("-m", "parjanya.profiles.worker_process", str(scene.home), POOL, owner)
        control.complete(machine)  # the tag is corrected, and the worker on the instance comes up
        scene.until(lambda: scene.settled() or not worker.alive, "the worker on the instance does the work")
        scene.require(scene.settled(), f"the worker ended: {worker.said[-300:]}")
        scene.require(control.trouble is None, f"the control plane ended: {control.trouble}")
        worker.end(5.0)


STALE_IMAGE_TAG = Drill(
    "stale_image_tag",
    "6a",
    "Instances of a group start from an image whose program never starts; nothing is logged.",
    "bootstrap_silence",
    Boundary.EXECUTION,
    instances_without_workers,
    Budget(
        "boot budgets and one heartbeat",
        lambda s: s.boot_start_budget_s + s.boot_register_budget_s + s.heartbeat_interval_s,
    ),
    settings={"boot_start_budget_s": 2.0, "boot_register_budget_s": 3.0},
)
