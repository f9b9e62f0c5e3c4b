"""How a sidecar is changed: cuts and insertions into bytes that belong to somebody else.

Called by `parjanya.export.sidecar`, which has decided what every property has to be. A node that held nothing but what
is cut goes with it; everything that is written goes into one node of its own at the end, which declares every prefix
it uses and repeats the ``rdf:about`` of the others, as the XMP specification asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from parjanya.imaging import xmp

OWN = "urn:parjanya:xmp:1.0/"
XMP = "http://ns.adobe.com/xap/1.0/"
DC = "http://purl.org/dc/elements/1.1/"
LIGHTROOM = "http://ns.adobe.com/lightroom/1.0/"
DIGIKAM = "http://www.digikam.org/ns/1.0/"
PREFIXES = {XMP: "xmp", DIGIKAM: "digiKam", DC: "dc", LIGHTROOM: "lr", OWN: "parjanya"}

SHARED = {"rating": (XMP, "Rating"), "label": (XMP, "Label"), "pick": (DIGIKAM, "PickLabel")}
LISTS = {"keywords": (DC, "subject"), "hierarchy": (LIGHTROOM, "hierarchicalSubject")}
ORDERED = frozenset({"reasons"})

Value = str | tuple[str, ...]
Cut = tuple[int, int, bytes]
"""First byte, end, and what stands there instead."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What has to be true afterwards.

    ``shared``: single values by key of `SHARED`, None to remove; keys that are missing are left alone. ``lists``: our
    words by key of `LISTS`. ``own``: everything in our namespace. ``noted``: what our namespace says now.
    """

    shared: Mapping[str, str | None]
    lists: Mapping[str, tuple[str, ...]]
    own: Mapping[str, Value]
    noted: Mapping[str, Value]


def texts(found: Sequence[xmp.Property]) -> list[str]:
    """The members of a list, or the one value of what should have been a list."""
    texts: list[str] = []
    for prop in found:
        if prop.items is not None:
            texts += [item.text for item in prop.items if item.text is not None]
        elif prop.text is not None and prop.text.strip():
            texts.append(prop.text)
    return texts


def apply(document: xmp.Document, changes: Changes) -> bytes:
    """*document* with *changes* made; everything else keeps its bytes."""
    cuts: list[Cut] = []
    block: list[tuple[str, str, Value]] = []
    for key, wanted in changes.shared.items():
        cuts += [(p.start, p.end, b"") for p in document.find(*SHARED[key])]
        if wanted is not None:
            block.append((*SHARED[key], wanted))
    for key, ours in changes.lists.items():
        words, edits = _list_edits(document, key, ours, changes.noted.get(f"{key}Written", ()))
        cuts += edits
        if words:
            block.append((*LISTS[key], words))
    for node in document.nodes:
        cuts += [(p.start, p.end, b"") for p in node.properties if p.namespace == OWN]
    block += [(OWN, name, value) for name, value in changes.own.items()]
    cuts = _whole_nodes(document, cuts)
    newline = b"\r\n" if b"\r\n" in document.content else b"\n"
    addition = _render(block, document.about).replace(b"\n", newline)
    if document.empty_root:
        name = re.match(rb"<([^\s/>]+)", document.empty_root)
        opened = document.empty_root[:-2].rstrip() + b">"
        closed = b"</" + (name[1] if name else b"") + b">"
        end = document.body_end + len(document.empty_root)
        cuts.append((document.body_end, end, opened + addition + newline + closed))
    else:
        cuts.append((document.body_end, document.body_end, addition))
    return _splice(document.content, cuts)


def _list_edits(
    document: xmp.Document, key: str, ours: tuple[str, ...], noted: Value
) -> tuple[tuple[str, ...], list[Cut]]:
    """Edits inside an existing list, or the words of a new one when there is none to add to."""
    found = document.find(*LISTS[key])
    if len(found) != 1 or found[0].close < 0 or not found[0].items:
        # nothing there, an empty list, a bare text, or the same list twice: written anew with everything in it
        complex_items = any(p.items is None and p.text is None for p in found)
        complex_items |= any(item.text is None for p in found for item in p.items or ())
        if complex_items:
            raise xmp.XmpRefused("sidecar_not_mergeable", f"{LISTS[key][1]} is written in a way that is not understood")
        theirs = [text for text in texts(found) if text not in noted]
        return tuple(dict.fromkeys((*theirs, *ours))), [(p.start, p.end, b"") for p in found]
    prop = found[0]
    items = prop.items or []
    gone = [item for item in items if item.text in noted and item.text not in ours]
    fresh = [word for word in ours if word not in [item.text for item in items]]
    if len(gone) == len(items) and not fresh:
        return (), [(prop.start, prop.end, b"")]
    prefix = (re.match(rb"<([^\s/>]+)", prop.container) or [b"", b"rdf:Bag"])[1]
    tag = (bytes(prefix).rpartition(b":")[0] + b":li").removeprefix(b":")
    lead = document.content[items[0].start : document.content.index(b"<", items[0].start)]
    added = b"".join(lead + b"<%s>%s</%s>" % (tag, escape(word).encode(), tag) for word in fresh)
    edits = [(item.start, item.end, b"") for item in gone]
    return (), [*edits, (prop.close, prop.close, added)]


def _whole_nodes(document: xmp.Document, cuts: list[Cut]) -> list[Cut]:
    """Cut a node altogether when nothing would be left in it."""
    spans = {(start, end) for start, end, _ in cuts}
    for node in document.nodes:
        if node.properties and all((p.start, p.end) in spans for p in node.properties):
            cuts = [cut for cut in cuts if not node.start <= cut[0] < node.end]
            cuts.append((node.start, node.end, b""))
    return cuts


def _render(block: Sequence[tuple[str, str, Value]], about: bytes) -> bytes:
    used = dict.fromkeys(namespace for namespace, _, _ in block)
    declared = "".join(f'\n    xmlns:{PREFIXES[namespace]}="{namespace}"' for namespace in used)
    lines = []
    for namespace, name, value in block:
        tag = f"{PREFIXES[namespace]}:{name}"
        if isinstance(value, str):
            lines.append(f"\n   <{tag}>{escape(value)}</{tag}>")
            continue
        kind = "Seq" if name in ORDERED else "Bag"
        items = "".join(f"\n     <rdf:li>{escape(item)}</rdf:li>" for item in value)
        lines.append(f"\n   <{tag}>\n    <rdf:{kind}>{items}\n    </rdf:{kind}>\n   </{tag}>")
    head = f'\n  <rdf:Description xmlns:rdf="{xmp.RDF}"'
    quote = b"'" if b'"' in about else b'"'
    start = head.encode() + b" rdf:about=" + quote + about + quote
    return start + f"{declared}>{''.join(lines)}\n  </rdf:Description>".encode()


def _splice(content: bytes, cuts: Sequence[Cut]) -> bytes:
    parts = []
    at = 0
    for start, end, replacement in sorted(cuts, key=lambda cut: (cut[0], cut[1])):
        parts += [content[at:start], replacement]
        at = max(at, end)
    return b"".join([*parts, content[at:]])
