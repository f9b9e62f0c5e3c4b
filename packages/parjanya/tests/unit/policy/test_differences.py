"""What differs between two policies, and what the difference costs."""

from __future__ import annotations

from parjanya.policy import Difference, builtin, builtin_text, cost, diff, in_words, load


def changed(*changes: tuple[str, str], name: str = "culling") -> Difference:
    text = builtin_text(name)
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return diff(builtin(name), load(text, "changed"))


def kinds(difference: Difference) -> dict[str, str]:
    return {change.code: change.what for change in difference.rules}


def test_a_constant_changes_the_rules_that_name_it_and_no_others() -> None:
    difference = changed(("severe_blur_below: 0.18", "severe_blur_below: 0.2"))
    assert kinds(difference) == {"severe_blur": "changed", "soft": "changed"}
    assert [change.constants for change in difference.rules] == [("severe_blur_below",)] * 2
    assert difference.constants == {"severe_blur_below": (0.18, 0.2)}
    assert not difference.same


def test_the_same_rules_in_other_words_of_the_tag_are_the_same() -> None:
    difference = changed(('version: "2"', 'version: "2b"  # the same'))
    assert (difference.same, difference.rules, difference.default) == (True, (), False)
    assert "they say the same" in "\n".join(in_words(difference))


def test_verdicts_texts_conditions_and_names_are_told_apart() -> None:
    difference = changed(
        ("- id: blocked_shadows", "- id: shadows"),
        ("when: long_side_px < 400", "when: long_side_px < 500"),
        ("nothing in it is sharp", "nothing is sharp"),
        ("reason: sharp_and_exposed", "reason: fine"),
    )
    expected = {"blocked_shadows": "removed", "shadows": "added", "very_small": "changed", "severe_blur": "changed"}
    assert kinds(difference) == expected
    assert difference.default
    words = "\n".join(in_words(difference))
    assert "    - when: long_side_px < 400\n    + when: long_side_px < 500" in words


def test_where_the_first_match_answers_another_order_is_a_change() -> None:
    text = builtin_text("photographic-content")
    head, rules = text.split("    rules:\n")
    first, second, rest = (
        rules.split("      - id: ")[1:4][0],
        rules.split("      - id: ")[2],
        rules.split("      - id: ")[3:],
    )
    swapped = head + "    rules:\n" + "".join(f"      - id: {rule}" for rule in (second, first, *rest))
    difference = diff(builtin("photographic-content"), load(swapped, "swapped"))
    assert kinds(difference) == {"not_photographic": "moved", "perhaps_not_photographic": "moved"}
    assert not difference.same


def test_what_only_a_model_sees_is_named_where_no_model_looks() -> None:
    difference = changed(("when: long_side_px < 400", "when: known(model.logo) and model.logo"))
    assert (difference.reads, difference.reads_no_more) == (("model.logo",), ("long_side_px",))
    without, with_one = cost(difference, model_looks=False), cost(difference, model_looks=True)
    assert without[0] == with_one[0] == "re-decides from stored observations: no pixel is read, no model is called"
    assert "model.logo, which only a vision-language model sees; none is declared" in without[1]
    assert "unknown for images that the model has not seen" in with_one[1]


def test_a_difference_as_plain_data_names_both_policies() -> None:
    told = changed(("when: long_side_px < 400", "when: long_side_px < 500")).to_json()
    assert told["old"]["policy"] == told["new"]["policy"] == "culling"
    (rule,) = told["rules"]
    assert (rule["before"]["when"], rule["after"]["when"]) == ("long_side_px < 400", "long_side_px < 500")
