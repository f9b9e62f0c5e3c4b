"""What Truth keeps beside the items: tenants, heartbeats, documents, cursors, named settings and counts. All in ``control``.

Caller: ``truth`` of this folder, which is one of these; apart from it because nothing here decides about a stage.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tbie.backends.aws.counts import counted, counts_pk
from tbie.backends.aws.dynamo import Dynamo, Key, MetOthersError
from tbie.backends.aws.keys import digest, name_key, sort_key
from tbie.backends.aws.rows import Attributes, pack, unpack
from tbie.core.clock import Clock
from tbie.core.errors import TruthUnavailableError
from tbie.core.keys import ItemKey
from tbie.core.outcome import Facts
from tbie.truth import FORGET_AFTER_MS, Document, Heartbeat, StageState

_ATTEMPTS = 12
_REVISION: Key = ("revision", "last")
"""One counter for all documents, so that a revision does not come back with a name that was dropped."""
_KEEP_BEATS_S = 86_400
"""DynamoDB deletes a heartbeat itself after this long: until then it says when somebody was last heard."""


class Registry:
    """The part of a ``TruthStore`` that is about names, not about items."""

    def __init__(self, dynamo: Dynamo, clock: Clock) -> None:
        self._dynamo, self._clock = dynamo, clock
        self._met: set[str] = set()

    # -- tenants and their counts

    def tenants(self) -> list[str]:
        return sorted(unpack(row["name"]["B"]) for row in self._dynamo.query("control", "tenant"))

    def _meet(self, tenants: Iterable[str]) -> None:
        """Write down tenants before their first item: one without items harms nobody, items of an unknown tenant would."""
        for tenant in sorted(set(tenants) - self._met):
            name = {"B": pack(tenant)}
            self._dynamo.put("control", {"pk": {"S": "tenant"}, "sk": {"S": sort_key(tenant)}, "name": name})
            self._met.add(tenant)

    def tally(self, tenant: str | None = None) -> Mapping[tuple[str, str, StageState], int]:
        total: defaultdict[tuple[str, str, StageState], int] = defaultdict(int)
        for name, stage, state, _, n in self._counts(tenant):
            total[name, stage, StageState(state)] += n
        return {name: n for name, n in total.items() if n > 0}

    def versions(self, tenant: str | None = None) -> Mapping[tuple[str, str, str], int]:
        total: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        for name, stage, state, version, n in self._counts(tenant):
            if state == StageState.COMPLETED.value:
                total[name, stage, version] += n
        return {name: n for name, n in total.items() if n > 0}

    def _counts(self, tenant: str | None) -> Iterator[tuple[str, str, str, str, int]]:
        for name in self.tenants() if tenant is None else [tenant]:
            for found in counted(self._dynamo.query("control", counts_pk(name))):
                yield name, *found

    # -- heartbeats

    def beat(self, heartbeat: Heartbeat) -> None:
        component, instance, at_ms, body = heartbeat
        row: Attributes = {
            "pk": {"S": "beat"},
            "sk": {"S": digest(ItemKey(component, instance))},
            "b": {"B": pack([component, instance, at_ms, body])},
            "gone_s": {"N": str(at_ms // 1000 + _KEEP_BEATS_S)},
        }
        self._dynamo.put("control", row)

    def heartbeats(self) -> list[Heartbeat]:
        found = [Heartbeat(*unpack(row["b"]["B"])) for row in self._dynamo.query("control", "beat")]
        newest: dict[str, int] = {}
        for beat in found:
            newest[beat.component] = max(beat.at_ms, newest.get(beat.component, beat.at_ms))
        return [beat for beat in found if beat.at_ms >= newest[beat.component] - FORGET_AFTER_MS]

    # -- documents

    def documents(self, kind: str) -> list[Document]:
        found = [_document(row) for row in self._dynamo.query("control", _kind_pk(kind))]
        return sorted(found, key=lambda document: document.name)

    def write_document(self, kind: str, name: str, body: Facts, revision: int | None) -> Document | None:
        copied, key = unpack(pack(body)), _document_key(kind, name)
        for attempt in range(1, _ATTEMPTS + 1):
            found = self._dynamo.get("control", [key, _REVISION])
            if (_revision(found[key]) if key in found else None) != revision:
                return None
            last = _revision(found[_REVISION]) if _REVISION in found else None
            fresh = Document(kind, name, (last or 0) + 1, copied, self._clock.now_ms())
            counter = {**_row_key(_REVISION), "rev": {"N": str(fresh.revision)}}
            writes = [(counter, last), (_document_row(key, fresh), revision)]
            try:
                self._dynamo.transact([self._put(row, old) for row, old in writes], f"writing {kind} {name!r}")
            except MetOthersError:
                self._dynamo.wait(attempt)
            else:
                return fresh
        raise TruthUnavailableError(
            f"writing {kind} {name!r}: others were faster {_ATTEMPTS} times in a row; try again"
        )

    def _put(self, row: Attributes, revision: int | None) -> dict[str, Any]:
        put: dict[str, Any] = {"TableName": self._dynamo.table("control"), "Item": row}
        return {"Put": put | _if_at(revision)}

    def drop_document(self, document: Document) -> bool:
        table, key = self._dynamo.table("control"), _document_key(document.kind, document.name)
        delete = {"TableName": table, "Key": _row_key(key), **_if_at(document.revision)}
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._dynamo.transact([{"Delete": delete}], f"dropping {document.kind} {document.name!r}")
            except MetOthersError as met:
                if met.failed:
                    return False
                self._dynamo.wait(attempt)
            else:
                return True
        raise TruthUnavailableError(
            f"dropping {document.kind} {document.name!r}: others write it all the time; try again"
        )

    def _fence_action(self, fence: Document) -> Mapping[str, Any]:
        key = _document_key(fence.kind, fence.name)
        check = {"TableName": self._dynamo.table("control"), "Key": _row_key(key), **_if_at(fence.revision)}
        return {"ConditionCheck": check}

    def _is_standing(self, fence: Document) -> bool:
        row = self._dynamo.one("control", _document_key(fence.kind, fence.name))
        return row is not None and _revision(row) == fence.revision

    # -- cursors and named settings

    def _saved_cursor(self, name: str) -> tuple[int, str | None]:
        row = self._dynamo.one("control", ("cursor", sort_key(name)))
        return (0, None) if row is None else _cursor(row)

    def _furthest_cursor(self) -> tuple[int, str | None]:
        found = (_cursor(row) for row in self._dynamo.query("control", "cursor"))
        return max(found, key=lambda cursor: cursor[0], default=(0, None))

    def _save_cursor(self, name: str, seq: int, at: str | None) -> None:
        row: Attributes = {"pk": {"S": "cursor"}, "sk": {"S": sort_key(name)}, "seq": {"N": str(seq)}}
        if at is not None:
            row["at"] = {"S": at}
        self._dynamo.put("control", row)

    def read_meta(self, name: str) -> str | None:
        row = self._dynamo.one("control", ("meta", sort_key(name)))
        return None if row is None else str(unpack(row["b"]["B"]))

    def write_meta(self, name: str, value: str) -> None:
        self._dynamo.put("control", {"pk": {"S": "meta"}, "sk": {"S": sort_key(name)}, "b": {"B": pack(value)}})


def _cursor(row: Attributes) -> tuple[int, str | None]:
    return int(row["seq"]["N"]), row["at"]["S"] if "at" in row else None


def _kind_pk(kind: str) -> str:
    return f"document#{name_key(kind)}"


def _document_key(kind: str, name: str) -> Key:
    return _kind_pk(kind), sort_key(name)


def _row_key(key: Key) -> Attributes:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _document_row(key: Key, document: Document) -> Attributes:
    kind, name, revision, body, updated_ms = document
    return {**_row_key(key), "rev": {"N": str(revision)}, "b": {"B": pack([kind, name, updated_ms, body])}}


def _document(row: Attributes) -> Document:
    kind, name, updated_ms, body = unpack(row["b"]["B"])
    return Document(kind, name, _revision(row), body, updated_ms)


def _revision(row: Attributes) -> int:
    return int(row["rev"]["N"])


def _if_at(revision: int | None) -> dict[str, Any]:
    """The condition that a row is at *revision*, or is not there."""
    if revision is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {"ConditionExpression": "rev = :rev", "ExpressionAttributeValues": {":rev": {"N": str(revision)}}}
