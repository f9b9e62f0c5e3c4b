"""Why the classical engine thinks so, in words: the figures that lie outside what photographs usually show.

Caller: ``parjanya.vision.classical``.
"""

from __future__ import annotations

from collections.abc import Mapping

_MOST = 4

#: Figures that speak against a photograph when they are unusually high: what to say, with the value and the usual most.
_HIGH = {
    "zero_laplacian": "{0:.0%} of the area is perfectly flat colour (photographs: seldom over {1:.0%})",
    "flat_tiles": "{0:.0%} of the area shows no grain at all (photographs: seldom over {1:.0%})",
    "top_colour": "a single colour fills {0:.0%} of the area (photographs: seldom over {1:.0%})",
    "top16_colours": "16 colours make up {0:.0%} of the area (photographs: seldom over {1:.0%})",
    "two_tone_lined": "rows of two-tone strokes, as lettering has them, fill {0:.1%} of the area",
    "bright_stroke": "{0:.0%} of the steep edges have one and the same colour on their bright side",
    "dark_stroke": "{0:.0%} of the steep edges have one and the same colour on their dark side",
    "step_share": "{0:.0%} of the edges are one-pixel steps (photographs: seldom over {1:.0%})",
    "axis_share": "{0:.0%} of the edges run exactly along the axes (photographs: seldom over {1:.0%})",
    "row_line": "a straight horizontal line crosses {0:.0%} of the width",
    "column_line": "a straight vertical line crosses {0:.0%} of the height",
    "stillest_side": "one side of the frame is even over {0:.0%} of its length",
    "tone_comb": "its tones come in isolated steps instead of a continuous range",
}
_LOW = {
    "noise_p50": "half of the image shows no trace of sensor grain",
    "colour_entropy": "its colours spread over {0:.1f} bits only (photographs: seldom under {1:.1f})",
}


def because(
    medium: str, seen: Mapping[str, float], usual: Mapping[str, tuple[float, float]], camera_make: str | None
) -> list[str]:
    """At most four short sentences for *medium*; *usual* holds the range of most photographs per figure."""
    against = _against(seen, usual)
    camera = [f"the metadata name a camera ({camera_make})"] if camera_make else []
    if medium == "photo":
        return [*camera, *_for_a_photograph(seen, usual, against)][:_MOST]
    if medium == "unsure":
        said = [*camera, *against[: _MOST - 1 - len(camera)]]
        return [*said, "the figures lie between those of photographs and those of drawn images"]
    return against[:_MOST] or ["no single figure is unusual, but their combination is unlike that of photographs"]


def _against(seen: Mapping[str, float], usual: Mapping[str, tuple[float, float]]) -> list[str]:
    """What is unusual for a photograph, the most unusual first."""
    found: list[tuple[float, str]] = []
    for name, text in _HIGH.items():
        low, high = usual[name]
        if seen[name] > high:
            found.append(((seen[name] - high) / (high - low + 0.02), text.format(seen[name], high)))
    for name, text in _LOW.items():
        low, high = usual[name]
        if seen[name] < low:
            found.append(((low - seen[name]) / (high - low + 0.02), text.format(seen[name], low)))
    return [text for _, text in sorted(found, key=lambda f: (-f[0], f[1]))]


def _for_a_photograph(
    seen: Mapping[str, float], usual: Mapping[str, tuple[float, float]], against: list[str]
) -> list[str]:
    said = []
    if seen["noise_p25"] >= 1:
        said.append("fine grain covers more than three quarters of the image")
    elif seen["noise_p50"] >= 1:
        said.append("fine grain covers more than half of the image")
    if seen["zero_laplacian"] <= usual["zero_laplacian"][1]:
        said.append(f"only {seen['zero_laplacian']:.0%} of the area is perfectly flat colour")
    if seen["colour_entropy"] >= usual["colour_entropy"][0]:
        said.append(f"its colours spread over {seen['colour_entropy']:.1f} bits, as in most photographs")
    if against:
        said.append(f"unusual for a photograph, but outweighed: {against[0]}")
    return said or ["taken together its figures are those of photographs"]
