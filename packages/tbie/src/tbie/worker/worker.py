"""Intent → Execution → Truth: claim, run, commit, settle.

The order is the promise: a result is committed to Truth first, and only then does the message go. A crash anywhere in
between costs a repetition that Truth refuses, never the work. A handler's exception is a ``Retry``, never a deletion.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tbie.core.cause import Cause
from tbie.core.clock import Clock
from tbie.core.errors import IntentUnavailableError, TbieError, TruthUnavailableError
from tbie.core.outcome import Outcome, Retry
from tbie.core.settings import Settings
from tbie.execution import AsTheyCome, Drift, Handlers, OneByOne, Progress, Together
from tbie.intent import Claim, Delete, Disposal, Hold, IntentQueue, Message, Release
from tbie.pause import FailureClass
from tbie.truth import Command, Committed, Result, Settle, Step, TruthStore
from tbie.worker.chain import Chain, Job, NoProgress
from tbie.worker.flowing import Flowing, check_receives, pieces, why_worn
from tbie.worker.guards import PutRight, Run, Superseded, guard
from tbie.worker.paused import Paused
from tbie.worker.ripening import Later, Ripe, Ripening, never
from tbie.worker.settling import disposal, unstorable, words
from tbie.workflow import Stage, Workflow


@dataclass(slots=True)
class Stepped:
    """What one step did."""

    claimed: int = 0
    committed: int = 0
    superseded: int = 0
    released: int = 0
    held: int = 0
    """Not tried, or not counted: their failure class is paused, or the attempt was none."""
    put_right: int = 0
    """Not tried: the row was not as the intent said, and has a fresh intent now."""


class Worker:
    """One worker of one pool. Not thread-safe; ``held`` may be read from another thread to extend leases.

    Args:
        refresh: called for each claimed batch, before anything is decided by a version: declares in *workflow* what holds by
            now. If Truth is away it raises ``TruthUnavailableError``, and the batch goes back uncounted.
    """

    def __init__(
        self,
        name: str,
        pool: str,
        workflow: Workflow,
        handlers: Handlers,
        truth: TruthStore,
        intent: IntentQueue,
        clock: Clock,
        settings: Settings,
        *,
        attest: Callable[[], Drift | None] = lambda: None,
        progress: Progress | None = None,
        after_commit: Callable[[], None] = lambda: None,
        refresh: Callable[[], object] = lambda: None,
        flush_s: float = 0.25,
    ) -> None:
        self.name, self.pool = name, pool
        self._workflow, self._handlers, self._truth, self._intent = workflow, handlers, truth, intent
        self._clock, self._settings, self._attest = clock, settings, attest
        self._progress = progress or NoProgress()
        self._chain = Chain(pool, workflow, handlers, self._progress)
        self._after_commit, self._refresh, self._flush_s = after_commit, refresh, flush_s
        # downstream first: finishing what was begun keeps the number of half-done items small
        self._stages = tuple(reversed(workflow.in_pool(pool)))
        self._claims = tuple(
            Claim(s.name, name, s.claim_batch, settings.visibility_timeout_s, s.retry.max_receives)
            for s in self._stages
        )
        for stage in self._stages:
            settings.check_stage(stage.name, stage.max_run_s)
            check_receives(stage, handlers.get(stage.name))
        self._disposals: list[Disposal] = []
        self.held: tuple[Message, ...] = ()
        self.done = self.claimed = self.superseded = 0
        self.first_claim_ms = self.last_superseded_ms = 0
        self.started_ms = clock.now_ms()
        self._paused = Paused(truth, clock, settings)
        self.worn: str | None = None
        """Why this process should make room for a fresh one: then it claims nothing any more."""
        self.later: Later = never
        """How results of a flow are committed while it says nothing; a process with threads has a better way."""
        self.drift: Drift | None = None
        self._attest_now()

    def step(self, stopping: Callable[[], bool] = lambda: False) -> Stepped:
        """Claim one batch, run it, commit it. Returns at once when there is nothing to do.

        Raises:
            TruthUnavailableError: nothing was committed; the messages were given back uncounted.
            IntentUnavailableError: the queue is away.
        """
        stepped = Stepped()
        if self.drift is not None or self._clock.monotonic_s() >= self._attest_at_s:
            self._attest_now()  # a machine may be upgraded under a worker, or mended
        claims = () if self.drift is not None or self.worn is not None or stopping() else self._claims
        messages = self._exchange(claims)
        if not messages:
            return stepped
        stepped.claimed = len(messages)
        self.claimed += len(messages)
        self.first_claim_ms = self.first_claim_ms or self._clock.now_ms()
        self.held = tuple(messages)
        try:
            self._work(messages, stepped, stopping)
        except TruthUnavailableError:
            settled = {id(d.message) for d in self._disposals}
            self._disposals += [Release(m) for m in self.held if id(m) not in settled]
            self.flush()
            raise
        finally:
            self.held = ()
            if stepped.superseded:
                self.superseded += stepped.superseded
                self.last_superseded_ms = self._clock.now_ms()
        return stepped

    def _attest_now(self) -> None:
        self._attest_at_s = self._clock.monotonic_s() + self._settings.heartbeat_interval_s
        self.drift = self._attest()

    def flush(self) -> None:
        """Settle what is committed without claiming anything new."""
        if self._disposals:
            self._exchange(())

    def _exchange(self, claims: Sequence[Claim]) -> Sequence[Message]:
        messages = self._intent.exchange(self._disposals, claims)
        self._disposals = []  # only now: a queue that is away for a moment must still learn what became of its messages
        return messages

    def _work(self, messages: Sequence[Message], stepped: Stepped, stopping: Callable[[], bool]) -> None:
        jobs = self._load(messages, stepped)
        if not jobs:
            return
        stage = self._workflow[jobs[0].message.envelope.stage]
        handler = self._handlers[stage.name]
        if isinstance(handler, OneByOne):
            self._one_by_one(handler, jobs, stepped, stopping)
            return
        left = pieces(jobs, stage)
        while left:
            piece = left.pop(0)
            match handler:
                case Together():
                    outcomes = self._chain.run_together(handler, piece)
                    settles = [self._settle(job, outcome, ()) for job, outcome in zip(piece, outcomes, strict=True)]
                    self._commit(settles, piece, stepped)
                case AsTheyCome():
                    self._flow(handler, piece, stage, stepped, stopping)
                    self.worn = why_worn(handler)
            if stopping() or self.worn is not None:
                self._release([job for jobs in left for job in jobs], stepped)
                return

    def _flow(
        self, handler: AsTheyCome, jobs: Sequence[Job], stage: Stage, stepped: Stepped, stopping: Callable[[], bool]
    ) -> None:
        ripe = Ripening(lambda results: self._commit_ripe(results, stepped), self._clock, self._flush_s, self.later)
        works = [self._chain.work_of(job) for job in jobs]
        flow = Flowing(handler, jobs, works, stage, self._progress, ripe.turn)
        try:
            while (answer := flow.next()) is not None:
                job, outcome = answer
                ripe.add(self._settle(job, outcome, ()), job)
                if stopping():
                    break
        finally:
            flow.close()
            ripe.stop()
        retried, untouched = flow.unanswered()
        for job, retry in retried:
            ripe.add(self._settle(job, retry, ()), job)
        ripe.commit()
        self._release(untouched, stepped)

    def _commit_ripe(self, results: Sequence[Ripe], stepped: Stepped) -> None:
        """Truth first, then the messages; a queue that is away for a moment learns of them with the next."""
        self._commit([settle for settle, _ in results], [job for _, job in results], stepped)
        done = {id(job.message) for _, job in results}
        self.held = tuple(message for message in self.held if id(message) not in done)
        with contextlib.suppress(IntentUnavailableError):
            self.flush()

    def _release(self, jobs: Sequence[Job], stepped: Stepped) -> None:
        self._disposals += [Release(job.message) for job in jobs]
        stepped.released += len(jobs)

    def _one_by_one(
        self, handler: OneByOne, jobs: Sequence[Job], stepped: Stepped, stopping: Callable[[], bool]
    ) -> None:
        settles: list[Settle] = []
        begun = 0
        flush_at = self._clock.monotonic_s() + self._flush_s
        for index, job in enumerate(jobs):
            if index and stopping():
                self._release(jobs[index:], stepped)
                break
            settles.append(self._settle(job, *self._chain.run(handler, job)))
            if self._clock.monotonic_s() >= flush_at:
                self._commit(settles, jobs[begun : index + 1], stepped)
                settles, begun = [], index + 1
                flush_at = self._clock.monotonic_s() + self._flush_s
        self._commit(settles, jobs[begun : begun + len(settles)], stepped)

    def _load(self, messages: Sequence[Message], stepped: Stepped) -> list[Job]:
        """The messages that may be run. The others are superseded, put right, or held back by a pause."""
        jobs: list[Job] = []
        right: list[tuple[Message, Command]] = []
        self._refresh()
        items = self._truth.get([m.envelope.key for m in messages])
        for message, item in zip(messages, items, strict=True):
            checked = guard(message.envelope, item, self._workflow, f"worker:{self.name}")
            match checked:
                case Superseded():
                    self._disposals.append(Delete(message))
                    stepped.superseded += 1
                case PutRight(command=command):
                    right.append((message, command))
                case Run(item=found, record=record):
                    until = self._held_back(message, record.reason)
                    if until is None:
                        version = self._workflow.version(record.stage, found.key.tenant)
                        jobs.append(Job(message, found, record, version))
                    else:
                        self._disposals.append(Hold(message, until))
                        stepped.held += 1
        if right:
            self._truth.commit([command for _, command in right])
            self._disposals += [Delete(message) for message, _ in right]
            stepped.put_right += len(right)
            self._after_commit()
        return jobs

    def _held_back(self, message: Message, reason: str | None) -> int | None:
        if reason is None:
            return None
        envelope = message.envelope
        return self._paused.until(FailureClass(envelope.key.tenant, envelope.stage, reason), envelope.token)

    def _settle(self, job: Job, outcome: Outcome, then: tuple[Step, ...]) -> Settle:
        record, message = job.record, job.message
        stage = self._workflow[record.stage]
        if isinstance(outcome, Retry):
            until = self._paused.until(FailureClass(job.item.key.tenant, record.stage, outcome.reason))
            if until is not None:
                outcome = replace(outcome, not_before_ms=max(until, outcome.not_before_ms or 0))
            job.uncounted = until is not None or not outcome.counted
        return Settle(
            job.item.key,
            record.stage,
            record.generation,
            record.token,
            job.version,
            outcome,
            Cause(f"worker:{self.name}", words(outcome)),
            then,
            message.receives,
            message.receives >= stage.retry.max_receives and not job.uncounted,
        )

    def _commit(self, settles: Sequence[Settle], jobs: Sequence[Job], stepped: Stepped) -> None:
        if not settles:
            return
        try:
            results: Sequence[Result] = self._truth.commit(settles)
        except TbieError:
            raise
        except Exception:  # noqa: BLE001 - one result that cannot be stored (NaN, bytes) must not take its batch along
            results = [self._commit_alone(settle) for settle in settles]
        for settle, job, result in zip(settles, jobs, results, strict=True):
            self._disposals.append(disposal(settle, job.message, result, job.uncounted))
            stepped.held += job.uncounted
            if isinstance(result, Committed):
                stepped.committed += 1
            else:
                stepped.superseded += 1
        self.done += len(settles)
        self._after_commit()

    def _commit_alone(self, settle: Settle) -> Result:
        try:
            (result,) = self._truth.commit([settle])
        except TbieError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this result's
            (result,) = self._truth.commit([settle._replace(outcome=unstorable(error), then=())])
        return result
