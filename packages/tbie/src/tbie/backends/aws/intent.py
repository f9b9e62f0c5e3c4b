"""Intent on SQS: a queue and a dead-letter queue for each stage, and the register beside them.

Sent first, registered then; settled in Truth first, deleted then: whatever is interrupted leaves a message too many, never one
too few. What may be there twice is told apart by the register (``copies.superseded``) and, where that is not enough, by Truth's
tokens. The register being away stops neither claims nor settlements; it makes presence unknown.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tbie.backends.aws.client import Clients
from tbie.backends.aws.copies import Copy, Death, Name, Row, from_body, name_of, read_death, row_of
from tbie.backends.aws.hands import Hands
from tbie.backends.aws.posting import Post, Refused, entry_of
from tbie.backends.aws.queues import LONGEST_VISIBILITY_S
from tbie.backends.aws.register import Register
from tbie.backends.aws.settling import Settler
from tbie.backends.aws.sorting import Held, Sorted, parsed, sort_received, sort_settled
from tbie.backends.aws.watching import Watch
from tbie.core.clock import Clock
from tbie.core.errors import IntentUnavailableError
from tbie.core.keys import ItemKey
from tbie.core.reading import Depth, Reading
from tbie.core.refusal import Refusing, ignore
from tbie.intent import Claim, DeadLetter, Disposal, Envelope, Message, Presence

COUNT_SETTLE_S = 60.0
"""After this long SQS's counts are right (so its documentation)."""

CLEARED = 20
"""Times that one claim receives again because all it received was in the way."""


class SqsIntent:
    """An ``IntentQueue`` on SQS and DynamoDB. Safe to use from several threads and processes.

    Args:
        stages: every stage that has a queue.
        count_settle_s: how old a row must be before a count that lacks its message says anything.
        wait_s: how long an exchange that settles nothing and finds nothing waits for a message of its last claim (0 to 20).
        rest_s: how long a queue that was found empty is not asked again: each question is a call.
        refusing: is told of messages that are no intents, which go to the dead letters with their reason.
    """

    def __init__(
        self,
        clients: Clients,
        clock: Clock,
        retention_s: float,
        stages: Sequence[str],
        *,
        count_settle_s: float = COUNT_SETTLE_S,
        wait_s: int = 0,
        rest_s: float = 0.0,
        refusing: Refusing = ignore,
    ) -> None:
        self._clock, self._place, self._stages = clock, clients.place, tuple(stages)
        self._retention_ms = int(retention_s * 1000)
        self._wait_s, self._rest_s = wait_s, rest_s
        self._post = Post(clients)
        self._register = Register(clients, self._retention_ms)
        self._hands = Hands(self._register)
        self._settler = Settler(self._place, self._post, self._register, refusing)
        self._watch = Watch(self._place, self._post, self._register, self._hands, self._settler, clock, count_settle_s)
        self._empty_until_s: dict[str, float] = {}
        self._turns = itertools.count()

    def send(self, envelopes: Sequence[Envelope]) -> int:
        if not envelopes:
            return 0
        now = self._clock.now_ms()
        known = self._register.rows((name_of(e.stage, e.key) for e in envelopes), now)
        tokens = {name: row.token for name, row in known.items()}
        fresh: dict[str, list[Copy]] = defaultdict(list)
        for envelope in envelopes:
            name = name_of(envelope.stage, envelope.key)
            if tokens.get(name) == envelope.token:
                continue  # queued, or buried: re-reading the change stream must not revive a poison item
            tokens[name] = envelope.token
            due = envelope.not_before_ms if envelope.not_before_ms > now else 0
            plain = envelope._replace(not_before_ms=0)
            fresh[envelope.stage].append(Copy(plain, now, now, 0, 0, due, next(self._turns)))
        sent = 0
        trouble: list[str] = []
        for stage, copies in fresh.items():
            try:
                rows, refused = self._send(stage, copies, now)
                sent += sum(row.death is None for _, row in rows)
                trouble += refused
                self._watch.changed(stage, came=True)
                self._register.put(dict(rows))
            except IntentUnavailableError as error:
                trouble.append(str(error))  # a queue that is missing holds up no other stage
        if trouble:
            raise IntentUnavailableError(f"{len(trouble)} of {sum(map(len, fresh.values()))} not sent: {trouble[0]}")
        return sent

    def _send(self, stage: str, copies: Sequence[Copy], now: int) -> tuple[list[tuple[Name, Row]], list[str]]:
        answers = self._post.send(self._place.queue(stage), [entry_of(copy, now) for copy in copies])
        rows, refused = [], []
        for copy, answer in zip(copies, answers, strict=True):
            if isinstance(answer, Refused) and answer.own_fault:
                # it would be refused for ever: dead before it lived, which the next sweep tells Truth
                death = Death("message_refused", {"code": answer.code, "message": answer.words}, now, 0)
                rows.append((name_of(stage, copy.envelope.key), replace(row_of(copy, ""), death=death)))
            elif isinstance(answer, Refused):
                refused.append(f"{'/'.join(copy.envelope.key)!r} of {stage}: {answer.code}: {answer.words}")
            else:
                rows.append((name_of(stage, copy.envelope.key), row_of(copy, answer)))
        return rows, refused

    def exchange(self, disposals: Sequence[Disposal], claims: Sequence[Claim]) -> list[Message]:
        try:
            self._settle(disposals)
            for claim in claims:
                messages = self._claim(claim)
                if messages:
                    return messages
            if claims and not disposals and self._wait_s:
                return self._claim(claims[-1], self._wait_s)
            return []
        finally:
            self._hands.save()

    def _settle(self, disposals: Sequence[Disposal]) -> None:
        by_stage: dict[str, list[tuple[Disposal, Held]]] = defaultdict(list)
        owners: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for disposal in disposals:
            receipt = disposal.message.receipt
            held = self._hands.find(receipt)
            if held is not None:
                by_stage[held.copy.envelope.stage].append((disposal, held))
                owners[held.copy.envelope.stage].append((receipt.owner, held.mid))  # type: ignore[attr-defined]
        now = self._clock.now_ms()
        trouble: IntentUnavailableError | None = None
        for stage, settled in by_stage.items():
            try:
                self._settler.carry_out(stage, sort_settled(settled, now), now)
            except IntentUnavailableError as error:
                trouble = (
                    error  # what other stages settle is settled, and not a second time when this is asked for again
                )
                continue
            self._watch.changed(stage)
            for owner, mid in owners[stage]:
                self._hands.drop(owner, (mid,))
        if trouble is not None:
            raise trouble

    def _claim(self, claim: Claim, wait_s: int = 0) -> list[Message]:
        """What *claim* brings. What is only in the way (superseded, foreign, dead) is cleared, and the next are looked at."""
        for _ in range(CLEARED):
            messages = self._claim_once(claim, wait_s)
            if messages is not None:
                return messages
        return []

    def _claim_once(self, claim: Claim, wait_s: int) -> list[Message] | None:
        """None: all that was received was in the way."""
        if not wait_s and self._clock.monotonic_s() < self._empty_until_s.get(claim.stage, 0.0):
            return []
        now = self._clock.now_ms()
        lease_s = min(LONGEST_VISIBILITY_S, math.ceil(claim.lease_s))
        queue = self._place.queue(claim.stage)
        if wait_s:
            received = self._post.receive(queue, claim.limit, lease_s, wait_s)
            now = self._clock.now_ms() if received else now
        else:
            received = self._post.drain(queue, claim.limit, lease_s)
        if not received:
            self._empty_until_s[claim.stage] = self._clock.monotonic_s() + self._rest_s
            return []
        self._watch.changed(claim.stage)
        held, foreign = parsed(received, claim.stage, now, now + int(claim.lease_s * 1000))
        rows: Mapping[Name, Row] = {}
        with contextlib.suppress(IntentUnavailableError):  # unread, it proves nothing superseded; Truth's tokens do
            rows = self._register.rows((each.name for each in held), now)
        found = sort_received(held, rows, claim.max_receives, now)
        found.foreign = foreign
        if found.again or found.dead or found.forget or found.foreign:
            with contextlib.suppress(IntentUnavailableError):  # they come back when their lease ends
                self._settler.carry_out(claim.stage, found, now)
        if not found.hand:
            return None
        self._hands.claim(claim.owner, found.hand)
        return [each.message(claim.owner) for each in found.hand]

    def extend(self, messages: Sequence[Message], lease_s: float) -> int:
        now = self._clock.now_ms()
        by_stage: dict[str, list[tuple[str, Held, int]]] = defaultdict(list)
        for message in messages:
            held = self._hands.find(message.receipt)
            if held is None:
                continue
            left_s = LONGEST_VISIBILITY_S - 1 - (now - held.taken_ms) // 1000
            hidden_s = min(math.ceil(lease_s), left_s)
            if hidden_s > 0:
                owner = message.receipt.owner  # type: ignore[attr-defined]
                by_stage[held.copy.envelope.stage].append((owner, held, hidden_s))
        kept = 0
        trouble: IntentUnavailableError | None = None
        for stage, asked in by_stage.items():
            try:
                answers = self._post.hide(self._place.queue(stage), [(held.handle, s) for _, held, s in asked])
            except IntentUnavailableError as error:
                trouble = error  # the leases of other stages must not end for it
                continue
            for (owner, held, hidden_s), answer in zip(asked, answers, strict=True):
                if answer is None:
                    kept += 1
                    self._hands.prolong(owner, held, now + hidden_s * 1000)
        if trouble is not None:
            raise trouble
        return kept

    def release_owner(self, owner: str, except_tokens: tuple[str, ...] = ()) -> list[Message]:
        now = self._clock.now_ms()
        held = self._hands.of(owner)
        if not held:
            return []
        rows = self._register.rows((each.name for each in held), now)
        # a hand that lags names what was settled: its row is gone, or names another copy
        gone = [
            h
            for h in held
            if (row := rows.get(h.name)) is not None and (row.token, row.mid) != (h.copy.envelope.token, h.mid)
        ]
        held = [each for each in held if each not in gone]
        self._hands.take(owner, held)
        by_stage: dict[str, Sorted] = defaultdict(Sorted)
        freed = [h for h in held if h.copy.envelope.token not in except_tokens]
        for each in freed:
            if each.name in rows and each.until_ms > now:
                again = each.again(now, each.receives - 1, 0)
                by_stage[each.copy.envelope.stage].again.append((each, again))
        for stage, found in by_stage.items():
            self._settler.carry_out(stage, found, now)
            self._watch.changed(stage)
        self._hands.drop(owner, [each.mid for each in (*freed, *gone)])
        self._hands.save()
        return [each.message(owner) for each in held]

    def presence(self, stage: str, keys: Sequence[ItemKey]) -> Reading[Mapping[ItemKey, Presence]]:
        return self._watch.presence(stage, keys)

    def depth(self, stage: str) -> Reading[Depth]:
        return self._watch.depth(stage)

    def dead_letters(self, stage: str, limit: int = 100) -> list[DeadLetter]:
        found: dict[str, DeadLetter] = {}
        for digest, body, text in self._register.letters(stage, self._clock.now_ms() - self._retention_ms):
            if len(found) == limit:
                break
            if digest not in found:
                death = read_death(text)
                envelope = from_body(body, stage).envelope
                found[digest] = DeadLetter(envelope, death.receives, death.died_ms, death.reason, death.evidence)
        return list(found.values())

    def expire(self) -> int:
        return self._watch.expire(self._stages, self._retention_ms)

    def purge(self, stage: str | None = None) -> int:
        """Delete every message (of one stage). SQS does that once a minute for each queue.

        Raises:
            IntentUnavailableError: AWS refused, or it is less than a minute since the last time: ask again.
        """
        gone = 0
        for each in self._stages if stage is None else (stage,):
            gone += sum(self._post.counts(self._place.queue(each)))
            self._post.purge(self._place.queue(each))
            self._register.delete(self._register.names(each))
            self._hands.drop_stage(each)
            self._watch.changed(each)
            self._post.purge(self._place.dead_queue(each))
        return gone

    def close(self) -> None:
        self._post.close()
