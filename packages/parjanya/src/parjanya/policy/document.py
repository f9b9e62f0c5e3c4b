"""YAML into nodes that know their line, within bounds, and without what only serves surprise.

Nodes are built from the parser's events with a list as the stack, so nesting costs no recursion, and reading stops at the
first event that is too deep. Anchors, aliases, tags, merge keys and further documents are refused. Plain values are not
guessed at (``no`` is the text "no"): what a value means, the reader of that place decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from parjanya.policy.problems import PolicyError, Problem, shown

MAX_BYTES = 65_536
MAX_DEPTH = 12
MAX_NODES = 5_000


@dataclass(slots=True)
class Text:
    """A scalar. *plain* if it was written without quotes."""

    line: int
    column: int
    text: str
    plain: bool
    raw: str = ""
    """As written, from its first character: where in the document a character of *text* stands."""


@dataclass(slots=True)
class Items:
    """A sequence."""

    line: int
    column: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Table:
    """A mapping, in order; no key is there twice."""

    line: int
    column: int
    entries: dict[str, tuple[Text, Node]] = field(default_factory=dict)
    key: Text | None = None
    """The key whose value comes next, while it is being built."""


Node = Text | Items | Table


def read(data: str | bytes, source: str) -> Node:
    """The root of the document.

    Raises:
        PolicyError: not UTF-8, too large, too deep, not YAML, or something of YAML that is not read here.
    """
    text = _decoded(data, source)
    try:
        return _build(text, source)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        raise _refused(source, line, column, f"not YAML: {error.problem or error.context}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _refused(
            source, line, 1, f"not YAML: a character that does not belong in text ({error.reason})"
        ) from error
    except (
        ValueError,
        IndexError,
        OverflowError,
    ) as error:  # pyyaml lets some of these through: \U00110000, "%YAML 9…9"
        raise _refused(source, 1, 1, f"not YAML: {error}") from error


def _decoded(data: str | bytes, source: str) -> str:
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogateescape")
    if len(data) > MAX_BYTES:
        raise _refused(source, 1, 1, f"the document has {len(data)} bytes or more; at most {MAX_BYTES} are read")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refused(source, line, 1, "not UTF-8 text; save the file as UTF-8") from error


def _refused(source: str, line: int, column: int, what: str) -> PolicyError:
    return PolicyError(source, [Problem(line, column, what)])


def _build(text: str, source: str) -> Node:
    root: Node | None = None
    stack: list[Items | Table] = []
    for count, event in enumerate(_events(text, source)):
        line, column = _place(event)
        if isinstance(event, yaml.CollectionEndEvent):
            stack.pop()
            continue
        if count > MAX_NODES:
            raise _refused(source, line, column, f"more than {MAX_NODES} values; this is no policy")
        node = _node(event, text)
        if not stack:
            root = node
        else:
            _put(stack[-1], node, source)
        if not isinstance(node, Text):
            stack.append(node)
            if len(stack) > MAX_DEPTH:
                raise _refused(source, line, column, f"nested more than {MAX_DEPTH} deep; a policy needs 5")
    if root is None:
        raise _refused(source, 1, 1, "the document is empty; it begins with 'policy: NAME'")
    return root


def _events(text: str, source: str) -> Iterator[yaml.NodeEvent | yaml.CollectionEndEvent]:
    """The events that make nodes; whatever is not read here is refused."""
    documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line, column = _place(event)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _refused(source, line, column, "a second document ('---'); one file holds one policy")
        elif isinstance(event, yaml.AliasEvent):
            raise _refused(source, line, column, f"an alias (*{event.anchor}); write the value out")
        elif isinstance(event, yaml.NodeEvent):
            if event.anchor is not None:
                raise _refused(
                    source, line, column, f"an anchor (&{event.anchor}); use 'constants:' for what is shared"
                )
            tag = getattr(event, "tag", None)
            if tag is not None:
                raise _refused(source, line, column, f"a tag ({shown(tag)}); types follow from the place")
            yield event
        elif isinstance(event, yaml.CollectionEndEvent):
            yield event


def _place(event: yaml.Event) -> tuple[int, int]:
    assert event.start_mark is not None
    return event.start_mark.line + 1, event.start_mark.column + 1


def _node(event: yaml.NodeEvent, text: str) -> Node:
    line, column = _place(event)
    if isinstance(event, yaml.ScalarEvent):
        assert event.start_mark is not None
        assert event.end_mark is not None
        raw = text[event.start_mark.index : event.end_mark.index]
        return Text(line, column, event.value, not event.style, raw)
    return Table(line, column) if isinstance(event, yaml.MappingStartEvent) else Items(line, column)


def _put(holder: Items | Table, node: Node, source: str) -> None:
    if isinstance(holder, Items):
        holder.items.append(node)
    elif holder.key is not None:
        holder.entries[holder.key.text] = (holder.key, node)
        holder.key = None
    elif not isinstance(node, Text):
        raise _refused(source, node.line, node.column, "a key has to be a word")
    elif node.text in holder.entries:
        first = holder.entries[node.text][0].line
        raise _refused(
            source, node.line, node.column, f"the key {shown(node.text)} stands here twice (first in line {first})"
        )
    else:
        holder.key = node


def place(scalar: Text, at: int) -> tuple[int, int]:
    """Line and column in the document of character *at* of a scalar's text.

    Folding changes spaces and line ends only, so characters that are neither are counted.
    """
    ink = sum(not c.isspace() for c in scalar.text[:at])
    start = 0
    if scalar.raw[:1] in ("|", ">"):
        start = scalar.raw.find("\n") + 1
    elif scalar.raw[:1] in ("'", '"'):
        start = 1
    end = len(scalar.raw.rstrip())
    for index in range(start, end):
        if scalar.raw[index].isspace():
            continue
        if ink == 0:
            return _of_index(scalar, index)
        ink -= 1
    return _of_index(scalar, end)


def _of_index(scalar: Text, index: int) -> tuple[int, int]:
    lines = scalar.raw.count("\n", 0, index)
    if not lines:
        return scalar.line, scalar.column + index
    return scalar.line + lines, index - scalar.raw.rfind("\n", 0, index)
