"""Intent → Execution → Truth. The only module that settles a message.

The order is the promise: a result is committed to Truth first, and only then does the message go. A crash anywhere in
between costs a repetition that Truth refuses, never the work. A handler's exception is a ``Retry``, never a deletion.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tbie.core.cause import Cause
from tbie.core.clock import Clock
from tbie.core.errors import TbieError, TruthUnavailableError
from tbie.core.keys import ItemKey
from tbie.core.outcome import Completed, Facts, Outcome, Retry, TerminalFailure
from tbie.core.settings import Settings
from tbie.execution import Drift, Handlers, OneByOne, Progress, Together, Work
from tbie.intent import Bury, Claim, Defer, Delete, Disposal, IntentQueue, Message, Release
from tbie.truth import Committed, Item, Result, Settle, StageRecord, StageState, Step, TruthStore
from tbie.workflow import Stage, Workflow


class NoProgress:
    """For workers that nobody supervises."""

    def begin(self, stage: str, item: ItemKey, token: str, max_run_s: float) -> None:
        """Note nothing."""

    def end(self) -> None:
        """Note nothing."""


@dataclass(slots=True)
class Stepped:
    """What one step did."""

    claimed: int = 0
    committed: int = 0
    superseded: int = 0
    released: int = 0


@dataclass(slots=True)
class _Job:
    """A claimed message with the row it speaks of."""

    message: Message
    item: Item
    record: StageRecord


class Worker:
    """One worker of one pool. Not thread-safe; ``held`` may be read from another thread to extend leases."""

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
        flush_s: float = 0.25,
    ) -> None:
        self.name, self.pool = name, pool
        self._workflow, self._handlers, self._truth, self._intent = workflow, handlers, truth, intent
        self._clock, self._settings, self._attest = clock, settings, attest
        self._progress = progress or NoProgress()
        self._after_commit, self._flush_s = after_commit, flush_s
        # downstream first: finishing what was begun keeps the number of half-done items small
        self._stages = tuple(reversed(workflow.in_pool(pool)))
        self._claims = tuple(
            Claim(s.name, name, s.claim_batch, settings.visibility_timeout_s, s.retry.max_receives)
            for s in self._stages
        )
        for stage in self._stages:
            settings.check_stage(stage.name, stage.max_run_s)
        self._disposals: list[Disposal] = []
        self.held: tuple[Message, ...] = ()
        self.done = 0
        self.drift: Drift | None = attest()

    def step(self, stopping: Callable[[], bool] = lambda: False) -> Stepped:
        """Claim one batch, run it, commit it. Returns at once when there is nothing to do.

        Raises:
            TruthUnavailableError: nothing was committed; the messages were given back uncounted.
            IntentUnavailableError: the queue is away.
        """
        stepped = Stepped()
        if self.drift is not None:
            self.drift = self._attest()  # somebody may have mended the machine
        claims = () if self.drift is not None or stopping() else self._claims
        disposals, self._disposals = self._disposals, []
        messages = self._intent.exchange(disposals, claims)
        if not messages:
            return stepped
        stepped.claimed = len(messages)
        self.held = tuple(messages)
        try:
            self._work(messages, stepped, stopping)
        except TruthUnavailableError:
            settled = {id(d.message) for d in self._disposals}
            self._disposals += [Release(m) for m in messages if id(m) not in settled]
            self.flush()
            raise
        finally:
            self.held = ()
        return stepped

    def flush(self) -> None:
        """Settle what is committed without claiming anything new."""
        disposals, self._disposals = self._disposals, []
        if disposals:
            self._intent.exchange(disposals, ())

    def _work(self, messages: Sequence[Message], stepped: Stepped, stopping: Callable[[], bool]) -> None:
        jobs = self._load(messages, stepped)
        if not jobs:
            return
        handler = self._handlers[jobs[0].message.envelope.stage]
        match handler:
            case Together(run=run):
                works = [self._work_of(job) for job in jobs]
                first = jobs[0]
                stage = self._workflow[first.record.stage]
                self._progress.begin(stage.name, first.item.key, first.record.token, stage.max_run_s)
                outcomes = _run_together(lambda: run(works), len(works))
                self._progress.end()
                self._commit(
                    [self._settle(job, outcome, ()) for job, outcome in zip(jobs, outcomes, strict=True)], jobs, stepped
                )
            case OneByOne():
                self._one_by_one(handler, jobs, stepped, stopping)

    def _one_by_one(
        self, handler: OneByOne, jobs: Sequence[_Job], stepped: Stepped, stopping: Callable[[], bool]
    ) -> None:
        settles: list[Settle] = []
        begun = 0
        flush_at = self._clock.monotonic_s() + self._flush_s
        for index, job in enumerate(jobs):
            if index and stopping():
                self._disposals += [Release(left.message) for left in jobs[index:]]
                stepped.released += len(jobs) - index
                break
            work = self._work_of(job)
            outcome = self._run(handler, work, job)
            settles.append(self._settle(job, outcome, self._run_ahead(job, work, outcome)))
            if self._clock.monotonic_s() >= flush_at:
                self._commit(settles, jobs[begun : index + 1], stepped)
                settles, begun = [], index + 1
                flush_at = self._clock.monotonic_s() + self._flush_s
        self._commit(settles, jobs[begun : begun + len(settles)], stepped)

    def _load(self, messages: Sequence[Message], stepped: Stepped) -> list[_Job]:
        jobs = []
        items = self._truth.get([m.envelope.key for m in messages])
        for message, item in zip(messages, items, strict=True):
            envelope = message.envelope
            record = item.stages.get(envelope.stage) if item is not None else None
            if (
                item is None
                or record is None
                or record.state is not StageState.PENDING
                or record.token != envelope.token
                or record.generation != envelope.generation
            ):
                self._disposals.append(Delete(message))
                stepped.superseded += 1
            else:
                jobs.append(_Job(message, item, record))
        return jobs

    def _work_of(self, job: _Job) -> Work:
        item, record = job.item, job.record
        upstream = self._workflow.upstream[record.stage]
        facts = {name: r.facts for name, r in item.stages.items() if name in upstream and r.facts is not None}
        stage = self._workflow[record.stage]
        return Work(
            item.key,
            stage.name,
            record.generation,
            stage.version,
            item.address,
            item.attributes,
            facts,
            record.attempts + 1,
        )

    def _run(self, handler: OneByOne, work: Work, job: _Job) -> Outcome:
        stage = self._workflow[work.stage]
        self._progress.begin(stage.name, work.key, job.record.token, stage.max_run_s)
        try:
            return handler.run(work)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the intent must survive it
            return _raised(error)
        finally:
            self._progress.end()

    def _run_ahead(self, job: _Job, work: Work, outcome: Outcome) -> tuple[Step, ...]:
        """Run the next stages of the same item at once, where this worker may and everything they need is here.

        Not on a repeated receive: if something in the chain kills the process, running one stage at a time names it.
        """
        if not isinstance(outcome, Completed) or job.message.receives > 1:
            return ()
        facts: dict[str, Facts] = {name: r.facts for name, r in job.item.stages.items() if r.facts is not None}
        facts[work.stage] = outcome.facts
        steps: list[Step] = []
        for stage in self._workflow.downstream[work.stage]:
            if not self._may_run_ahead(stage, job.item, facts):
                continue
            handler = self._handlers[stage.name]
            assert isinstance(handler, OneByOne)
            upstream = {name: facts[name] for name in self._workflow.upstream[stage.name] if name in facts}
            old = job.item.stages.get(stage.name)
            ahead = Work(
                work.key,
                stage.name,
                old.generation if old else 1,
                stage.version,
                work.address,
                work.attributes,
                upstream,
                1,
                work.scratch,
            )
            result = self._run(handler, ahead, job)
            if isinstance(result, Retry):
                break  # stays open in Truth; its own intent brings it back
            steps.append(Step(stage.name, stage.version, result))
            if isinstance(result, Completed):
                facts[stage.name] = result.facts
        return tuple(steps)

    def _may_run_ahead(self, stage: Stage, item: Item, facts: dict[str, Facts]) -> bool:
        record = item.stages.get(stage.name)
        return (
            stage.pool == self.pool
            and not stage.barrier
            and isinstance(self._handlers.get(stage.name), OneByOne)
            and (record is None or record.state is StageState.WAITING)
            and all(need in facts for need in stage.needs)
            and (stage.eligible is None or stage.eligible(facts) is None)
        )

    def _settle(self, job: _Job, outcome: Outcome, then: tuple[Step, ...]) -> Settle:
        record, message = job.record, job.message
        stage = self._workflow[record.stage]
        return Settle(
            job.item.key,
            record.stage,
            record.generation,
            record.token,
            stage.version,
            outcome,
            Cause(f"worker:{self.name}", _why(outcome)),
            then,
            message.receives,
            message.receives >= stage.retry.max_receives,
        )

    def _commit(self, settles: Sequence[Settle], jobs: Sequence[_Job], stepped: Stepped) -> None:
        if not settles:
            return
        try:
            results: Sequence[Result] = self._truth.commit(settles)
        except TbieError:
            raise
        except Exception:  # noqa: BLE001 - one result that cannot be stored (NaN, bytes) must not take its batch along
            results = [self._commit_alone(settle) for settle in settles]
        for settle, job, result in zip(settles, jobs, results, strict=True):
            self._disposals.append(disposal(settle, job.message, result))
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
            (result,) = self._truth.commit([settle._replace(outcome=_unstorable(error), then=())])
        return result


def _unstorable(error: Exception) -> TerminalFailure:
    """Another attempt of the same handler would give the same answer; another version of it may not."""
    return TerminalFailure("result_not_storable", True, _raised(error).evidence)


def disposal(settle: Settle, message: Message, result: Result) -> Disposal:
    """What becomes of a message once Truth has answered."""
    if not isinstance(result, Committed):
        return Delete(message)  # superseded: a newer intent, or a result, exists
    record = next(r for r in result.records if r.stage == settle.stage)
    if record.state is StageState.PENDING:
        return Defer(message, record.not_before_ms)
    if isinstance(settle.outcome, Retry):
        return Bury(message, record.reason or "receives_exhausted", record.evidence or {})
    return Delete(message)


def settle_death(
    owner: str,
    token: str | None,
    workflow: Workflow,
    truth: TruthStore,
    intent: IntentQueue,
    reason: str,
    evidence: Facts,
) -> int:
    """Free what a dead worker held. Called by whoever saw it die; returns how many messages it held.

    The message with *token*, the one it was working on, has used up a receive and gets another attempt at once, or
    becomes a failure with *evidence* if that was the last. Its batch-mates go back untouched: they did nothing.
    """
    held = intent.release_owner(owner, token)
    for message in held:
        envelope = message.envelope
        if envelope.token != token:
            continue
        last = message.receives >= workflow[envelope.stage].retry.max_receives
        settle = Settle(
            envelope.key,
            envelope.stage,
            envelope.generation,
            envelope.token,
            envelope.version,
            Retry(reason, not_before_ms=0, evidence={"worker": owner, **evidence}),
            Cause(f"supervisor:{owner}", reason),
            (),
            message.receives,
            last,
        )
        (result,) = truth.commit([settle])
        intent.exchange([disposal(settle, message, result)], ())
    return len(held)


def _run_together(run: Callable[[], Sequence[Outcome]], count: int) -> Sequence[Outcome]:
    try:
        outcomes = run()
    except Exception as error:  # noqa: BLE001 - whatever a handler raises, the intents must survive it
        return [_raised(error)] * count
    if len(outcomes) != count:
        return [Retry("handler_error", evidence={"message": f"{len(outcomes)} outcomes for {count} items"})] * count
    return outcomes


def _raised(error: Exception) -> Retry:
    frames = traceback.format_exception(error)[-4:]
    reason = "out_of_memory" if isinstance(error, MemoryError) else "handler_error"
    message = str(error).encode("utf-8", "backslashreplace").decode()
    return Retry(
        reason, evidence={"type": type(error).__name__, "message": message, "traceback": "".join(frames)[-2000:]}
    )


def _why(outcome: Outcome) -> str:
    match outcome:
        case Completed():
            return "completed"
        case Retry(reason=reason):
            return f"retry: {reason}"
        case TerminalFailure(reason=reason):
            return f"failed: {reason}"
