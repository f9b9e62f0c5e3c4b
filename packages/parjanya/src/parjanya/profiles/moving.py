"""What of an instance moves to another one: which documents and settings, and the objects that its facts name.

Caller: the command ``truth``. Heartbeats, cursors and terms are about processes of the old place and stay there; so does what was
refused there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from parjanya.activation import ACTIVATION, POLICY
from parjanya.profiles.declaration import KIND as ENGINE
from parjanya.profiles.manifest import MANIFEST
from parjanya.stages import preview
from parjanya.views.overrides import kind_of
from tbie.backends.sqlite.objects import BUCKET, LocalObjects
from tbie.campaign import KIND as CAMPAIGN
from tbie.core.errors import MisroutedIntentError, ObjectMissingError
from tbie.core.keys import Address
from tbie.objects import ObjectStore
from tbie.pause import PAUSE
from tbie.truth import Item, TruthStore

SETTINGS = (MANIFEST,)

PREVIEWS = ("large", "thumb")
"""The facts of stage *preview* that are addresses of objects."""


def kinds(truth: TruthStore) -> list[str]:
    """The documents that move. Overrides are kept by tenant."""
    return [ENGINE, POLICY, ACTIVATION, *(kind_of(tenant) for tenant in truth.tenants()), PAUSE, CAMPAIGN]


def objects_of(item: Item) -> Iterator[Address]:
    """The derived objects that the facts of *item* name."""
    record = item.stages.get(preview.NAME)
    facts = record.facts if record is not None else None
    for name in PREVIEWS:
        place = (facts or {}).get(name)
        if isinstance(place, dict) and isinstance(place.get("bucket"), str) and isinstance(place.get("key"), str):
            yield Address(place["bucket"], place["key"])


@dataclass(slots=True)
class Carrier:
    """Copies objects from the folder of another instance, checked by their names, which are hashes of what they hold."""

    folder: Path
    store: ObjectStore
    copied: int = 0
    there: int = 0
    missing: int = 0
    """Named by facts and not in the folder, or not what the name says. ``replay --from preview`` makes them again."""

    def carry(self, item: Item) -> None:
        """Copy what *item* names and the store does not have."""
        for address in objects_of(item):
            if self.store.has(address):
                self.there += 1
            elif self._copy(address):
                self.copied += 1
            else:
                self.missing += 1

    def _copy(self, address: Address) -> bool:
        source = LocalObjects(self.folder)
        try:
            data = source.get(Address(BUCKET, address.key))
        except (ObjectMissingError, MisroutedIntentError, OSError):
            return False
        suffix = Path(address.key).suffix
        return self.store.put(data, suffix).key == address.key
