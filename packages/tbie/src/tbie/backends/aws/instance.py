"""A worker's post on an EC2 instance: looks where the instance belongs and what is announced, and does what ``duty`` decides.

A profile composes it with a worker: ``docs/instances.md`` shows how, and what an instance's life looks like. Everything can be
done by hand with ``look``; ``watching`` does it in a thread.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from tbie.backends.aws.client import DENIED, BotoCoreError, Client, ClientError, code_of, words
from tbie.backends.aws.duty import IN_SERVICE, Duty, DutySettings, Phase, Seen, decide
from tbie.backends.aws.execution import owner_of
from tbie.backends.aws.groups import TERMINATE_HOOK
from tbie.backends.aws.metadata import Metadata
from tbie.backends.aws.notices import Announced
from tbie.backends.aws.place import Place
from tbie.core.clock import Clock
from tbie.core.errors import TbieError
from tbie.core.reading import Known, Unknown
from tbie.execution import Drift

STAY_S = 365 * 86_400.0
"""``idle_exit_s`` for a worker on an instance: whether an idle one stays is the group's affair, not its own."""
LEFT = 64
"""Exit status of a process whose machine goes: nobody need start it again. Any other status: start it again."""


class Post:
    """One worker process on one instance of the group of *pool*. Thread-safe.

    Args:
        scaling: the client of the service ``autoscaling``.
        say: called at every look until ``begin``, with the state and what to put into a heartbeat: a long boot is no silence.
        report: told of what is refused, and of what is announced, once each.

    Raises:
        MetadataError: this is no instance of EC2, or its metadata cannot be read.
    """

    def __init__(
        self,
        metadata: Metadata,
        scaling: Client,
        place: Place,
        pool: str,
        clock: Clock,
        settings: DutySettings | None = None,
        *,
        say: Callable[[str, Mapping[str, object]], None] = lambda _state, _body: None,
        report: Callable[[TbieError], None] = lambda _error: None,
    ) -> None:
        self.identity = metadata.identity()
        self.name = owner_of(pool, self.identity.instance)
        self._metadata, self._scaling, self._group = metadata, scaling, place.group(pool)
        self._clock, self._settings, self._say, self._report = clock, settings or DutySettings(), say, report
        now_s = clock.monotonic_s()
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._announced = Announced(clock, self._settings)
        self._target: str | None = None
        self._unread: str | None = None
        self._ready = self._declines = self._holds = self._asking = self._served = self._begun = False
        self._began_at_s = self._free_since_s = self._extended_at_s = now_s
        self._protected: bool | None = None
        self._refusals, self._again_at_s = 0, now_s
        self._refused: str | None = None
        self._denied: str | None = None
        self._draining_since_s: float | None = None
        self._hook_done: str | None = None
        self._stop: Callable[[], object] = lambda: None
        self._give_back: Callable[[], object] = lambda: None
        self._held: Callable[[], object] = lambda: ()
        self.duty = Duty(Phase.LOST)
        self.left = threading.Event()
        """Set when this process has nothing more to do here, because the machine goes."""
        self.calls: Counter[str] = Counter()
        """How often AWS was asked what, by operation."""

    # -- for whoever composes it

    def attest(self, inner: Callable[[], Drift | None]) -> Callable[[], Drift | None]:
        """*inner*, and whether this instance may protect itself: a worker that may not takes no work, and says so."""

        def check() -> Drift | None:
            drift = inner()
            with self._lock:
                self._ready, self._declines = True, drift is not None
                if drift is None and self._denied is not None:
                    return Drift({"scale-in protection": ("may be set by the instance itself", self._denied)})
            return drift

        return check

    def begin(
        self, stop: Callable[[], object], give_back: Callable[[], object], held: Callable[[], object] = lambda: ()
    ) -> None:
        """From now on a runner works, and says itself that it lives. All three may be called from another thread.

        *stop* makes it end what it has begun and give back the rest; *give_back* is for when there is no time for that: it
        must make everything that this worker holds visible again. *held* is what it has in hand.
        """
        with self._lock:
            self._begun, self._stop, self._give_back, self._held = True, stop, give_back, held
            draining = self._draining_since_s is not None
        if draining:
            stop()

    def body(self) -> dict[str, object]:
        """What a heartbeat says of this instance."""
        with self._lock:
            return {
                "instance": self.identity.instance,
                "instance_type": self.identity.type,
                "image": self.identity.image,
                "phase": self.duty.phase.value,
                "target": self._target,
                "protected": self._protected,
                "announced": self._announced.words(),
                "clock_off": self._announced.clock_off,
                "unread": self._unread,
                "refused": self._refused,
                "calls": sum(self.calls.values()),
            }

    @property
    def exit_status(self) -> int:
        """For the end of this process: ``LEFT``, or 0 if it should be started again."""
        return LEFT if self.left.is_set() else 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look every few seconds until this ends; then let go of what the instance is kept for."""
        thread = threading.Thread(target=self._watch, name="post", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()
            self.close()

    def _watch(self) -> None:
        while True:
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - whatever it is, a notice must still be seen in time
                self._report(TbieError(f"post: {type(error).__name__}: {error}"))
            if self._over.wait(self._settings.look_interval_s):
                return

    def close(self) -> None:
        """The worker is over, and holds nothing: complete what waits for that, and let scale-in have the instance."""
        with self._lock:
            self._holds = self._asking = False
            duty = self.look()
            if not duty.leave and self._protected is not False:
                self._protect(False)

    # -- the gate of ``guarded``

    def may_ask(self) -> bool:
        with self._lock:
            if self._holds:  # whoever asks anew has settled what it had
                self._holds, self._free_since_s = False, self._clock.monotonic_s()
            self._asking = self.duty.take and self._draining_since_s is None
            return self._asking

    def settled(self) -> None:
        with self._lock:
            if self._holds and not self._held():
                self._holds, self._free_since_s = False, self._clock.monotonic_s()

    def took(self, messages: int) -> bool:
        with self._lock:
            self._asking = False
            if not messages:
                return True
            if not self.duty.take or self._draining_since_s is not None:
                return False
            if self._protected is not True and not self._protect(True):
                return False
            self._holds = True
            return True

    # -- one look

    def look(self) -> Duty:
        """See, decide, do. Returns what was decided."""
        lifecycle, notices = self._metadata.lifecycle(), self._metadata.notices()
        with self._lock:
            match lifecycle:
                case Known(value=target):
                    if target != self._target:  # in and out of the warm pool: what was set before may not hold any more
                        self._protected, self._again_at_s = None, self._clock.monotonic_s()
                    self._target, self._unread = target, None
                case Unknown(
                    error=error
                ):  # what was last told stands; a notice that nobody sees is covered by the leases
                    self._unread = error
            for notice in self._announced.hear(notices):
                self._report(TbieError(f"{self.identity.instance}: {notice}"))
            self.duty = duty = decide(self._seen(), self._settings)
            if duty.protect is not None:
                self._protect(duty.protect)
            self._served = (self._served or duty.take) and duty.complete != TERMINATE_HOOK
            if duty.drain and self._draining_since_s is None:
                self._draining_since_s = self._clock.monotonic_s()
                self._stop()
        if duty.give_back:
            self._give_back()
            with self._lock:
                self._holds = self._asking = False
                self.duty = duty = decide(self._seen(), self._settings)
        self._hooks(duty)
        if duty.leave:
            self.left.set()
        if not self._begun:
            self._say("warm" if duty.phase is Phase.WARM else "loading", self.body())
        return duty

    def _seen(self) -> Seen:
        now_s = self._clock.monotonic_s()
        return Seen(
            target=self._target,
            ready=self._ready,
            loading_s=now_s - self._began_at_s,
            declines=self._declines,
            holds=self._holds,
            asking=self._asking,
            held_nothing_s=now_s - self._free_since_s,
            protected=self._protected,
            may_call=now_s >= self._again_at_s,
            served=self._served,
            left_s=self._announced.left_s(),
            draining_s=0.0 if self._draining_since_s is None else now_s - self._draining_since_s,
            hook_done=self._hook_done,
            since_extended_s=now_s - self._extended_at_s,
        )

    # -- calls

    def _protect(self, wanted: bool) -> bool:
        """Whether the group has confirmed it. After any other answer nobody knows, and nothing is begun."""
        try:
            self.calls["SetInstanceProtection"] += 1
            self._scaling.set_instance_protection(
                InstanceIds=[self.identity.instance], AutoScalingGroupName=self._group, ProtectedFromScaleIn=wanted
            )
        except (ClientError, BotoCoreError) as refused:
            self._protected = None
            pause_s = min(60.0, self._settings.retry_interval_s * 2 ** min(self._refusals, 6))
            self._refusals, self._again_at_s = self._refusals + 1, self._clock.monotonic_s() + pause_s
            self._tell(words(refused, f"protect {self.identity.instance} in {self._group}"))
            if isinstance(refused, ClientError) and code_of(refused) in DENIED:
                self._denied = self._refused
            return False
        self._protected, self._refusals, self._refused, self._denied = wanted, 0, None, None
        self._free_since_s = self._clock.monotonic_s()
        return True

    def _hooks(self, duty: Duty) -> None:
        hook = duty.complete or duty.extend
        if hook is None:
            return
        operation = "CompleteLifecycleAction" if duty.complete else "RecordLifecycleActionHeartbeat"
        asked = {"LifecycleHookName": hook, "AutoScalingGroupName": self._group, "InstanceId": self.identity.instance}
        self._extended_at_s = self._clock.monotonic_s()
        try:
            self.calls[operation] += 1
            if duty.complete:
                self._scaling.complete_lifecycle_action(**asked, LifecycleActionResult="CONTINUE")
            else:
                self._scaling.record_lifecycle_action_heartbeat(**asked)
        except (ClientError, BotoCoreError) as refused:
            nothing_open = isinstance(refused, ClientError) and "No active Lifecycle Action" in str(refused)
            if not nothing_open:  # a process that was started again finds its hook completed; a group may have none
                self._tell(words(refused, f"{operation} {hook} of {self._group}"))
                return
        if duty.complete:
            self._hook_done = self._target

    def _tell(self, said: str) -> None:
        if said != self._refused:
            self._report(TbieError(said))
        self._refused = said

    @property
    def in_service(self) -> bool:
        """Whether the group wants this instance to work."""
        return self._target == IN_SERVICE
