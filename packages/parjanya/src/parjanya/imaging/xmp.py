"""Reads an XMP sidecar without taking it apart: where each property stands, byte by byte.

Called by `parjanya.export.sidecar`, which changes a few properties of a file that belongs to somebody else. A parser
that builds a tree and writes it back renames prefixes, reorders attributes and loses comments; here the foreign bytes
are never touched, because edits are cuts and insertions at positions that expat reports. Hostile input is refused with
a code (`XmpRefused`): DOCTYPE and with it every entity, anything but UTF-8, more than `MAX_BYTES`, broken XML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMLNS = "http://www.w3.org/2000/xmlns/"
MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 200

CONTAINERS = ("Bag", "Seq", "Alt")
_SPACE = b" \t\r\n"
_TAG = re.compile(rb"""<[^<>"']*(?:"[^"]*"[^<>"']*|'[^']*'[^<>"']*)*>""")
_ATTRIBUTE = re.compile(rb"""\s+([^\s=/>]+)\s*=\s*("[^"]*"|'[^']*')""")


class XmpRefused(Exception):  # noqa: N818 - a refusal is an answer, not a fault of ours
    """A sidecar that is not read, let alone changed. ``code`` is stable; the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Item:
    """One ``rdf:li``: its text (None when it holds more than text) and its bytes, the space before it included."""

    text: str | None
    start: int
    end: int


@dataclass(slots=True)
class Property:
    """One property of the image, written as an attribute or as an element.

    ``text`` is its value when it is simple, ``items`` its members when it is a list; both are None for anything else.
    ``start`` and ``end`` are its bytes, the space before it included; ``close`` is where another item can be put in.
    """

    namespace: str
    name: str
    start: int
    end: int = -1
    text: str | None = None
    items: list[Item] | None = None
    container: bytes = b""
    close: int = -1


@dataclass(slots=True)
class Node:
    """One ``rdf:Description``: its bytes (space before it included) and its properties."""

    start: int
    end: int = -1
    properties: list[Property] = field(default_factory=list)


@dataclass(slots=True)
class Document:
    """A parsed sidecar. ``body_end`` is where another node goes, ``about`` the raw value every node must repeat."""

    content: bytes
    nodes: list[Node] = field(default_factory=list)
    about: bytes = b""
    body_end: int = -1
    empty_root: bytes = b""

    def find(self, namespace: str, name: str) -> list[Property]:
        """Every occurrence of a property; more than one is against the rules and happens."""
        return [p for n in self.nodes for p in n.properties if p.namespace == namespace and p.name == name]

    def raw(self, found: Property) -> bytes:
        """The bytes of a property without the space around it."""
        return self.content[found.start : found.end].strip(_SPACE)


def parse(content: bytes) -> Document:
    """Read *content*; raises `XmpRefused`."""
    if len(content) > MAX_BYTES:
        raise XmpRefused("sidecar_too_large", f"{len(content)} bytes; sidecars above {MAX_BYTES} are not read")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise XmpRefused("sidecar_not_utf8", f"not UTF-8 at byte {error.start}") from error
    if b"\0" in content:
        raise XmpRefused("sidecar_not_utf8", "holds zero bytes, as UTF-16 does")
    reader = _Reader(content)
    try:
        reader.parser.Parse(content, True)
    except expat.ExpatError as error:
        raise XmpRefused("sidecar_broken", f"not well-formed XML: {error}") from error
    if reader.document.body_end < 0:
        raise XmpRefused("sidecar_not_xmp", "holds no rdf:RDF")
    return reader.document


class _Reader:
    """Follows expat through the levels RDF / node / property / container / item; what lies deeper is only passed."""

    def __init__(self, content: bytes) -> None:
        self.document = Document(content)
        self.parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._open
        parser.EndElementHandler = self._close
        parser.CharacterDataHandler = self._text
        parser.StartNamespaceDeclHandler = self._bind
        parser.EndNamespaceDeclHandler = self._unbind
        parser.StartDoctypeDeclHandler = self._doctype
        parser.XmlDeclHandler = self._declaration
        self._prefixes: dict[str, list[str]] = {}
        self._tags: list[tuple[int, bytes]] = []  # the open elements: where, and the raw start tag
        self._root = 0  # depth of rdf:RDF, 0 outside
        self._chunks: list[str] | None = None
        self._item_start = -1
        self._complex = False

    def _doctype(self, *_: object) -> None:
        raise XmpRefused("sidecar_doctype", "holds a DOCTYPE; entities are not read")

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "utf8", "us-ascii"):
            raise XmpRefused("sidecar_not_utf8", f"declares the encoding {encoding}")

    def _bind(self, prefix: str | None, uri: str | None) -> None:
        self._prefixes.setdefault(prefix or "", []).append(uri or "")

    def _unbind(self, prefix: str | None) -> None:
        self._prefixes[prefix or ""].pop()

    def _open(self, qualified: str, _attributes: dict[str, str]) -> None:
        namespace, _, name = qualified.rpartition(" ")
        at = self.parser.CurrentByteIndex
        self._tags.append((at, self._tag(at)))
        if len(self._tags) > MAX_DEPTH:
            raise XmpRefused("sidecar_too_deep", f"nested deeper than {MAX_DEPTH}")
        level = len(self._tags) - self._root if self._root else 0
        if not self._root:
            if (namespace, name) == (RDF, "RDF"):
                self._open_root(at)
        elif level == 1:
            self._open_node(at)
        elif level == 2:
            prop = Property(namespace, name, self._before(at))
            self.document.nodes[-1].properties.append(prop)
            # an attribute on a property makes it more than a text: a language, a resource, a structure
            self._complex = any(RDF in key for key in _attributes)
            self._chunks = []
        elif level == 3 and namespace == RDF and name in CONTAINERS:
            prop = self._property()
            prop.items = [] if prop.items is None and not self._complex else prop.items
            prop.container = self._tag(at)
        elif level == 4 and namespace == RDF and name == "li" and self._property().items is not None:
            self._item_start, self._chunks, self._complex = self._before(at), [], False
        else:
            self._complex = True

    def _close(self, _qualified: str) -> None:
        at = self.parser.CurrentByteIndex
        level = len(self._tags) - self._root if self._root else 0
        opened, tag = self._tags.pop()
        if not self._root:
            return
        # expat reports the end of <a/> after the tag, the end of <a></a> before </a>
        empty = tag.endswith(b"/>")
        end = opened + len(tag) if empty else at + len(self._tag(at))
        if level == 0:
            if not empty:
                self.document.body_end = self._before(at)
            self._root = 0
        elif level == 1:
            self.document.nodes[-1].end = end
        elif level == 2:
            prop = self._property()
            prop.end = end
            if prop.items is None and not self._complex:
                prop.text = "".join(self._chunks or [])
            self._chunks = None
        elif level == 3 and self._property().items is not None and self._property().close < 0:
            self._property().close = -1 if empty else self._before(at)
        elif level == 4 and self._item_start >= 0:
            text = None if self._complex else "".join(self._chunks or [])
            items = self._property().items
            if items is not None:
                items.append(Item(text, self._item_start, end))
            self._item_start, self._chunks, self._complex = -1, None, False

    def _text(self, text: str) -> None:
        if self._chunks is not None:
            self._chunks.append(text)

    def _open_root(self, at: int) -> None:
        if self.document.body_end >= 0 or self.document.empty_root:
            raise XmpRefused("sidecar_not_xmp", "holds more than one rdf:RDF")
        self._root = len(self._tags)
        tag = self._tag(at)
        if tag.endswith(b"/>"):
            self.document.empty_root = tag
            self.document.body_end = at

    def _open_node(self, at: int) -> None:
        node = Node(self._before(at))
        tag = self._tag(at)
        for match in _ATTRIBUTE.finditer(tag):
            prefix, _, local = match[1].decode().rpartition(":")
            if prefix == "xmlns" or match[1] == b"xmlns":
                continue
            namespace = self._prefixes.get(prefix, [""])[-1] if prefix else ""
            if (namespace, local) in ((RDF, "about"), ("", "about")):
                self.document.about = self.document.about or match[2][1:-1]
                continue
            value = _attribute_text(match[2])
            node.properties.append(Property(namespace, local, at + match.start(), at + match.end(), value))
        self.document.nodes.append(node)

    def _property(self) -> Property:
        return self.document.nodes[-1].properties[-1]

    def _tag(self, at: int) -> bytes:
        match = _TAG.match(self.document.content, at)
        if match is None:
            raise XmpRefused("sidecar_broken", f"a tag at byte {at} could not be read")
        return match[0]

    def _before(self, at: int) -> int:
        while at > 0 and self.document.content[at - 1] in _SPACE:
            at -= 1
        return at


def _attribute_text(quoted: bytes) -> str:
    """The value of a raw attribute: expat itself resolves the references in it."""
    values: list[str] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda _name, attributes: values.append(attributes["v"])
    parser.Parse(b"<a v=" + quoted + b"/>", True)
    return values[0]
