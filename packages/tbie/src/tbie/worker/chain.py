"""Runs handlers on items, one stage after the other, and turns whatever they raise into an answer.

Caller: ``worker`` alone. Nothing here touches a store: a chain that dies loses work, never an intent.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from tbie.core.outcome import Completed, Facts, Outcome, Retry
from tbie.execution import Handlers, OneByOne, Progress, Suspect, Together, Work
from tbie.intent import Message
from tbie.truth import Item, StageRecord, StageState, Step
from tbie.workflow import Stage, Workflow

FAULTS = ("handler_error", "out_of_memory")
"""Reasons of attempts that ended in an exception: whichever of the items in hand was to blame."""


class NoProgress:
    """For workers that nobody supervises."""

    def prepare(self, stage: str, suspects: Sequence[Suspect]) -> None:
        """Note nothing."""

    def begin(self, stage: str, suspects: Sequence[Suspect], max_run_s: float) -> None:
        """Note nothing."""

    def end(self) -> None:
        """Note nothing."""


@dataclass(slots=True)
class Job:
    """A claimed message with the row it speaks of."""

    message: Message
    item: Item
    record: StageRecord
    version: str
    """What its handler is told to work by, and what its result is stored under, whatever is declared meanwhile."""
    uncounted: bool = False
    """Its outcome was no attempt, or belongs to a failure class that is paused: it is held, and the receive does not count."""


class Chain:
    """The handlers of one pool, and what may be run after what."""

    def __init__(self, pool: str, workflow: Workflow, handlers: Handlers, progress: Progress) -> None:
        self._pool, self._workflow, self._handlers, self._progress = pool, workflow, handlers, progress

    def work_of(self, job: Job) -> Work:
        """What a handler is given for *job*."""
        item, record = job.item, job.record
        upstream = self._workflow.upstream[record.stage]
        facts = {name: r.facts for name, r in item.stages.items() if name in upstream and r.facts is not None}
        what = (item.key, record.stage, record.generation, job.version)
        return Work(*what, item.address, item.attributes, facts, record.attempts + 1)

    def run_together(self, handler: Together, jobs: Sequence[Job]) -> Sequence[Outcome]:
        """One outcome for each job."""
        works = [self.work_of(job) for job in jobs]
        suspects = [Suspect(job.item.key, job.record.token) for job in jobs]
        self._progress.begin(works[0].stage, suspects, self._workflow[works[0].stage].max_run_s)
        try:
            outcomes = handler.run(works)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the intents must survive it
            return [raised(error)] * len(works)
        finally:
            self._progress.end()
        if len(outcomes) != len(works):
            message = f"{len(outcomes)} outcomes for {len(works)} items"
            return [Retry("handler_error", evidence={"message": message})] * len(works)
        return outcomes

    def run(self, handler: OneByOne, job: Job) -> tuple[Outcome, tuple[Step, ...]]:
        """The outcome of *job*, and of the stages that were run ahead after it."""
        work = self.work_of(job)
        outcome = self._run(handler, work, job.record.token)
        return outcome, self._run_ahead(job, work, outcome)

    def _run(self, handler: OneByOne, work: Work, token: str) -> Outcome:
        self._progress.begin(work.stage, (Suspect(work.key, token),), self._workflow[work.stage].max_run_s)
        try:
            return handler.run(work)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the intent must survive it
            return raised(error)
        finally:
            self._progress.end()

    def _run_ahead(self, job: Job, work: Work, outcome: Outcome) -> tuple[Step, ...]:
        """Run the next stages of the same item at once, where this worker may and everything they need is here.

        Not on a repeated receive: if something in the chain kills the process, running one stage at a time names it.
        """
        if not isinstance(outcome, Completed) or job.message.receives > 1:
            return ()
        facts: dict[str, Facts] = {name: r.facts for name, r in job.item.stages.items() if r.facts is not None}
        facts[work.stage] = outcome.facts
        steps: list[Step] = []
        for stage in self._workflow.downstream[work.stage]:
            handler = self._handlers.get(stage.name)
            if not isinstance(handler, OneByOne) or not self._may_run_ahead(stage, job.item, facts):
                continue
            ahead = self._ahead(stage, job.item, work, facts)
            result = self._run(handler, ahead, job.record.token)
            if isinstance(result, Retry):
                break  # stays open in Truth; its own intent brings it back
            steps.append(Step(stage.name, ahead.version, result, self._given(stage, job.item, steps)))
            if isinstance(result, Completed):
                facts[stage.name] = result.facts
        return tuple(steps)

    def _given(self, stage: Stage, item: Item, steps: Sequence[Step]) -> tuple[tuple[str, int], ...]:
        """Whose stored facts *stage* was run on: those of this chain are committed together with it."""
        fresh = {step.stage for step in steps}
        stored = self._workflow.upstream[stage.name] - fresh
        return tuple(
            (name, record.generation)
            for name, record in item.stages.items()
            if name in stored and record.facts is not None
        )

    def _ahead(self, stage: Stage, item: Item, work: Work, facts: dict[str, Facts]) -> Work:
        upstream = {name: facts[name] for name in self._workflow.upstream[stage.name] if name in facts}
        old = item.stages.get(stage.name)
        generation = old.generation if old else 1
        version = self._workflow.version(stage.name, item.key.tenant)
        what = (work.key, stage.name, generation, version)
        return Work(*what, work.address, work.attributes, upstream, 1, work.scratch)

    def _may_run_ahead(self, stage: Stage, item: Item, facts: dict[str, Facts]) -> bool:
        record = item.stages.get(stage.name)
        return (
            stage.pool == self._pool
            and not stage.barrier
            and (record is None or record.state is StageState.WAITING)
            and all(need in facts for need in stage.needs)
            and _is_eligible(stage, facts)
        )


def _is_eligible(stage: Stage, facts: dict[str, Facts]) -> bool:
    """Whether *stage* applies to an item with *facts*; not if it cannot say."""
    try:
        return stage.eligible is None or stage.eligible(facts) is None
    except Exception:  # noqa: BLE001 - the commit asks the same, and makes it a failure of the item instead of the worker
        return False


def raised(error: Exception) -> Retry:
    """An exception of a handler as an outcome: another attempt, with what an engineer needs to find it."""
    frames = traceback.format_exception(error)[-4:]
    failed, no_memory = FAULTS
    reason = no_memory if isinstance(error, MemoryError) else failed
    message = str(error).encode("utf-8", "backslashreplace").decode()
    return Retry(
        reason, evidence={"type": type(error).__name__, "message": message, "traceback": "".join(frames)[-2000:]}
    )
