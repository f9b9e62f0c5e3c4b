"""What goes into a sidecar, and how it joins what is already there. Pure: bytes in, bytes out.

Called by `parjanya.export.xmp`. Three parties write into one file, and each keeps what is its own:

- **Foreign** properties (crs:*, darktable:*, dc:title ...) keep their bytes; the result is parsed again and compared.
- **Shared** properties (xmp:Rating, xmp:Label, digiKam:PickLabel) carry our value until a human changes it. We note in
  our own namespace what we wrote; a value that differs from the note was set by somebody else and stays. Rating 0
  without a note means unrated, as the XMP specification says.
- **Keywords** (dc:subject, lr:hierarchicalSubject) are added to. The note lists those we added, and only those go.

No time stamp is written, so the same verdict gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parjanya.export.record import ImageRecord, readable
from parjanya.export.sidecar_edit import LISTS, OWN, SHARED, Changes, Value, apply, texts
from parjanya.imaging import xmp

PICK_LABELS = {"reject": "1", "review": "2", "keep": "3"}

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_EMPTY = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="parjanya">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
""".encode()


@dataclass(frozen=True, slots=True)
class Merged:
    """The new content, and which shared values were left because a human had set them."""

    content: bytes
    kept: tuple[str, ...]


def merge(existing: bytes | None, record: ImageRecord) -> Merged:
    """*existing* with the verdict of *record* in it; the very same bytes when nothing has to change.

    Raises `xmp.XmpRefused` when *existing* cannot be read safely or *record* has no verdict.
    """
    if record.verdict is None:
        raise xmp.XmpRefused("no_verdict", "the image has no verdict yet")
    document = xmp.parse(_EMPTY if existing is None else existing)
    noted = _own(document)
    target = _Target(document, noted, record)
    if existing is not None and target.holds():
        return Merged(existing, target.kept)
    changes = Changes(shared=target.shared, lists=target.lists, own=target.own, noted=noted)
    content = apply(document, changes)
    if _foreign(xmp.parse(content)) != _foreign(document):
        raise xmp.XmpRefused("sidecar_not_mergeable", "the merge would have changed properties that are not ours")
    return Merged(content, target.kept)


class _Target:
    """What every property that we manage has to be."""

    def __init__(self, document: xmp.Document, noted: Mapping[str, Value], record: ImageRecord) -> None:
        self._document = document
        self._noted = noted
        self.own: dict[str, Value] = _statement(record)
        self.shared: dict[str, str | None] = {}
        self.lists: dict[str, tuple[str, ...]] = {}
        wishes = _wanted(record)
        self.kept = tuple(key for key, wanted in wishes.items() if not self._decide(key, wanted) and wanted is not None)
        for key, words in zip(LISTS, _keywords(record), strict=True):
            self._add_words(key, words)

    def _decide(self, key: str, wanted: str | None) -> bool:
        """Settle one shared property; False when a human's value stands."""
        found = self._document.find(*SHARED[key])
        note = self._noted.get(f"{key}Written")
        unset = not found or (key == "rating" and note is None and _same(found[0].text, "0"))
        cleared = note is not None and (not found or (key == "rating" and _same(found[0].text, "0")))
        if wanted is not None:
            self.own[key] = wanted
        if cleared and not (found and _same(found[0].text, note)):
            self.own[f"{key}Written"] = str(note)  # remember that it was ours, or the next run would put it back
            return False
        if not unset and not (note is not None and all(_same(p.text, note) for p in found)):
            return False
        self.shared[key] = wanted
        if wanted is not None:
            self.own[f"{key}Written"] = wanted
        return True

    def _add_words(self, key: str, words: Sequence[str]) -> None:
        present = texts(self._document.find(*LISTS[key]))
        noted = self._noted.get(f"{key}Written", ())
        theirs = [word for word in present if word not in noted]
        ours = tuple(word for word in words if word not in theirs)
        self.lists[key] = ours
        if ours:
            self.own[f"{key}Written"] = ours

    def holds(self) -> bool:
        """Is everything in place already?"""
        if dict(self._noted) != self.own:
            return False
        for key, wanted in self.shared.items():
            found = self._document.find(*SHARED[key])
            if [p.text for p in found] != ([] if wanted is None else [wanted]):
                return False
        return all(set(ours) <= set(texts(self._document.find(*LISTS[key]))) for key, ours in self.lists.items())


def _statement(record: ImageRecord) -> dict[str, Value]:
    own: dict[str, Value] = {"verdict": record.verdict or ""}
    if record.reasons:
        own["reasons"] = tuple(f"{reason.code}: {reason.text}" for reason in record.reasons)
    optional = {"policyVersion": record.policy_version, "medium": record.medium, "group": record.group_id}
    own |= {name: value for name, value in optional.items() if value is not None}
    return {name: _clean(value) for name, value in own.items()}


def _wanted(record: ImageRecord) -> dict[str, str | None]:
    if record.rating is not None and not -1 <= record.rating <= 5:
        raise xmp.XmpRefused("rating_out_of_range", f"a rating is -1 to 5, not {record.rating}")
    rating = None if record.rating is None else str(record.rating)
    label = None if not record.label else str(_clean(record.label))
    return {"rating": rating, "label": label, "pick": PICK_LABELS.get(record.verdict or "")}


def _keywords(record: ImageRecord) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Flat and hierarchical keywords; the flat ones are the levels of the others, which is how Lightroom pairs them."""
    codes = dict.fromkeys(str(_clean(reason.code)).replace("|", "/") for reason in record.reasons)
    root = ("parjanya", str(record.verdict))
    return (*root, *codes), ("|".join(root), *("|".join((*root, code)) for code in codes))


def _own(document: xmp.Document) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for node in document.nodes:
        for prop in node.properties:
            if prop.namespace == OWN:
                is_list = prop.items is not None
                found[prop.name] = tuple(texts([prop])) if is_list else prop.text or ""
    return found


def _same(text: str | None, other: Value | None) -> bool:
    if text is None or not isinstance(other, str):
        return text is None and other is None
    try:
        return float(text) == float(other)
    except ValueError:
        return text == other


def _foreign(document: xmp.Document) -> list[tuple[str, str, object]]:
    """Everything that is not ours to change, by name and bytes; keywords by text, without those that we noted."""
    noted = _own(document)
    managed = {*SHARED.values(), *LISTS.values()}
    kept: list[tuple[str, str, object]] = [
        (prop.namespace, prop.name, document.raw(prop))
        for node in document.nodes
        for prop in node.properties
        if prop.namespace != OWN and (prop.namespace, prop.name) not in managed
    ]
    for key, (namespace, name) in LISTS.items():
        ours = noted.get(f"{key}Written", ())
        kept.append((namespace, name, sorted({t for t in texts(document.find(namespace, name)) if t not in ours})))
    return kept


def _clean(value: Value) -> Value:
    """Without what XML 1.0 cannot hold, and without space that a reader would normalise away."""
    if isinstance(value, tuple):
        return tuple(str(_clean(part)) for part in value)
    return " ".join(_ILLEGAL.sub("\ufffd", readable(value)).split()) or "-"
