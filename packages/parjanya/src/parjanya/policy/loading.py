"""A policy from its YAML text, or every reason why it is none.

Callers: built-in policies, the store of policies in Truth, the command line.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import isfinite

from parjanya.policy.document import Items, Node, Table, Text, place, read
from parjanya.policy.parser import parse
from parjanya.policy.possible import can_hold
from parjanya.policy.problems import PolicyError, Problem, nearest, shown
from parjanya.policy.rules import FIRST_MATCH, WORST, Default, Group, Policy, Rule, placeholders
from parjanya.policy.signals import SIGNALS
from parjanya.policy.tokens import ExpressionError
from parjanya.policy.tree import Plain

LANGUAGE = "1"
MAX_GROUPS, MAX_RULES, MAX_CONSTANTS, MAX_LIST, MAX_TEXT = 20, 200, 100, 100, 300

BUILT_IN = ("culling", "photographic-content")
"""Policies that come with the program."""

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_CODE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,3})?")


def load(text: str | bytes, source: str) -> Policy:
    """The policy that *text* is; *source* names it in messages.

    Raises:
        PolicyError: it is none; all that is wrong, with lines.
    """
    loader = _Loader(source)
    policy = loader.policy(read(text, source))
    if loader.problems or policy is None:
        raise PolicyError(source, loader.problems)
    return policy


@cache
def builtin(name: str) -> Policy:
    """A policy that comes with the program.

    Raises:
        KeyError: there is none of that name (``BUILT_IN``).
    """
    return load(builtin_text(name), f"built-in {name}")


def builtin_text(name: str) -> str:
    """The document of a policy that comes with the program."""
    if name not in BUILT_IN:
        raise KeyError(name)
    data = pkgutil.get_data("parjanya.policy", f"builtin/{name}.yaml")
    assert data is not None, f"the package is not complete: the policy {name} is missing"
    return data.decode()


@dataclass(slots=True)
class _Loader:
    source: str
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    constants: dict[str, Plain] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    codes: dict[str, int] = field(default_factory=dict)

    def policy(self, root: Node) -> Policy | None:
        keys = self._table(root, ("policy", "version", "language", "groups", "default"), ("constants",), "the document")
        if keys is None:
            return None
        self._language(keys.get("language"))
        self._constants(keys.get("constants"))
        name = self._word(keys.get("policy"), _NAME, "small letters, digits, - and _")
        tag = self._word(keys.get("version"), _TAG, "letters, digits, '.', '-' and '_', at most 40")
        groups = list(self._groups(keys.get("groups")))
        default = self._default(keys.get("default"))
        for constant in self.constants.keys() - self.named:
            self.warnings.append(f"the constant '{constant}' is not used")
        if default is None:
            return None
        return Policy(name, tag, tuple(groups), default, dict(self.constants), tuple(sorted(self.warnings)))

    def _wrong(self, node: Node, what: str) -> None:
        self.problems.append(Problem(node.line, node.column, what))

    def _table(
        self, node: Node, needed: tuple[str, ...], allowed: tuple[str, ...], what: str
    ) -> Mapping[str, Node] | None:
        """The values of a mapping by key; keys that are not there are reported, with those that should be."""
        if not isinstance(node, Table):
            self._wrong(node, f"{what} is a mapping with the keys {', '.join(needed)}")
            return None
        for name, (key, _) in node.entries.items():
            if name not in needed + allowed:
                self._wrong(key, f"{what} has no key {shown(name)}{nearest(name, needed + allowed)}")
        missing = [name for name in needed if name not in node.entries]
        if missing:
            self._wrong(node, f"{what} lacks {', '.join(repr(name) for name in missing)}")
        return {name: value for name, (_, value) in node.entries.items()}

    def _items(self, node: Node | None, what: str, most: int) -> list[Node]:
        if node is None:
            return []
        if not isinstance(node, Items) or not node.items:
            self._wrong(node, f"{what} is a list of at least one")
            return []
        if len(node.items) > most:
            self._wrong(node, f"{what} has {len(node.items)} entries; at most {most}")
        return node.items[:most]

    def _word(self, node: Node | None, form: re.Pattern[str], words: str) -> str:
        if node is None:
            return ""
        if isinstance(node, Text) and form.fullmatch(node.text):
            return node.text
        found = shown(node.text) if isinstance(node, Text) else "this"
        self._wrong(node, f"{found} cannot be used here: {words}")
        return ""

    def _one_of(self, node: Node | None, values: tuple[str, ...]) -> str:
        if node is None:
            return values[0]
        if isinstance(node, Text) and node.text in values:
            return node.text
        found = node.text if isinstance(node, Text) else ""
        self._wrong(node, f"{shown(found)} cannot be used here; one of: {', '.join(values)}")
        return values[0]

    def _language(self, node: Node | None) -> None:
        if node is not None and not (isinstance(node, Text) and node.text == LANGUAGE):
            self._wrong(node, f"this program reads language {LANGUAGE}")

    def _constants(self, node: Node | None) -> None:
        if node is None:
            return
        if not isinstance(node, Table) or len(node.entries) > MAX_CONSTANTS:
            self._wrong(node, f"constants are a mapping of at most {MAX_CONSTANTS} names to values")
            return
        for name, (key, value) in node.entries.items():
            if not _CODE.fullmatch(name):
                self._wrong(key, f"{shown(name)} cannot be the name of a constant: small letters, digits and _")
            elif name in SIGNALS:
                self._wrong(key, f"'{name}' is the name of a signal; choose another")
            else:
                self.constants[name] = self._value(value)
                self._printable(value, name)

    def _printable(self, node: Node, name: str) -> None:
        """Sentences repeat constants, so what they may not hold, constants may not."""
        texts = node.items if isinstance(node, Items) else [node]
        if not all(text.text.isprintable() for text in texts if isinstance(text, Text)):
            self._wrong(node, f"the constant '{name}' has characters that cannot be printed, or more than one line")

    def _value(self, node: Node) -> Plain:
        match node:
            case Text(plain=True, text="true" | "false"):
                return node.text == "true"
            case Text(plain=True, text=text) if _NUMBER.fullmatch(text) and isfinite(float(text)):
                return float(text)
            case Text(text=text) if 0 < len(text) <= MAX_TEXT:
                return text
            case Items(items=items) if 0 < len(items) <= MAX_LIST and all(isinstance(i, Text) for i in items):
                return tuple(dict.fromkeys(i.text for i in items if isinstance(i, Text)))
        self._wrong(node, f"a constant is a number, true, false, a text, or a list of 1 to {MAX_LIST} texts")
        return 0.0

    def _groups(self, node: Node | None) -> Iterator[Group]:
        rules, names = 0, set[str]()
        for entry in self._items(node, "groups", MAX_GROUPS):
            keys = self._table(entry, ("name", "combine", "rules"), (), "a group")
            if keys is None:
                continue
            name = self._word(keys.get("name"), _NAME, "small letters, digits, - and _")
            if name in names:
                self._wrong(entry, f"a second group '{name}'; rename one")
            names.add(name)
            combine = self._one_of(keys.get("combine"), (WORST, FIRST_MATCH))
            entries = self._items(keys.get("rules"), "rules", MAX_RULES)
            rules += len(entries)
            if rules > MAX_RULES:
                self._wrong(entry, f"more than {MAX_RULES} rules")
                return
            yield Group(name, combine, tuple(self._rules(entries, combine)))

    def _rules(self, entries: list[Node], combine: str) -> Iterator[Rule]:
        verdicts = ("review", "reject", "keep") if combine == FIRST_MATCH else ("review", "reject")
        always: str | None = None
        for entry in entries:
            keys = self._table(entry, ("id", "when", "verdict", "text"), (), "a rule")
            if keys is None:
                continue
            code = self._code(keys.get("id"))
            verdict = self._one_of(keys.get("verdict"), verdicts)
            text = self._text(keys.get("text"))
            if always is not None and combine == FIRST_MATCH:
                self._wrong(entry, f"this rule can never be reached: '{always}' before it always fires")
            rule = self._rule(code, verdict, keys.get("when"), text)
            if rule is None:
                continue
            if not can_hold(rule.when, wanted=False):
                always = code
                if combine == WORST:
                    self.warnings.append(f"the rule '{code}' fires for every image")
            yield rule

    def _code(self, node: Node | None) -> str:
        code = self._word(node, _CODE, "an id is made of small letters, digits and _")
        if node is None or not code:
            return code
        if code.startswith("unknown_"):
            self._wrong(
                node, "ids that begin with 'unknown_' are taken: they are the reasons of what cannot be decided"
            )
        if code in self.codes:
            self._wrong(node, f"the id '{code}' is used twice (first in line {self.codes[code]}); rename one")
        self.codes.setdefault(code, node.line)
        return code

    def _rule(self, code: str, verdict: str, when: Node | None, text: str) -> Rule | None:
        if when is None:
            return None
        if not isinstance(when, Text):
            self._wrong(when, "'when' is an expression: one text")
            return None
        try:
            tree, named = parse(when.text, self.constants)
        except ExpressionError as error:
            line, column = place(when, error.at)
            self.problems.append(Problem(line, column, f"rule '{code}': {error.what}"))
            return None
        self.named |= named
        if not can_hold(tree):
            self._wrong(when, f"rule '{code}' can never fire: what it asks for contradicts itself")
            return None
        return Rule(code, verdict, tree, text)

    def _text(self, node: Node | None) -> str:
        if node is None:
            return ""
        if not isinstance(node, Text) or not 0 < len(node.text) <= MAX_TEXT:
            self._wrong(node, f"the text is a sentence of 1 to {MAX_TEXT} characters")
            return ""
        if not node.text.isprintable():
            self._wrong(node, "the text has characters that cannot be printed, or more than one line")
        names = placeholders(node.text)
        rest = node.text
        for name in names:
            rest = rest.replace("{" + name + "}", "", 1)
            if name in self.constants:
                self.named.add(name)
            elif name not in SIGNALS:
                known = [*SIGNALS, *self.constants]
                self._wrong(node, f"the text names {shown(name)}, which is no signal{nearest(name, known)}")
        if "{" in rest or "}" in rest:
            self._wrong(node, "braces in a text hold the name of a signal: {subject_sharpness}")
        return node.text

    def _default(self, node: Node | None) -> Default | None:
        if node is None:
            return None
        keys = self._table(node, ("verdict", "reason", "text"), (), "default")
        if keys is None:
            return None
        verdict = self._one_of(keys.get("verdict"), ("keep", "review"))
        code = self._code(keys.get("reason"))
        return Default(verdict, code, self._text(keys.get("text")))
