"""The one exception of this package: an image is refused, with a stable code.

Callers: every module here raises it, the stages turn it into ``TerminalFailure``. The codes are a contract: policies,
screens and the user's scripts name them, so a code is never renamed, and each has a line in ``docs/formats.md``.
"""

from __future__ import annotations

from collections.abc import Mapping

from tbie.core.outcome import TerminalFailure

#: Every code there is, with what it means. ``docs/formats.md`` is tested against this.
CODES: Mapping[str, str] = {
    "source_missing": "nothing is at the path any more",
    "source_changed": "the file is not the one that was taken in, or it changed while it was read",
    "source_unreadable": "the disk or the network share answered with an error",
    "permission_denied": "this user may not read the file",
    "not_a_regular_file": "a folder, pipe, socket or device",
    "symlink_loop": "symbolic links that lead to each other",
    "empty_file": "a file of zero bytes",
    "too_large": "more bytes than the limit for one file",
    "not_an_image": "the content is of no image format",
    "unsupported_format": "a known format, or a variant of one, that is not decoded here",
    "truncated": "the content ends before the image does",
    "corrupt": "the content contradicts the rules of its format",
    "too_many_pixels": "more pixels than the limit",
    "too_many_frames": "more frames or pages than the limit",
    "metadata_bomb": "metadata that unpacks to more than the limit",
    "scan_bomb": "a progressive JPEG with so many passes that decoding would take minutes",
    "decoder_memory": "decoding needs more memory than a worker may use",
}


#: Every warning there is: the image is seen, and something about it is worth knowing.
WARNINGS: Mapping[str, str] = {
    "suffix_mismatch": "the name's suffix belongs to another format than the content",
    "orientation_invalid": "the orientation is none of the eight there are; the image is shown as stored",
    "colour_profile_broken": "the colour profile cannot be used; the colours are taken for sRGB",
    "range_stretched": "numbers without a scale of their own: stretched from the 0.5th to the 99.5th percentile",
    "no_finite_samples": "no pixel is a number; the image is shown black",
    "raw_data_truncated": "the raw file ends before its sensor data; what is seen is the embedded preview or less",
    "raw_data_unreadable": "the sensor data cannot be decoded; the embedded preview stands in for it",
    "embedded_preview_unreadable": "the embedded preview is damaged; the sensor data was used",
    "exif_damaged": "a part of the metadata cannot be read; those fields are unknown",
    "exif_time_invalid": "a time of capture that no calendar has, or an offset that no place has",
    "gps_invalid": "a position that no place on earth has, or 0, 0",
}


class ImageRefused(Exception):  # noqa: N818 - a refusal is an answer about the image, not an error of the program
    """This image gets no facts; ``code`` says why and ``message`` tells a person.

    ``retriable`` is true where the reason lies outside the image: a replay makes sense once somebody has mended it.

    Raises:
        KeyError: the code is not in ``CODES``.
    """

    def __init__(
        self, code: str, message: str, *, retriable: bool = False, evidence: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.meaning = code, CODES[code]
        self.message = message
        self.retriable = retriable
        self.evidence: Mapping[str, object] = dict(evidence or {})

    def outcome(self) -> TerminalFailure:
        """The refusal as a stage's answer."""
        return TerminalFailure(self.code, self.retriable, {"message": self.message, **self.evidence})
