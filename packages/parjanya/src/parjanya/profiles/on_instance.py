"""A worker as the service of an EC2 instance: attests at boot, takes work only where the group wants it in service and protects
it, and ends what it holds when the machine is about to go (docs/instances.md).

Caller: ``worker_process``, for the home of an instance on an account. Tests hand in the metadata of a machine that is not there.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from parjanya.imaging.limits import Limits
from parjanya.profiles.aws import Aws
from parjanya.profiles.system import System
from parjanya.profiles.workers import open_worker
from tbie.backends.aws.client import Client
from tbie.backends.aws.guarded import GuardedIntent
from tbie.backends.aws.instance import STAY_S, Post
from tbie.backends.aws.metadata import InstanceMetadata, Metadata
from tbie.backends.sqlite.slot import Slot
from tbie.core.errors import TbieError
from tbie.core.finding import Finding
from tbie.truth import Heartbeat
from tbie.worker import Worker
from tbie.worker.runner import Runner

Report = Callable[[Finding | TbieError], None]


def run_on_instance(
    system: System,
    pool: str,
    limits: Limits,
    wait: Callable[[float], object],
    report: Report,
    *,
    recycle_after: int | None = None,
    metadata: Metadata | None = None,
    scaling: Client | None = None,
    kill: Callable[[int], object] = os._exit,
) -> tuple[int, int]:
    """Be the worker of this instance until it goes, or the process has become old; returns results written and exit status.

    Raises:
        MetadataError: this is no instance of EC2, or its metadata cannot be read. TbieError: a store cannot be.
    """
    assert isinstance(system.profile, Aws), "only an instance on an account has workers on instances"
    clients = system.profile.clients
    state: dict[str, object] = {"pool": pool, "done": 0, "pid": os.getpid(), "started_ms": system.clock.now_ms()}
    name = ""  # known when the machine has said which one it is

    def say(phase: str, body: Mapping[str, object]) -> None:
        with suppress(TbieError):  # a store that is away is told by the worker itself, as soon as it is one
            now_ms = system.clock.now_ms()
            system.truth.beat(Heartbeat("worker", name, now_ms, {**state, "state": phase, **body}))

    said = _seldom(system, say)
    where = metadata or InstanceMetadata(system.clock)
    post = Post(where, scaling or clients.autoscaling, clients.place, pool, system.clock, say=said, report=report)
    name = post.name
    slot = Slot(system.home.run, name, system.clock)
    with post.watching():
        guarded = replace(system, intent=GuardedIntent(system.intent, post))
        worker = open_worker(guarded, name, slot, limits, pool, around=post.attest)
        settings = replace(system.settings, idle_exit_s=STAY_S)
        runner = Runner(
            worker,
            system.truth,
            guarded.intent,
            system.clock,
            settings,
            wait,
            report=report,
            recycle_after=recycle_after,
            note=post.body,
        )
        post.begin(runner.stop, partial(_give_back, system, worker, post, kill), lambda: worker.held)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: runner.stop())
        runner.run()
    slot.close()
    return worker.done, post.exit_status


def _seldom(system: System, say: Callable[[str, Mapping[str, object]], None]) -> Callable[..., None]:
    """*say*, as often as heartbeats are due, and at each change: a post looks every two seconds, and each one is a write."""
    last: list[tuple[str, float]] = []

    def said(phase: str, body: Mapping[str, object]) -> None:
        now_s = system.clock.monotonic_s()
        if last and last[0][0] == phase and now_s - last[0][1] < system.settings.heartbeat_interval_s:
            return
        last[:] = [(phase, now_s)]
        say(phase, body)

    return said


def _give_back(system: System, worker: Worker, post: Post, kill: Callable[[int], object]) -> None:
    """There is no time to end it: what is in hand becomes visible to others, uncounted, and this process is over."""
    with suppress(TbieError):  # then leases end by themselves
        system.intent.release_owner(worker.name)
    kill(post.exit_status)
