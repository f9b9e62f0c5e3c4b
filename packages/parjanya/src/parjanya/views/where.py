"""The language of ``--where``: a small, safe, three-valued boolean expression over the fields of an image.

    verdict == "reject" and scores.sharpness < 0.3
    status == "failed" or medium in ["slide", "screenshot"]
    "not_sharpest" in reasons and not group == None

Names are the keys of ``parjanya images``; ``reasons`` stands for the reason codes. Parsed with Python's own parser, run by
a dozen lines that allow nothing else. A comparison with an unknown value is unknown, and unknown selects nothing.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from parjanya.export.record import ImageRecord

MAX_LENGTH = 2_000
"""Characters. Longer expressions are programs, and nobody writes them by hand."""

_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}

Selector = Callable[[ImageRecord], bool]


class WhereError(ValueError):
    """The expression is not one. The message shows where and lists what may be used."""


def parse(expression: str) -> Selector:
    """A selector from *expression*.

    Raises:
        WhereError: a syntax error, an unknown name, or something this language does not have.
    """
    if len(expression) > MAX_LENGTH:
        raise WhereError(f"the expression has {len(expression)} characters; at most {MAX_LENGTH} are read")
    try:
        tree = ast.parse(expression, mode="eval")
        _check(tree.body)
    except SyntaxError as error:
        raise WhereError(f"not an expression: {error.msg} at column {error.offset}: {expression!r}") from error
    except UnicodeError as error:
        raise WhereError(
            f"not text: {expression!r}; write the bytes of such a file name as the JSON shows them"
        ) from error
    except (RecursionError, MemoryError) as error:
        raise WhereError("the expression is nested too deeply") from error
    return lambda record: _truth(tree.body, _fields(record)) is True


def _fields(record: ImageRecord) -> dict[str, Any]:
    fields = record.to_json()
    fields["reasons"] = [reason.code for reason in record.reasons]
    return fields


_FIELDS = frozenset(ImageRecord(id="", tenant="", path="", source=None, status="").to_json())  # type: ignore[arg-type]
_OPEN = frozenset({"scores", "group", "versions", "failure", "observed", "execution", "witness", "override", "scene"})


def _check(node: ast.expr) -> None:  # noqa: PLR0912 - one case for each thing that is allowed
    match node:
        case ast.BoolOp(values=values):
            for value in values:
                _check(value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            _check(operand)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            pass
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            for op in ops:
                if type(op) not in _COMPARE:
                    raise WhereError(f"use ==, !=, <, <=, >, >=, in or not in; not {type(op).__name__!r}")
            for value in (left, *comparators):
                _check(value)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            for element in elements:
                _check(element)
        case ast.Constant(value=str() | int() | float() | None):
            pass
        case ast.Name() | ast.Attribute():
            path = _path(node)
            if path[0] not in _FIELDS:
                raise WhereError(f"there is no field {path[0]!r}; fields: {', '.join(sorted(_FIELDS))}")
            if len(path) > 1 and path[0] not in _OPEN:
                raise WhereError(f"{path[0]!r} has no parts; only {', '.join(sorted(_OPEN))} do")
        case _:
            raise WhereError(
                f"{ast.unparse(node)!r} is not allowed here: only fields, constants, and/or/not, comparisons"
            )


def _path(node: ast.expr) -> list[str]:
    match node:
        case ast.Name(id=name):
            return [name]
        case ast.Attribute(value=value, attr=name):
            return [*_path(value), name]
        case _:
            raise WhereError(f"{ast.unparse(node)!r} is not a field")


def _truth(node: ast.expr, fields: Mapping[str, Any]) -> bool | None:
    match node:
        case ast.BoolOp(op=op, values=values):
            results = [_truth(value, fields) for value in values]
            decisive = isinstance(op, ast.Or)
            if decisive in results:
                return decisive
            return None if None in results else not decisive
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            result = _truth(operand, fields)
            return None if result is None else not result
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            return _compare(left, ops, comparators, fields)
        case _:
            value = _value(node, fields)
            return None if value is None else bool(value)


def _compare(
    left: ast.expr, ops: list[ast.cmpop], comparators: list[ast.expr], fields: Mapping[str, Any]
) -> bool | None:
    value = _value(left, fields)
    for op, right in zip(ops, comparators, strict=True):
        other = _value(right, fields)
        asks_for_unknown = _is_none(left) or _is_none(right)
        if (value is None or other is None) and not asks_for_unknown:
            return None
        try:
            if not _COMPARE[type(op)](value, other):
                return False
        except TypeError:
            return None  # a text against a number: neither true nor false
        left, value = right, other
    return True


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _value(node: ast.expr, fields: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(operand=ast.Constant(value=value)) if isinstance(value, int | float):
            return -value
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_value(element, fields) for element in elements]
        case ast.Name() | ast.Attribute():
            return _lookup(_path(node), fields)
        case _:
            return _truth(node, fields)


def _lookup(path: list[str], fields: Mapping[str, Any]) -> Any:
    found: Any = fields[path[0]]
    rest = path[1:]
    while rest and isinstance(found, Mapping):
        dotted = ".".join(rest)  # scores have dots in their names
        if dotted in found:
            return found[dotted]
        found, rest = found.get(rest[0]), rest[1:]
    return None if rest else found
