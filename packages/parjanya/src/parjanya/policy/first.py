"""The first policy: keep photographs that are sharp, exposed, large enough and the best of their kind.

Caller: the profiles, as the default. Sharpness is ``subject_sharpness`` on the re-blur scale, the same for any content:
on real photographs a Gaussian blur of 2 px at 1024 px leaves 0.28 at most, an unblurred one has 0.40 at least.
"""

from __future__ import annotations

from parjanya.policy.rules import Check, Policy, Rule, Star

_ANSWERS = ("photo", "unsure")

FIRST = Policy(
    id="first",
    kept_text="a photograph, sharp ({subject_sharpness}) and well exposed; nothing objects",
    rules=(
        Rule(
            "not_a_photo",
            "medium.not_a_photo",
            "reject",
            (Check("medium", "not in", _ANSWERS),),
            "{medium}, not a photograph",
        ),
        Rule(
            "medium_unsure",
            "medium.unsure",
            "review",
            (Check("medium", "==", "unsure"),),
            "it is unsure whether this is a photograph",
        ),
        Rule(
            "exact_copy",
            "duplicate.exact",
            "reject",
            (Check("group.best", "==", False), Check("group.kind", "==", "exact")),
            "exact copy of {group.best_name}",
        ),
        Rule(
            "burst_not_best",
            "duplicate.burst",
            "reject",
            (Check("group.best", "==", False), Check("group.kind", "==", "burst")),
            "burst of {group.size}: {group.best_name} is better",
        ),
        Rule(
            "near_copy",
            "duplicate.near",
            "review",
            (Check("group.best", "==", False), Check("group.kind", "==", "near_duplicate")),
            "another version of {group.best_name}",
        ),
        Rule(
            "blur_severe",
            "blur.severe",
            "reject",
            (Check("subject_sharpness", "<", 0.20),),
            "blurred: sharpness {subject_sharpness}",
        ),
        Rule(
            "blur_soft",
            "blur.soft",
            "review",
            (Check("subject_sharpness", "<", 0.33),),
            "soft: sharpness {subject_sharpness}",
        ),
        Rule(
            "black",
            "exposure.black",
            "reject",
            (Check("exposure.p95", "<", 0.04),),
            "black: 95 % of it below {exposure.p95}",
        ),
        Rule(
            "under",
            "exposure.under",
            "review",
            (Check("exposure.p95", "<", 0.20),),
            "very dark: 95 % of it below {exposure.p95}",
        ),
        Rule(
            "white",
            "exposure.white",
            "reject",
            (Check("exposure.p05", ">", 0.96),),
            "white: 95 % of it above {exposure.p05}",
        ),
        Rule(
            "over",
            "exposure.over",
            "review",
            (Check("exposure.p05", ">", 0.75),),
            "very bright: 95 % of it above {exposure.p05}",
        ),
        Rule(
            "highlights",
            "clipping.highlights",
            "review",
            (Check("clipped_highlights", ">", 0.25),),
            "highlights lost on {clipped_highlights} of the area",
        ),
        Rule(
            "shadows",
            "clipping.shadows",
            "review",
            (Check("clipped_shadows", ">", 0.50),),
            "shadows lost on {clipped_shadows} of the area",
        ),
        Rule("tiny_width", "resolution.tiny", "review", (Check("width", "<", 320),), "only {width} pixels wide"),
        Rule("tiny_height", "resolution.tiny", "review", (Check("height", "<", 320),), "only {height} pixels high"),
    ),
    stars=(
        Star("very_sharp", (Check("subject_sharpness", ">", 0.60),)),
        Star(
            "well_exposed",
            (
                Check("exposure.median", ">", 0.22),
                Check("exposure.median", "<", 0.72),
                Check("clipped_highlights", "<", 0.02),
                Check("clipped_shadows", "<", 0.05),
            ),
        ),
        Star("best_of_several", (Check("group.best", "==", True), Check("group.size", ">", 1))),
    ),
)
