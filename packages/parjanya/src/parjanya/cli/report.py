"""What a run leaves behind: the contact sheet, CSV, JSON, sidecars, and a summary in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from parjanya.export.csv import write_csv
from parjanya.export.json import write_json
from parjanya.export.record import ImageRecord
from parjanya.export.sheet.folder import claim
from parjanya.export.sheet.writer import SheetMeta, write_sheet
from parjanya.imaging.limits import DEFAULT_LIMITS
from parjanya.imaging.refusal import ImageRefused
from parjanya.imaging.source import read_source
from parjanya.profiles.system import System
from parjanya.views.records import records


@dataclass(slots=True)
class Reported:
    """What was written, and what it says."""

    csv: Path
    json: Path
    sheet: Path | None = None
    images: int = 0
    policy_version: str | None = None
    verdicts: Counter[str] = field(default_factory=Counter)
    by_people: int = 0
    """Verdicts that a person gave; of these, against what the policy says."""
    conflicts: int = 0
    engines: Counter[str] = field(default_factory=Counter)
    """Images by what saw them: an engine, with its model if it has one."""
    failed: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    sidecars: Counter[str] = field(default_factory=Counter)
    sidecar_problems: list[dict[str, str]] = field(default_factory=list)
    sidecar_remarks: list[dict[str, str]] = field(default_factory=list)


def report(system: System, tenant: str, out: Path, *, write_sidecars: bool, policy: str | None) -> Reported:
    """Write everything about *tenant* into *out*."""

    def read() -> Iterator[ImageRecord]:
        return records(system.truth, system.workflow, system.objects, tenant)

    reported = Reported(out / "images.csv", out / "images.json")
    claim(out)
    write_csv(_counted(read(), reported), reported.csv)
    write_json(read(), reported.json)
    seen_by = ", ".join(_engines(reported)) or None
    meta = SheetMeta("Contact sheet", system.clock.now_ms(), seen_by, policy, reported.policy_version)
    reported.sheet = write_sheet(read(), out, meta)
    if write_sidecars:
        _write_sidecars(read(), reported, anywhere=system.profile.files_are_local)
    return reported


def _counted(found: Iterator[ImageRecord], reported: Reported) -> Iterator[ImageRecord]:
    """The records as they come, counted on their way."""
    for record in found:
        reported.images += 1
        if record.verdict is not None:
            reported.verdicts[record.verdict] += 1
        reported.by_people += record.decided_by == "human"
        reported.conflicts += record.conflict
        if record.engine is not None:
            reported.engines[record.engine if record.model is None else f"{record.engine} {record.model}"] += 1
        if record.failure is not None:
            reported.failed[record.failure.code] += 1
        elif record.verdict in ("review", "reject"):
            reported.reasons.update({reason.code for reason in record.reasons})
        reported.policy_version = record.policy_version or reported.policy_version
        yield record


def _engines(reported: Reported) -> list[str]:
    """What saw the images; with counts if it was not the same for all."""
    found = reported.engines.most_common(8)
    return [name if len(found) == 1 else f"{name} ({count})" for name, count in found]


def _write_sidecars(found: Iterator[ImageRecord], reported: Reported, *, anywhere: bool) -> None:
    """Beside each image; unless *anywhere*, only where this machine has the very bytes that were judged."""
    from parjanya.export.xmp import SidecarWriter

    writer = SidecarWriter()
    for record in found:
        if record.verdict is None:
            continue  # nothing to say about what could not be judged
        if not anywhere and not _is_here(record):
            reported.sidecars["elsewhere"] += 1
            continue
        result = writer.write(record)
        reported.sidecars[result.action] += 1
        if result.action == "refused":
            reported.sidecar_problems.append({"path": str(result.path), "reason": result.reason or "refused"})
        elif result.warning:
            reported.sidecar_remarks.append({"path": str(result.path), "reason": result.warning})


def _is_here(record: ImageRecord) -> bool:
    """Whether the image is a file of this machine. An upload is called what its sender called it, which may be any path."""
    try:
        return read_source(record.source, DEFAULT_LIMITS).sha256 == record.sha256
    except ImageRefused:
        return False


def summary_lines(reported: Reported) -> list[str]:
    """The result in a few lines of text."""
    verdicts = reported.verdicts
    lines = [
        f"{reported.images} images: {verdicts['keep']} keep, {verdicts['review']} review, {verdicts['reject']} reject"
        + (f", {sum(reported.failed.values())} could not be judged" if reported.failed else "")
    ]
    if reported.by_people:
        lines.append(f"decided by people: {reported.by_people}, of these {reported.conflicts} against the policy")
    if reported.engines:
        lines.append("seen by: " + ", ".join(_engines(reported)))
    if reported.reasons:
        lines.append("why: " + ", ".join(f"{code} {count}" for code, count in reported.reasons.most_common(8)))
    if reported.failed:
        lines.append("not judged: " + ", ".join(f"{code} {count}" for code, count in reported.failed.most_common(8)))
    if reported.sidecars:
        lines.append("sidecars: " + ", ".join(f"{count} {action}" for action, count in reported.sidecars.items()))
    lines.append(f"contact sheet: {reported.sheet}")
    return lines
