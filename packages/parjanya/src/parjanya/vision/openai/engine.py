"""The engine itself: pictures in, answers as they come, with several requests under way.

Callers: ``make`` is called by whoever composes a worker; the stage ``observe`` calls the rest. One caller's thread hands out
pictures and takes answers, two threads prepare, one loop holds the requests. Every picture gets exactly one answer, within
``OpenaiSettings.longest_s`` of its beginning, whatever the server does.

When a request fails, it is first found out whose fault it is: the server is asked something that it could answer before
(``inspection``). If it can, the picture has had its attempt. If it can no more, no picture is charged and the engine declines
work until it can; those that were with the server when it was lost are then shown to it alone, one after the other, and
one under which it is lost again is charged: a picture that kills servers must not do so for ever.
"""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from parjanya.observation.validate import printable
from parjanya.vision.engine import Begin, Picture, Seen, Unanswered
from parjanya.vision.openai.answer import Puzzle, Shown, read
from parjanya.vision.openai.ask import identity, observation_request
from parjanya.vision.openai.blame import busy, failure, found_in, unreachable
from parjanya.vision.openai.loop import LoopThread
from parjanya.vision.openai.picture import PictureError, Prepared, prepare
from parjanya.vision.openai.replies import Replied, Reply, rest_s
from parjanya.vision.openai.settings import OpenaiSettings, checked
from parjanya.vision.openai.standing import Standing
from tbie.core.clock import Clock, SystemClock
from tbie.core.ids import Ids, RandomIds
from tbie.execution import Drift

if TYPE_CHECKING:
    from parjanya.vision.openai.inspection import Inspected, Inspector
    from parjanya.vision.openai.transport import Transport

PREPARING = 2
"""Threads that prepare, and pictures that wait prepared: 0.1 s each, beside requests of seconds."""

MOST_SUSPECTS = 1_000
"""Remembered names; no more than ``in_flight`` are with a server when it is lost."""


class EngineMissingError(ImportError):
    """The engine ``openai`` needs httpx, which is not installed: ``pip install 'parjanya[openai]'``."""


def make(settings: OpenaiSettings, *, clock: Clock | None = None, ids: Ids | None = None) -> OpenaiEngine:
    """An engine for the server in *settings*; nothing is asked of it yet.

    Raises ``SettingsError`` for settings that cannot work, ``EngineMissingError`` where httpx is not installed.
    """
    try:
        from parjanya.vision.openai import inspection, transport  # noqa: PLC0415 - httpx is an extra
    except ModuleNotFoundError as error:
        if error.name not in {"httpx", "httpcore", "anyio", "h11"}:
            raise
        raise EngineMissingError(
            "the engine openai needs httpx, which is not installed: pip install 'parjanya[openai]'"
        ) from error
    known, clock = checked(settings), clock or SystemClock()
    http = transport.Transport(known, clock)
    return OpenaiEngine(known, clock, http, inspection.Inspector(known, http, clock, ids or RandomIds()))


class OpenaiEngine:
    """One server. ``attest`` may be called from another thread than ``observe``; nothing else may."""

    name = "openai"

    def __init__(self, settings: OpenaiSettings, clock: Clock, transport: Transport, inspector: Inspector) -> None:
        self._settings = settings
        self._clock = clock
        self._transport = transport
        self._inspector = inspector
        self._standing = Standing(clock, settings.fresh_s)
        self._loop = LoopThread("openai-requests")
        self._pool = ThreadPoolExecutor(PREPARING, "openai-prepare")
        self._logprobs = True
        self._text_tokens: int | None = None
        self._booted = False
        self._proved = False
        self._closed = False
        self._check: Future[None] | None = None
        self._witness: asyncio.Task[Inspected] | None = None
        self._suspects: dict[str, None] = {}
        """Names of pictures that were with the server when it was lost, the oldest first."""

    def identity(self) -> Mapping[str, Any]:
        """See ``ask.identity``."""
        return identity(self._settings)

    def attest(self) -> Drift | None:
        """At the first call in full, later what is due, and never longer than ``check_timeout_s``."""
        if self._closed:
            return Drift({"engine": ("running", "closed")})
        try:
            if not self._booted:
                self._booted = True  # whatever comes of it: from here on, looking again has its back-off
                self._loop.submit(self._inspect(self._settings.probe_timeout_s)).result()
            elif self._standing.is_due() or self._check is not None:
                self._continue_check()
        except Exception as error:  # noqa: BLE001 - whatever happens here, the worker must learn that it may not take work
            self._standing.is_unfit(
                Drift({"engine": ("can look at its server", printable(f"{type(error).__name__}: {error}"))})
            )
        return self._standing.drift

    def observe(self, pictures: Sequence[Picture], begin: Begin) -> Generator[tuple[int, Seen], None, None]:
        """See ``Engine.observe``. Pictures are begun one at a time, each just before it is decoded."""
        answers: queue.SimpleQueue[tuple[int, Seen]] = queue.SimpleQueue()
        slots = asyncio.Semaphore(self._settings.in_flight)
        running: dict[int, Future[None]] = {}
        suspects = [position for position, picture in enumerate(pictures) if picture.name in self._suspects]
        others = [position for position in range(len(pictures)) if position not in set(suspects)]

        def begin_next(positions: Iterator[int], alone: bool) -> None:
            position = next(positions, None)
            if position is not None:
                begin([position])
                work = self._deliver(position, pictures[position], alone, slots, answers.put)
                running[position] = self._loop.submit(work)

        window = self._settings.in_flight + min(PREPARING, self._settings.in_flight)
        try:
            for positions, alone in ((iter(suspects), True), (iter(others), False)):
                for _ in range(1 if alone else window):
                    begin_next(positions, alone)
                while running:
                    position, seen = answers.get()
                    del running[position]
                    begin_next(positions, alone)
                    yield position, seen
        finally:
            if running and not self._closed:
                self._loop.settle(list(running.values()))

    def worn(self) -> str | None:
        """Never: what is held for a server does not grow."""
        return None

    def close(self) -> None:
        """End all requests and threads. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._loop.close(self._transport.close())
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _deliver(
        self,
        position: int,
        picture: Picture,
        alone: bool,
        slots: asyncio.Semaphore,
        put: Callable[[tuple[int, Seen]], None],
    ) -> None:
        try:
            seen = await self._see(picture, alone, slots)
        except asyncio.CancelledError:  # whoever waits for this answer must not wait for ever
            put(
                (
                    position,
                    Unanswered("model_unreachable", {"message": "stopped before it was answered"}, counted=False),
                )
            )
            raise
        except Exception as error:  # noqa: BLE001 - one picture without an answer would hold up all the others
            seen = Unanswered("model_failed", {"message": printable(f"{type(error).__name__}: {error}")})
        put((position, seen))

    async def _see(self, picture: Picture, alone: bool, slots: asyncio.Semaphore) -> Seen:
        if not_now := self._not_now():
            return not_now
        try:
            loop = asyncio.get_running_loop()
            ready = await loop.run_in_executor(self._pool, prepare, picture.jpeg, self._settings.pixel_budget_px)
        except PictureError as error:
            return Unanswered("preview_unreadable", {"message": printable(str(error))}, terminal=True)
        async with slots:
            return self._not_now() or await self._ask(ready, picture, alone)

    def _not_now(self) -> Unanswered | None:
        """The answer to a picture that the server need not be asked about."""
        if drift := self._standing.drift:
            return unreachable(drift, self._standing.next_check_s())
        if (rest := self._standing.rest_s()) > 0:
            return busy(rest, "the server asked to be left alone")
        return None

    async def _ask(self, ready: Prepared, picture: Picture, alone: bool) -> Seen:
        attempt = max(1, picture.attempt)
        shown = Shown(ready, self._settings.pixel_budget_px, attempt, self._text_tokens)
        reply = await self._post(ready, attempt)
        if isinstance(reply, Reply):
            if reply.status == 200:
                seen = read(reply, shown)
                if not isinstance(seen, Puzzle):
                    self._standing.answered()
                    self._suspects.pop(picture.name, None)
                    return seen
                puzzled = Unanswered("answer_invalid", {"problems": [seen.words], "beginning": ""})
                return await self._whose_fault(puzzled, picture, alone)
            if reply.status == 429 or (reply.status == 503 and reply.retry_after):
                seconds = rest_s(reply, self._clock.now_ms())
                self._standing.leave_alone(seconds)
                return busy(seconds, f"HTTP {reply.status}: {reply.said()}")
        return await self._whose_fault(failure(reply, ready), picture, alone)

    async def _post(self, ready: Prepared, attempt: int) -> Replied:
        """Ask about one picture; once more if it was the wish for probabilities that was refused."""
        start_s, wish = self._clock.monotonic_s(), self._logprobs
        total_s = self._settings.total_timeout_s
        body = observation_request(self._settings, ready, attempt, wish)
        reply = await self._transport.post("/chat/completions", body, total_s)
        refused = isinstance(reply, Reply) and reply.status in {400, 422, 501} and "logprob" in reply.said().lower()
        if not (wish and refused):
            return reply
        self._logprobs = False
        left_s = max(0.1, total_s - (self._clock.monotonic_s() - start_s))
        body = observation_request(self._settings, ready, attempt, with_logprobs=False)
        return await self._transport.post("/chat/completions", body, left_s)

    async def _whose_fault(self, charge: Unanswered, picture: Picture, alone: bool) -> Unanswered:
        """*charge* if the server can still answer what it could before, else that the server is away."""
        if self._standing.drift is None:
            if self._witness is None or self._witness.done():
                self._witness = asyncio.create_task(self._inspect(self._settings.witness_timeout_s))
            inspected = await asyncio.shield(self._witness)
            if inspected.rest_s is not None:
                return busy(inspected.rest_s, str(charge.evidence.get("message", "")))
        drift = self._standing.drift
        if drift is None:
            self._suspects.pop(picture.name, None)
            return charge
        if charge.evidence.get("kind") != "unreachable":  # the picture did get there
            if alone:
                return Unanswered("model_lost", {**charge.evidence, **found_in(drift)})
            self._suspects[picture.name] = None
            while len(self._suspects) > MOST_SUSPECTS:
                del self._suspects[next(iter(self._suspects))]
        return unreachable(drift, self._standing.next_check_s(), charge.evidence)

    async def _inspect(self, total_s: float) -> Inspected:
        """Look at the server in full and note what was found."""
        found = await self._inspector.whole(total_s, self._logprobs)
        if found.rest_s is not None:
            self._standing.leave_alone(found.rest_s)
            if not self._proved or self._standing.drift is not None:  # busy is no proof of being what was declared
                words = f"busy: it wants to be left alone for {found.rest_s:g} s"
                self._standing.is_unfit(Drift({"model server": ("answers", words)}))
        elif found.drift is not None:
            self._standing.is_unfit(found.drift)
        else:
            self._proved = True
            self._text_tokens = found.text_tokens
            self._logprobs = self._logprobs and found.takes_logprobs is not False
            self._standing.is_fit()
        return found

    def _continue_check(self) -> None:
        """Begin a check, or go on waiting for one that was begun: no longer than a heartbeat may be held up."""
        if self._check is None:
            look: Coroutine[Any, Any, None] = self._glance() if self._standing.drift is None else self._look_again()
            self._check = self._loop.submit(look)
        done, _ = wait([self._check], self._settings.check_timeout_s)
        if done:
            finished, self._check = self._check, None
            finished.result()

    async def _look_again(self) -> None:
        await self._inspect(self._settings.probe_timeout_s)

    async def _glance(self) -> None:
        found = await self._inspector.glance()
        if found.rest_s is not None:
            self._standing.leave_alone(found.rest_s)
        elif found.drift is not None:
            self._standing.is_unfit(found.drift)
        elif self._standing.drift is None:  # a glance is no proof against what a whole look has found meanwhile
            self._standing.is_fit()
