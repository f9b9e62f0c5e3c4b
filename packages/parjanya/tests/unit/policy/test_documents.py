"""Policy documents: every mistake has a line, all of them are told at once, and nothing hostile takes long or raises else."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parjanya.policy import BUILT_IN, PolicyError, builtin, builtin_text, load
from parjanya.policy.document import MAX_BYTES
from parjanya.policy.rules import filled

GOOD = """\
policy: mine
version: "2026-11"
language: 1
constants:
  soft: 0.3
groups:
  - name: sharpness
    combine: worst
    rules:
      - id: too_soft
        when: subject_sharpness < soft
        verdict: reject
        text: "its sharpest part is soft ({subject_sharpness})"
default:
  verdict: keep
  reason: sharp
  text: it is sharp
"""


def problems(document: str | bytes) -> list[str]:
    with pytest.raises(PolicyError) as refused:
        load(document, "mine.yaml")
    return [f"{p.line}:{p.column}: {p.what}" for p in refused.value.problems]


def instead(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def test_a_good_document_is_a_policy() -> None:
    policy = load(GOOD, "mine.yaml")
    assert (policy.name, policy.tag, policy.warnings) == ("mine", "2026-11", ())
    assert policy.signals == {"subject_sharpness"}
    assert [rule.condition for rule in policy.rules] == ["subject_sharpness < soft"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("policy: mine", "policy: My Policy", r"1:9: 'My Policy' cannot be used here: small letters"),
        ("language: 1", "language: 2", r"3:11: this program reads language 1"),
        ("language: 1\n", "", r"1:1: the document lacks 'language'"),
        ("combine: worst", "combine: best", r"8:14: 'best' cannot be used here; one of: worst, first_match"),
        ("verdict: reject", "verdict: keep", r"12:18: 'keep' cannot be used here; one of: review, reject"),
        ("verdict: reject", "verdct: reject", r"12:9: a rule has no key 'verdct'; did you mean 'verdict'\?"),
        ("id: too_soft", "id: unknown_soft", r"10:13: ids that begin with 'unknown_' are taken"),
        ("soft: 0.3", "noise: 0.3", r"5:3: 'noise' is the name of a signal; choose another"),
        ("soft: 0.3", "soft: .nan", r"11:35: .*subject_sharpness is compared with soft; it wants a number"),
        ("soft: 0.3", "soft: {a: b}", r"5:9: a constant is a number"),
        (
            "({subject_sharpness})",
            "({subject_sharpnes})",
            r"13:15: the text names .* did you mean 'subject_sharpness'\?",
        ),
        ("({subject_sharpness})", "{0.__class__}", r"13:15: the text names '0.__class__', which is no signal"),
        ("({subject_sharpness})", "{subject_sharpness!r}", r"13:15: braces in a text hold the name of a signal"),
        ("  soft: 0.3", "  soft: 0.3\n  soft: 0.4", r"6:3: the key 'soft' stands here twice \(first in line 5\)"),
        ("  soft: 0.3", "  soft: &a 0.3", r"5:9: an anchor \(&a\)"),
        ("  soft: 0.3", "  soft: *a", r"5:9: an alias \(\*a\)"),
        ("  soft: 0.3", "  soft: !!python/object:os.system 1", r"5:9: a tag \("),
        ("  soft: 0.3", "  <<: {a: 1}", r"5:3: '<<' cannot be the name of a constant"),
        ("default:", "---\ndefault:", r"14:1: a second document"),
        ("  soft: 0.3", "\tsoft: 0.3", r"5:1: not YAML: "),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(old: str, new: str, says: str) -> None:
    assert any(re.match(says, problem) for problem in problems(instead(old, new))), problems(instead(old, new))


@pytest.mark.parametrize(
    ("when", "says"),
    [
        (
            "subject_sharpnes < 0.3",
            r"11:15: .*no signal or constant 'subject_sharpnes'; did you mean 'subject_sharpness'\?",
        ),
        ("medium == 'slides'", r"11:25: .*medium is never 'slides'; did you mean 'slide'\?"),
        ("medium in ['slide', 'foto']", r"11:25: .*medium is never 'foto'; did you mean 'photo'\?"),
        ("medium in soft", r"11:25: .*soft is no list"),
        ("subject_sharpness < 'x'", r"11:35: .*subject_sharpness is compared with ''x''; it wants a number"),
        ("medium > 'photo'", r"11:22: .*has no order"),
        ("noise", r"11:15: .*noise \(number\) is neither true nor false"),
        ("camera_known and noise", r"11:32: .*noise \(number\) is neither true nor false"),
        ("camera_known == 'yes'", r"11:31: .*it wants true or false"),
        ("noise = 3", r"11:21: .*compare with =="),
        ("noise > 3 & camera_known", r"11:25: .*write 'and'"),
        ("noise > 3 camera_known", r"11:25: .*'and' or 'or' missing\?"),
        ("(noise > 3", r"11:25: .*'\)' is expected here, not 'the end'"),
        ("noise > ", r"11:22: .*a signal, a value or '\(' is expected here"),
        ("1 < 2", r"11:17: .*two fixed values are compared"),
        ("noise < noise", r"11:21: .*compared with itself"),
        ("medium == model.medium", r"11:22: .*only if both are numbers"),
        ("(noise > 3) == camera_known", r"11:15: .*a condition cannot be compared"),
        ("model.artifacts == 'halos'", r'11:31: .*write "value" in model.artifacts'),
        ("('halo' in model.artifacts)", r"11:16: .*did you mean 'halos'\?"),
        ("known(noise, medium)", r"11:15: .*it is used like this: known\(signal\)"),
        ("exec('x')", r"11:15: .*no function 'exec'; there are: known, between, any_of"),
        ("model.note == 'x'", r"11:15: .*no signal or constant 'model.note'"),
        ("noise.__class__ == 'x'", r"11:15: .*no signal or constant 'noise.__class__'"),
        ("noise > 1 and noise < 1", r"11:15: .*can never fire"),
        ("subject_sharpness > 18", r"11:15: .*can never fire"),
        ("camera_known and not camera_known", r"11:15: .*can never fire"),
        ("medium == 'photo' and medium != 'photo'", r"11:15: .*can never fire"),
        ("not known(noise) and noise > 1", r"11:15: .*can never fire"),
        ("between(noise, 3, 2)", r"11:15: .*can never fire"),
        ("model.sharp > 5", r"11:15: .*can never fire"),
        ("false", r"11:15: .*can never fire"),
        ("noise > lambda", r"no signal or constant 'lambda'"),
        ("noise > 1 if camera_known else false", r"'if' is not expected here"),
        ("noise > 0x10", r"is not understood"),
        ("medium in [x for x in medium]", r"a list holds texts in quotes"),
        ("medium in []", r"an empty list"),
    ],
)
def test_an_expression_that_cannot_be_meant_is_refused_at_its_character(when: str, says: str) -> None:
    found = problems(instead("subject_sharpness < soft\n", f"{when}\n"))
    assert any(re.search(says, problem) for problem in found), found


@pytest.mark.parametrize("style", ['"{}"', ">-\n          {}", "|\n          {}", "\n          {}"])
def test_the_place_of_a_mistake_is_right_however_the_text_is_written(style: str) -> None:
    when = style.format("noise > 3 and\n          medum == 1" if "\n" in style else "noise > 3 and medum == 1")
    document = instead("subject_sharpness < soft", when)
    (found,) = [p for p in problems(document) if "medum" in p]
    line, column, _ = found.split(":", 2)
    assert document.splitlines()[int(line) - 1][int(column) - 1 :].startswith("medum")


def test_every_mistake_of_a_document_is_told_at_once() -> None:
    document = instead("combine: worst", "combine: best").replace("subject_sharpness < soft", "blur > 1")
    document = document.replace("verdict: keep", "verdict: maybe")
    assert [problem.split(":")[0] for problem in problems(document)] == ["8", "11", "15"]


def test_a_rule_behind_one_that_always_fires_is_refused() -> None:
    rules = "combine: first_match\n    rules:\n      - {id: all, when: noise >= 0 or not known(noise), verdict: review, text: t}"
    (found,) = problems(instead("combine: worst\n    rules:", rules))
    assert "can never be reached: 'all' before it always fires" in found


def test_what_is_odd_but_means_something_is_a_warning() -> None:
    policy = load(instead("  soft: 0.3", "  soft: 0.3\n  hard: 0.6"), "mine.yaml")
    assert policy.warnings == ("the constant 'hard' is not used",)


def test_comments_spelling_and_the_tag_do_not_change_the_version_and_a_threshold_does() -> None:
    version = load(GOOD, "a").version
    same = instead("subject_sharpness < soft", "'soft   >  subject_sharpness'  # softer than this").replace(
        "2026-11", "x"
    )
    assert load(same, "b").version == version
    for change in (
        instead("soft: 0.3", "soft: 0.31"),
        instead("its sharpest", "The sharpest"),
        instead("too_soft", "ts"),
    ):
        assert load(change, "c").version != version


def test_words_that_yaml_takes_for_something_else_stay_words() -> None:
    assert load(instead("text: it is sharp", "text: no"), "a").default.text == "no"
    assert load(instead('"2026-11"', "1.10"), "a").tag == "1.10"


@pytest.mark.parametrize(
    "document",
    [
        b"[" * 10_000_000,
        b"{a: " * 60_000,
        b"- " * 30_000,
        b"[" * 60_000,
        b"a: " + b"x" * 70_000,
        b"a: \xff\xfe",
        b"",
        b"%YAML 9.9\n--- a",
        b'a: "\\U00110000"',
        b"a: \x00",
        b"? [a, b]\n: c",
        b"a: &x [*x]",
        b"- a: 1\n" * 6_000,
        b"policy: " + b"\xf0\x9f\x98\x80" * 50,
    ],
    ids=range(14),
)
@pytest.mark.timeout(10)
def test_what_is_no_policy_is_refused_soon(document: bytes) -> None:
    assert problems(document)


@pytest.mark.parametrize("when", ["(" * 250 + "noise > 1" + ")" * 250, "not " * 399 + "camera_known"])
def test_a_deep_expression_is_refused_or_read_without_recursion(when: str) -> None:
    document = instead("subject_sharpness < soft", f"'{when}'")
    if when.startswith("not"):
        assert load(document, "a").rules[0].condition == "not camera_known"
    else:
        assert "nested more than 20 deep" in problems(document)[0]


def test_an_expression_or_a_document_that_is_too_long_is_refused() -> None:
    assert "at most 2000" in problems(instead("subject_sharpness < soft", " or ".join(["camera_known"] * 150)))[0]
    assert "split the rule" in problems(instead("subject_sharpness < soft", " or ".join(["noise>1"] * 160)))[0]
    assert f"at most {MAX_BYTES}" in problems(GOOD + "#" * MAX_BYTES)[0]


def test_a_value_in_a_text_stays_what_it_is() -> None:
    hostile = "{subject_sharpness}<script>\x1b[2J{0.__class__}"
    assert filled("see {best_name}!", {"best_name": hostile}, {}) == f"see {hostile}!"


def test_messages_show_nothing_that_a_terminal_obeys() -> None:
    (found, *_) = problems(instead("policy: mine", 'policy: "\\e[2J\\u202e"'))
    assert all(c.isprintable() for c in found)


PIECES = ("", "[", "{", '"', "'", ": ", "\n", "- ", "not ", "&x ", "*x", "!!int ", "\t", "é", "9e999")
SEEDS = [GOOD, *(builtin_text(name) for name in BUILT_IN)]


@given(st.binary(max_size=300) | st.text(max_size=300))
@settings(deadline=None)
def test_random_bytes_are_refused_and_nothing_else_is_raised(data: bytes | str) -> None:
    with pytest.raises(PolicyError):
        load(data, "fuzz")


@given(st.sampled_from(SEEDS), st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_mutilated_policies_are_policies_or_refused_and_nothing_else_is_raised(seed: str, data: st.DataObject) -> None:
    text = seed
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        width = data.draw(st.integers(0, 12))
        piece = data.draw(st.sampled_from(PIECES))
        text = text[:at] + piece + text[at + width :]
    told = "fuzz:"
    try:
        load(text, "fuzz")
    except PolicyError as error:
        told = str(error)
    assert told.startswith("fuzz:")


def test_the_built_in_policies_have_no_warnings() -> None:
    assert [builtin(name).warnings for name in BUILT_IN] == [(), ()]


@pytest.mark.parametrize("value", [r'"a\nb"', r'"\e[2J"', r'"a\u202eb"', r'["x", "a\x85b"]', "|\n    two\n    lines\n"])
def test_a_constant_is_one_printable_line_because_texts_repeat_it(value: str) -> None:
    found = problems(instead("soft: 0.3", f"soft: 0.3\n  word: {value}"))
    assert len(found) == 1
    assert found[0].startswith("6:")
    assert "cannot be printed" in found[0]
