"""The built-in policy ``culling``: keep photographs that are sharp, exposed and the best of their kind.

Thresholds are on signals whose scale means the same for any content (docs/quality.md has the distributions). They err
towards *review*: an image is rejected only where looking at it would hardly change the answer.
"""

from __future__ import annotations

from parjanya.policy.rules import Condition, Policy, Rule

# Of 82 sharp photographs, one in a hundred lies below 0.27; blurred by 3 px at 1024 px half of them lie below 0.28.
SEVERE_BLUR, SOFT = 0.18, 0.33
# A burst frame this far behind the sharpest is visibly softer; closer calls are left to the eye.
CLEARLY_SOFTER = 0.05
SURE = 0.8

CULLING = Policy(
    "culling",
    (
        Rule(
            "not_a_photograph",
            "reject",
            (
                Condition("medium", "not in", ("photo", "unsure")),
                Condition("medium_confidence", ">=", SURE),
                Condition("camera_known", "==", False),
            ),
            "this is a {medium}, not a photograph (confidence {medium_confidence})",
        ),
        Rule(
            "perhaps_not_a_photograph",
            "review",
            (Condition("medium", "not in", ("photo", "unsure")), Condition("medium_confidence", "<", SURE)),
            "this may be a {medium} rather than a photograph (confidence {medium_confidence})",
        ),
        Rule(
            "camera_but_not_a_photograph",
            "review",
            (
                Condition("medium", "not in", ("photo", "unsure")),
                Condition("medium_confidence", ">=", SURE),
                Condition("camera_known", "==", True),
            ),
            "it looks like a {medium}, yet a camera made it: a picture of one?",
        ),
        Rule(
            "medium_unsure",
            "review",
            (Condition("medium", "==", "unsure"),),
            "it is not clear whether this is a photograph",
        ),
        Rule(
            "severe_blur",
            "reject",
            (Condition("subject_sharpness", "<", SEVERE_BLUR),),
            "nothing in it is sharp (sharpest part {subject_sharpness}; sharp images are above 0.45)",
        ),
        Rule(
            "soft",
            "review",
            (Condition("subject_sharpness", "<", SOFT), Condition("subject_sharpness", ">=", SEVERE_BLUR)),
            "its sharpest part is soft ({subject_sharpness}; sharp images are above 0.45)",
        ),
        Rule(
            "black_frame",
            "reject",
            (Condition("bright_end", "<", 0.10),),
            "it is almost black: 95 % of it is darker than {bright_end} of full brightness",
        ),
        Rule(
            "very_dark",
            "review",
            (Condition("bright_end", "<", 0.20), Condition("bright_end", ">=", 0.10)),
            "it is very dark: 95 % of it is darker than {bright_end} of full brightness",
        ),
        Rule(
            "washed_out",
            "reject",
            (Condition("clipped_highlights", ">", 0.60),),
            "{clipped_highlights} of its area is pure white: nothing can be recovered there",
        ),
        Rule(
            "blown_highlights",
            "review",
            (Condition("clipped_highlights", ">", 0.25), Condition("clipped_highlights", "<=", 0.60)),
            "{clipped_highlights} of its area is pure white",
        ),
        Rule(
            "blocked_shadows",
            "review",
            (Condition("clipped_shadows", ">", 0.40),),
            "{clipped_shadows} of its area is pure black",
        ),
        Rule(
            "very_small",
            "review",
            (Condition("long_side_px", "<", 400),),
            "it is only {long_side_px} pixels long",
        ),
        Rule(
            "exact_duplicate",
            "reject",
            (Condition("group_kind", "==", "exact"), Condition("best_of_group", "==", False)),
            "byte for byte the same file as {best_name}",
        ),
        Rule(
            "near_duplicate",
            "review",
            (Condition("group_kind", "==", "near_duplicate"), Condition("best_of_group", "==", False)),
            "{best_name} looks like a better version of the same picture",
        ),
        Rule(
            "not_best_of_burst",
            "reject",
            (
                Condition("group_kind", "==", "burst"),
                Condition("best_of_group", "==", False),
                Condition("sharpness_behind_best", ">=", CLEARLY_SOFTER),
            ),
            "{best_name} of the same burst is sharper by {sharpness_behind_best}",
        ),
        Rule(
            "burst_close_call",
            "review",
            (
                Condition("group_kind", "==", "burst"),
                Condition("best_of_group", "==", False),
                Condition("sharpness_behind_best", "<", CLEARLY_SOFTER),
            ),
            "{best_name} of the same burst is about as good: choose by eye",
        ),
    ),
    keep_text="a photograph, sharp (sharpest part {subject_sharpness}) and well exposed",
)
