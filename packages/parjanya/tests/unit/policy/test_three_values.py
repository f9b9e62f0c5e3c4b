"""What conditions mean, by independent accounts: Python's own ``eval``, Kleene's tables, and an implementation of CEL."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from cel_expr_python import cel
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from policy_expressions import CEL, PYTHON, Shape, conditions, holds, in_python, signals, text

from parjanya.policy import BUILT_IN, SEVERITY, SIGNALS, PolicyError, Value, builtin, decide, load, verdict
from parjanya.policy.evaluate import compiled, grounds
from parjanya.policy.parser import parse
from parjanya.policy.signals import Kind
from parjanya.policy.tokens import ExpressionError
from parjanya.policy.tree import render, signals_of

Signals = dict[str, Value]


def evaluated(condition: str, values: Signals) -> bool | None:
    return compiled(parse(condition, {})[0]).test(values)


@given(conditions(), signals(unknown=False))
def test_where_everything_is_known_a_condition_means_what_python_says(shape: Shape, values: Signals) -> None:
    assert evaluated(text(shape), values) is in_python(shape, values)


@given(conditions(), signals(unknown=True))
def test_where_something_is_unknown_a_condition_follows_kleene(shape: Shape, values: Signals) -> None:
    assert evaluated(text(shape), values) is holds(shape, values)


@given(conditions(), signals(unknown=True))
def test_both_spellings_mean_the_same(shape: Shape, values: Signals) -> None:
    plain, cel = (parse(text(shape, spelling), {})[0] for spelling in (PYTHON, CEL))
    assert compiled(plain).test(values) is compiled(cel).test(values)


@given(conditions(), signals(unknown=True))
def test_the_canonical_text_means_the_same_and_is_its_own_canonical_text(shape: Shape, values: Signals) -> None:
    tree, _ = parse(text(shape), {})
    again, _ = parse(render(tree), {})
    assert render(again) == render(tree)
    assert compiled(again).test(values) is compiled(tree).test(values)


@given(conditions(known=False), signals(unknown=True), st.data())
def test_a_signal_that_is_no_ground_of_a_result_may_change_without_changing_it(
    shape: Shape, values: Signals, data: st.DataObject
) -> None:
    condition = compiled(parse(text(shape), {})[0])
    result = condition.test(values)
    named = {name for atom in grounds(condition, values) for name in signals_of(atom)}
    others = {name: v for name, v in data.draw(signals(unknown=True)).items() if name not in named}
    assert condition.test({**values, **others}) is result or result is None


def policy_of(shapes: list[tuple[Shape, str]], combine: str) -> str:
    rules = "".join(
        f"      - {{id: r{n}, when: '{text(shape)}', verdict: {verdict}, text: t}}\n"
        for n, (shape, verdict) in enumerate(shapes)
    )
    return (
        f"policy: p\nversion: v\nlanguage: 1\ngroups:\n  - name: g\n    combine: {combine}\n    rules:\n{rules}"
        "default: {verdict: keep, reason: fine, text: fine}\n"
    )


def loads(document: str) -> Any:
    """The policy, or None if one of its random rules contradicts itself: that is refused, and not what is looked at."""
    try:
        return load(document, "random")
    except PolicyError as error:
        if not all("never" in problem.what for problem in error.problems):
            raise
        return None


VERDICTS = st.sampled_from(["review", "reject"])


@given(
    st.lists(st.tuples(conditions(known=False), VERDICTS), min_size=1, max_size=5),
    st.sampled_from(["worst", "first_match"]),
    signals(unknown=True),
    st.data(),
)
def test_losing_a_measurement_never_lets_an_image_pass(
    rules: list[tuple[Shape, str]], combine: str, values: Signals, data: st.DataObject
) -> None:
    policy = loads(policy_of(rules, combine))
    if policy is None:
        return
    lost = data.draw(st.sets(st.sampled_from(sorted(values)), min_size=1))
    before = decide(policy, values).verdict
    after = decide(policy, {name: None if name in lost else v for name, v in values.items()}).verdict
    assert before == "keep" or SEVERITY[after] >= SEVERITY["review"]


@given(
    st.lists(st.tuples(conditions(), VERDICTS), min_size=1, max_size=5),
    st.sampled_from(["worst", "first_match"]),
    signals(unknown=True),
)
def test_counting_many_says_what_deciding_one_says(
    rules: list[tuple[Shape, str]], combine: str, values: Signals
) -> None:
    policy = loads(policy_of(rules, combine))
    if policy is not None:
        whole, short = decide(policy, values), verdict(policy, values)
        assert short[0] == whole.verdict
        assert set(short[1]) == {reason.code for reason in whole.reasons if reason.verdict == whole.verdict}


def any_signals() -> st.SearchStrategy[Signals]:
    """Random images with every signal, some of it not known."""

    def values(name: str) -> st.SearchStrategy[Value]:
        signal = SIGNALS[name]
        match signal.kind:
            case Kind.NUMBER:
                return st.floats(max(signal.low, -1e4), min(signal.high, 1e4))
            case Kind.CHOICE:
                return st.sampled_from(signal.values)
            case Kind.FLAG:
                return st.booleans()
            case Kind.LIST:
                return st.lists(st.sampled_from(signal.values), max_size=2).map(tuple)
            case Kind.TEXT:
                return st.text(max_size=5)

    return st.fixed_dictionaries({name: st.none() | values(name) for name in SIGNALS})


@pytest.mark.parametrize("name", BUILT_IN)
@given(values=any_signals(), data=st.data())
def test_a_built_in_policy_lets_nothing_pass_for_losing_what_no_rule_asks_to_be_known(
    name: str, values: Signals, data: st.DataObject
) -> None:
    policy = builtin(name)
    measured = sorted(signal for signal in policy.signals if not signal.startswith("model."))
    lost = data.draw(st.sampled_from(measured))
    before, after = decide(policy, values).verdict, decide(policy, {**values, lost: None}).verdict
    assert before == "keep" or after != "keep"


# -- an independent implementation of CEL -----------------------------------------------------------------------------


KINDS = {
    Kind.NUMBER: cel.Type.DOUBLE,
    Kind.CHOICE: cel.Type.STRING,
    Kind.TEXT: cel.Type.STRING,
    Kind.FLAG: cel.Type.BOOL,
    Kind.LIST: cel.Type.List(cel.Type.STRING),
}
ENVIRONMENT = cel.NewEnv(
    variables={name: KINDS[signal.kind] for name, signal in SIGNALS.items()}
    | {f"known_{name.replace('.', '_')}": cel.Type.BOOL for name in SIGNALS}
)
"""CEL with the signals as typed variables. A variable that is missing in the data is CEL's error, which its *and* and *or*
absorb as Kleene's unknown is absorbed."""


def as_cel(condition: str) -> str:
    """A canonical condition without ``known`` in CEL's spelling."""
    tree, _ = parse(condition, {})
    return _cel(tree)


def _cel(tree: Any) -> str:
    from parjanya.policy import tree as t

    match tree:
        case t.And(parts):
            return "(" + " && ".join(map(_cel, parts)) + ")"
        case t.Or(parts):
            return "(" + " || ".join(map(_cel, parts)) + ")"
        case t.Not(part):
            return f"!({_cel(part)})"
        case t.Among(t.Ref(name), t.Literal(values), negated):
            listed = f"({name} in {t.plain(values)})"
            return f"!{listed}" if negated else listed
        case t.AnyOf(t.Ref(name), t.Literal(tuple() as values)):
            return "(" + " || ".join(f"{t.plain(value)} in {name}" for value in values) + ")"
        case t.Compare(t.Ref(left), operator, t.Ref(right)):
            return f"({left} {operator} {right})"
        case t.Compare(t.Ref(name), operator, t.Literal(value)):
            return (
                f"({name} {operator} {value!r})"
                if isinstance(value, float)
                else f"({name} {operator} {t.plain(value)})"
            )
        case t.Known(t.Ref(name)):
            return f"known_{name.replace('.', '_')}"
    raise AssertionError(tree)


def in_cel(environment: Any, condition: str, values: Signals) -> bool | None:
    """CEL's answer; an error (something it needs is not there) is unknown."""
    data: dict[str, Any] = {name: list(v) if isinstance(v, tuple) else v for name, v in values.items() if v is not None}
    data |= {f"known_{name.replace('.', '_')}": values.get(name) is not None for name in SIGNALS}
    found = environment.compile(condition).eval(data=data)
    return None if "ERROR" in str(found.type()) else bool(found.value())


@given(conditions(), signals(unknown=True))
@settings(deadline=None)
def test_an_implementation_of_cel_agrees_about_random_conditions(shape: Shape, values: Signals) -> None:
    assert in_cel(ENVIRONMENT, as_cel(text(shape)), values) is evaluated(text(shape), values)


@pytest.mark.parametrize("name", BUILT_IN)
@given(values=any_signals())
@settings(deadline=None, max_examples=40)
def test_an_implementation_of_cel_agrees_about_every_built_in_rule(name: str, values: Signals) -> None:
    numbers = {n: float(v) if isinstance(v, int | float) and not isinstance(v, bool) else v for n, v in values.items()}
    for rule in builtin(name).rules:
        assert in_cel(ENVIRONMENT, _cel(rule.when), numbers) is rule.test(numbers), rule.code


def test_an_implementation_of_cel_refuses_what_we_refuse_as_comparing_types() -> None:
    for condition in (
        'subject_sharpness < "x"',
        "camera_known == 1.0",
        "model.medium in model.logo",
    ):
        with pytest.raises(ExpressionError):
            parse(condition, {})
        with pytest.raises(Exception, match=r"(?s)no matching overload|INVALID"):
            ENVIRONMENT.compile(condition)
