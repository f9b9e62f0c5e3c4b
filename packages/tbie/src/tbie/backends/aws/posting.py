"""Batches of ten to and from SQS. Part of a batch may fail: each entry is answered for by itself.

Callers: ``intent``, for everything that it does to queues.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple, TypeVar

from tbie.backends.aws.client import DENIED, EXPIRED, MISSING, SKEWED, THROTTLED, ClientError, Clients, code_of, told
from tbie.backends.aws.copies import MAX_BODY_BYTES, Copy, ascii_json, group_of, to_body
from tbie.backends.aws.queues import BATCH, LONGEST_DELAY_S, attributes_of
from tbie.core.errors import IntentUnavailableError

T = TypeVar("T")
R = TypeVar("R")

_TRIES = 3
_THREADS = 8
_CEILING = frozenset({"OverLimit", "AWS.SimpleQueueService.OverLimit"})
_PASSING = (
    DENIED | EXPIRED | SKEWED | MISSING | THROTTLED | _CEILING | {"KmsThrottled", "KmsAccessDenied", "KmsDisabled"}
)
_TOO_LARGE = "MessageTooLong"
_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class Received(NamedTuple):
    """One message as SQS handed it over."""

    mid: str
    handle: str
    receives: int
    """Of this copy, this one included."""
    body: str
    why: str | None = None
    """Of a dead letter that was put there by us: its reason."""


class Entry(NamedTuple):
    """One message to be sent."""

    body: str
    group: str
    delay_s: int = 0
    why: str | None = None


class Refused(NamedTuple):
    """One entry of a batch that was not done: the code of AWS, and whether the entry itself is at fault."""

    code: str
    words: str
    own_fault: bool


class Post:
    """The queues of one place. Every method raises ``IntentUnavailableError`` if AWS refuses or does not answer."""

    def __init__(self, clients: Clients) -> None:
        self._clients, self._urls = clients, dict[str, str]()
        self._pool: ThreadPoolExecutor | None = None

    def url(self, queue: str) -> str:
        """The address of *queue*, asked for once."""
        if queue not in self._urls:
            with told(IntentUnavailableError, f"looking for the queue {queue}"):
                self._urls[queue] = self._clients.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        return self._urls[queue]

    def send(self, queue: str, entries: Sequence[Entry]) -> list[str | Refused]:
        """Send them; the identifier that each was given, or why it was not sent. One too large for SQS holds up no other."""
        fit = [len(entry.body) <= MAX_BODY_BYTES for entry in entries]
        batches = list(_fitting([entry for entry, small in zip(entries, fit, strict=True) if small]))
        answers = iter(self._batched(batches, lambda batch: self._send(queue, batch)))
        too_large = Refused(_TOO_LARGE, f"a message of SQS has at most {MAX_BODY_BYTES} bytes", True)
        return [next(answers) if small else too_large for small in fit]

    def _send(self, queue: str, entries: Sequence[Entry]) -> list[str | Refused]:
        requests = [_request(n, entry) for n, entry in enumerate(entries)]
        found = self._tried("send_message_batch", queue, requests)
        return [answer if isinstance(answer, Refused) else answer["MessageId"] for answer in found]

    def delete(self, queue: str, handles: Sequence[str]) -> list[Refused | None]:
        """Delete by handle; a handle that is none any more is refused."""
        return self._batched(_tens(handles), lambda batch: self._delete(queue, batch))

    def _delete(self, queue: str, handles: Sequence[str]) -> list[Refused | None]:
        requests = [{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(handles)]
        return [
            answer if isinstance(answer, Refused) else None
            for answer in self._tried("delete_message_batch", queue, requests)
        ]

    def hide(self, queue: str, handles: Sequence[tuple[str, int]]) -> list[Refused | None]:
        """Hide each for so many seconds from now."""
        return self._batched(_tens(handles), lambda batch: self._hide(queue, batch))

    def _hide(self, queue: str, handles: Sequence[tuple[str, int]]) -> list[Refused | None]:
        requests = [{"Id": str(n), "ReceiptHandle": h, "VisibilityTimeout": s} for n, (h, s) in enumerate(handles)]
        answers = self._tried("change_message_visibility_batch", queue, requests)
        return [answer if isinstance(answer, Refused) else None for answer in answers]

    def _tried(self, call: str, queue: str, requests: Sequence[dict[str, Any]]) -> list[Any]:
        """The answer to each request. Entries that AWS is to blame for are tried again by themselves."""
        url, answers, left = self.url(queue), dict[str, Any](), list(requests)
        for _ in range(_TRIES):
            with told(IntentUnavailableError, f"{call} of {len(left)} messages for {queue}"):
                answer = getattr(self._clients.sqs, call)(QueueUrl=url, Entries=left)
            answers |= {done["Id"]: done for done in answer.get("Successful", ())}
            failed = {each["Id"]: _refused(each) for each in answer.get("Failed", ())}
            answers |= failed
            left = [each for each in left if each["Id"] in failed and not failed[each["Id"]].own_fault]
            if not left:
                break
        unanswered = Refused("no answer", "the answer does not mention this entry", False)
        return [answers.get(each["Id"], unanswered) for each in requests]

    def receive(self, queue: str, limit: int, hidden_s: int, wait_s: int = 0) -> list[Received]:
        """Up to ten messages, hidden from everybody else for *hidden_s*; waits for the first of them for *wait_s*.

        At the ceiling of messages in flight (about 120,000) there is nothing to be had: ``depth`` shows it.
        """
        asked = {
            "QueueUrl": self.url(queue),
            "MaxNumberOfMessages": min(BATCH, limit),
            "VisibilityTimeout": hidden_s,
            "WaitTimeSeconds": wait_s,
            "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
            "MessageAttributeNames": ["why"],
        }
        try:
            with told(IntentUnavailableError, f"receiving from {queue}"):
                answer = self._clients.sqs.receive_message(**asked)
        except IntentUnavailableError as error:
            if isinstance(error.__cause__, ClientError) and code_of(error.__cause__) in _CEILING:
                return []
            raise
        return [_received(message) for message in answer.get("Messages", ())]

    def drain(self, queue: str, limit: int, hidden_s: int) -> list[Received]:
        """Up to *limit* messages, ten at a time; ends with the first call that brings fewer than were asked for."""
        found = self.receive(queue, limit, hidden_s)
        calls = 1
        while len(found) < limit and len(found) % BATCH == 0 and found:
            calls = min(2 * calls, _THREADS)  # more at a time the more there turns out to be
            wanted = min(-(-(limit - len(found)) // BATCH), calls)
            asked = [min(BATCH, limit - len(found) - BATCH * n) for n in range(wanted)]
            answers = self.together([partial(self._receive_more, queue, n, hidden_s) for n in asked])
            found += [message for answer in answers for message in answer]
            if any(len(answer) < n for answer, n in zip(answers, asked, strict=True)):
                break
        return found

    def _receive_more(self, queue: str, limit: int, hidden_s: int) -> list[Received]:
        """What has been received already is not to wait for its lease to end because a later call fails."""
        try:
            return self.receive(queue, limit, hidden_s)
        except IntentUnavailableError:
            return []  # whatever it is, the next claim meets it first

    def counts(self, queue: str) -> tuple[int, int, int]:
        """Visible, in flight, delayed: approximate, and up to a minute late."""
        with told(IntentUnavailableError, f"reading how deep {queue} is"):
            found = attributes_of(self._clients, self.url(queue), _COUNTS)
        try:
            visible, in_flight, delayed = (int(found[name]) for name in _COUNTS)
        except (KeyError, ValueError) as error:
            raise IntentUnavailableError(f"reading how deep {queue} is: the answer lacks {error}") from error
        return visible, in_flight, delayed

    def purge(self, queue: str) -> None:
        """Delete everything. SQS does that once a minute."""
        with told(IntentUnavailableError, f"purging {queue} (SQS allows that once in 60 s)"):
            self._clients.sqs.purge_queue(QueueUrl=self.url(queue))

    def together(self, calls: Sequence[Callable[[], R]]) -> list[R]:
        """The answers in order; more than one call goes out at the same time."""
        if len(calls) == 1:
            return [calls[0]()]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_THREADS, "sqs")
        return [future.result() for future in [self._pool.submit(call) for call in calls]]

    def _batched(self, batches: Sequence[Sequence[T]], do: Callable[[Sequence[T]], list[R]]) -> list[R]:
        if not batches:
            return []
        answers = self.together([partial(do, batch) for batch in batches])
        return [answer for each in answers for answer in each]

    def close(self) -> None:
        """Let go of the threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=False)


def entry_of(copy: Copy, now_ms: int) -> Entry:
    """The message of *copy*, delayed until it is due: whole seconds, rounded up, at most as many as SQS can."""
    wait_s = math.ceil(max(0, copy.due_ms - now_ms) / 1000)
    return Entry(to_body(copy), group_of(copy.envelope.key.tenant), min(wait_s, LONGEST_DELAY_S))


def _request(number: int, entry: Entry) -> dict[str, Any]:
    request: dict[str, Any] = {"Id": str(number), "MessageBody": entry.body, "MessageGroupId": entry.group}
    if entry.delay_s:
        request["DelaySeconds"] = entry.delay_s
    if entry.why is not None:
        text = ascii_json(entry.why)[:1_000]
        request["MessageAttributes"] = {"why": {"DataType": "String", "StringValue": text}}
    return request


def _refused(answer: Mapping[str, Any]) -> Refused:
    """The sender's fault is also what a role or a moment is to blame for: only the rest says something of the message."""
    code = str(answer.get("Code", "unknown"))
    passing = code in _PASSING or code.startswith("KMS.")
    return Refused(code, str(answer.get("Message", "")), bool(answer.get("SenderFault")) and not passing)


def _received(message: Mapping[str, Any]) -> Received:
    count = message.get("Attributes", {}).get("ApproximateReceiveCount", "1")
    why = message.get("MessageAttributes", {}).get("why", {}).get("StringValue")
    number = int(count) if str(count).isdigit() else 1
    return Received(message["MessageId"], message["ReceiptHandle"], number, message.get("Body", ""), why)


def _tens(things: Sequence[T]) -> list[Sequence[T]]:
    return [things[start : start + BATCH] for start in range(0, len(things), BATCH)]


def _fitting(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Batches of at most ten that are together no larger than one message may be."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        length = len(entry.body.encode("utf-8", "surrogatepass")) + len(entry.why or "") + 100
        if batch and (len(batch) == BATCH or size + length > MAX_BODY_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch
