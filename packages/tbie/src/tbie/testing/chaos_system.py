"""The system that ``chaos`` does things to: stores whose every call is seen, processes that come and go, and hooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine

from tbie.core.clock import Clock, ManualClock
from tbie.core.errors import MisroutedIntentError
from tbie.core.ids import Ids, SequentialIds
from tbie.core.keys import Address, ItemKey
from tbie.core.outcome import Completed, Outcome, Retry, TerminalFailure
from tbie.core.reading import Unknown
from tbie.execution import Handler, Work
from tbie.intent import Disposal, Envelope, IntentQueue
from tbie.reconciler.loop import Pass
from tbie.testing.builders import BUCKET, WHO, World, echo, gallery
from tbie.testing.faults import CrashError, Flaky, intercept_intent, intercept_truth
from tbie.truth import Command, Item, Reset, Result, Settle, TruthStore
from tbie.workflow import Workflow

MakeStores = Callable[[Workflow, Clock, Ids], tuple[TruthStore, IntentQueue]]


class System(RuleBasedStateMachine):
    """Items, workers, reconcilers and faults. Hooks ``on_*`` see each call as it happens."""

    def __init__(self, make: MakeStores) -> None:
        super().__init__()
        self.clock, self.ids = ManualClock(), SequentialIds()
        self.workflow = gallery(claim_batch=2)
        raw_truth, raw_intent = make(self.workflow, self.clock, self.ids)
        self.raw_truth, self.raw_intent = raw_truth, raw_intent
        self.truth, self.intent = intercept_truth(raw_truth, self._tap), intercept_intent(raw_intent, self._tap)
        self.blind = False
        self.keys: list[ItemKey] = []
        self.sent: list[Envelope] = []
        self.settles: list[Settle] = []
        self.control = self.world().reconciler()

    # -- hooks

    def on_exchange(self, disposals: Sequence[Disposal]) -> None:
        """A worker is about to settle these messages."""

    def on_send(self, envelopes: Sequence[Envelope]) -> None:
        """The reconciler is about to send these intents."""

    def on_commit(self, commands: Sequence[Command], results: Sequence[Result], seq_before: int) -> None:
        """Truth has answered these commands."""

    def on_pass(self, done: Pass) -> None:
        """A reconciler pass ended without a crash."""

    # -- the system

    def world(self, fault: Flaky | None = None) -> World:
        """The system as one process sees it: its stores fail where *fault* says."""
        truth, intent = self.truth, self.intent
        if fault is not None:
            truth, intent = fault.truth(truth), fault.intent(intent)
        return World(self.workflow, truth, intent, self.clock, self.ids, resolve=self.resolve)

    @staticmethod
    def resolve(address: Address) -> bool:
        """One bucket exists."""
        if address.bucket != BUCKET:
            raise MisroutedIntentError(f"there is no bucket {address.bucket!r}")
        return True

    def items(self) -> list[Item]:
        """Every item, as Truth has it now."""
        return self.raw_truth.items(limit=1_000)

    def _tap(self, name: str, method: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        match name:
            case "intent.exchange":
                self.on_exchange(args[0])
            case "intent.send":
                self.on_send(args[0])
                self.sent += args[0]
            case "truth.commit":
                before = self.raw_truth.last_seq()
                self.settles += [command for command in args[0] if isinstance(command, Settle)]
                results = method(*args, **kwargs)
                self.on_commit(args[0], results, before)
                return results
            case "intent.presence" | "intent.depth" if self.blind:
                return Unknown("access denied", "queue", self.clock.now_ms())
        return method(*args, **kwargs)

    def handler(self, behaviour: str) -> Handler:
        """What a worker does with each item."""

        def run(work: Work) -> Outcome:
            match behaviour:
                case "retry":
                    return Retry("busy")
                case "fail":
                    return TerminalFailure("truncated", True)
                case "raise":
                    raise RuntimeError("a bug")
                case "crash":
                    raise CrashError("segmentation fault")
                case "slow":  # the lease ends, somebody else gets the message and finishes first
                    self.clock.advance_ms(61_000)
                    self.world().worker("quick").step()
                case "replayed":
                    self.truth.commit([Reset(work.key, work.stage, WHO)])
                case "text":
                    done = echo(work)
                    assert isinstance(done, Completed)
                    return Completed({**done.facts, "kind": "text"})
            return echo(work)

        return run
