"""Moves Truth between instances: ``truth export``, ``truth import``, ``truth verify``.

The file holds every item with its whole history, the documents that say how to judge, and hashes over all of it.
"""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, BinaryIO, cast

from cyclopts import App, Parameter

from parjanya.cli.common import Common, Exit, UsageError, opened, say, show, show_json, show_json_line
from parjanya.profiles.moving import SETTINGS, Carrier, kinds
from tbie.core.clock import Clock
from tbie.core.errors import MovingError
from tbie.moving import Counts, Difference, bring, compare, examine
from tbie.moving import export as export_lines
from tbie.moving.arriving import Brought

truths = App(
    name="truth", help="The durable record as a file: write it, bring it into another instance, compare the two."
)

_TOLD = 20
"""Differences that are named one by one; more are counted."""


@truths.command(name="export")
def export_(file: Annotated[str, Parameter(allow_leading_hyphen=True)], /, *, common: Common | None = None) -> int:
    """Write everything that is durable to FILE: items with their history, policies, overrides, pauses, campaigns.

    Parameters
    ----------
    file
        Where to; a name that ends in .gz is compressed, - is standard output. A file that exists is not replaced.
    """
    common = common or Common()
    with opened(common) as system:
        if system.workers():
            say("workers are at it: each image is in the file as it is at one moment, later results are not in it")
        progress = _Progress(system.clock, "written")
        with _written(file) as write:
            truth = system.truth
            counts, seal = export_lines(truth, system.workflow.name, kinds(truth), SETTINGS, write, progress.counts)
    told = {"file": file, **counts.to_json(), "sha256": seal}
    if file == "-":
        say(f"{_in_words(counts)}, sealed {seal}")
    elif common.json:
        show_json(told)
    else:
        show(f"{file}: {_in_words(counts)}, sealed {seal}")
    return Exit.DONE


@truths.command(name="import")
def import_(
    file: Path,
    /,
    *,
    objects: Path | None = None,
    beside: bool = False,
    sha256: str | None = None,
    common: Common | None = None,
) -> int:
    """Bring FILE into this instance, and compare every item afterwards. May be stopped and run again.

    Parameters
    ----------
    file
        What `truth export` wrote. All of it is checked before anything is written.
    objects
        Where the previews are: the folder `objects` of the old home. Those that facts name are copied.
    beside
        Allow an instance that holds other images already. Documents that it has of its own stay as they are.
    sha256
        The seal that `truth export` told; another one is refused.
    """
    common = common or Common()
    if objects is not None and not objects.is_dir():
        raise UsageError(f"{objects} is no folder of objects")
    with _read(file) as lines:
        examined = examine(lines)
    if sha256 is not None and sha256.lower() != examined.seal:
        raise MovingError(f"{file} is sealed {examined.seal}, not {sha256.lower()}. Nothing was changed.")
    say(f"{file} is whole: {_in_words(examined.counts)}")
    with opened(common, must_exist=False) as system:
        progress = _Progress(system.clock, "compared")
        carrier = Carrier(objects, system.objects) if objects is not None else None
        with _read(file) as lines:
            brought = bring(
                system.truth,
                lines,
                examined,
                beside=beside,
                told=progress.brought,
                each=lambda arrival: carrier.carry(arrival.story.item) if carrier is not None else None,
            )
        system.truth_bell.ring()
    told = _told(brought, carrier)
    if common.json:
        show_json(told)
    else:
        for line in _brought_lines(brought, carrier):
            show(line)
    return Exit.NOT_WELL if carrier is not None and carrier.missing else Exit.DONE


@truths.command
def verify(file: Path, /, *, common: Common | None = None) -> int:
    """Compare this instance with FILE, image by image, by a hash over each history.

    Parameters
    ----------
    file
        What `truth export` wrote, here or elsewhere.
    """
    common = common or Common()
    found: dict[str, int] = {}

    def tell(difference: Difference) -> None:
        found[difference.side] = found.get(difference.side, 0) + 1
        if common.json:
            show_json_line({"tenant": difference.key.tenant, "item": difference.key.item, "is": difference.side.value})
        elif sum(found.values()) <= _TOLD:
            show(f"{difference.key.item} of tenant {difference.key.tenant}: {difference.side.value.replace('_', ' ')}")

    with opened(common) as system, _read(file) as lines:
        examined = compare(system.truth, lines, tell, _Progress(system.clock, "compared").number)
    same = examined.counts.items - sum(n for side, n in found.items() if side != "extra")
    summary = {"items": examined.counts.items, "same": same, **found, "sha256": examined.seal}
    if common.json:
        show_json_line(summary)
    else:
        rest = "".join(f", {n} {side.replace('_', ' ')}" for side, n in sorted(found.items()))
        show(f"{same} of {examined.counts.items} items are the same{rest}")
    return Exit.NOT_WELL if found else Exit.DONE


def _told(brought: Brought, carrier: Carrier | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        **brought.examined.counts.to_json(),
        "sha256": brought.examined.seal,
        "written": brought.written,
        "there": brought.there,
        "gone_on": brought.gone_on,
        "kept": [{"kind": kind or "setting", "name": name} for kind, name in brought.kept],
    }
    if carrier is not None:
        told["objects"] = {"copied": carrier.copied, "there": carrier.there, "missing": carrier.missing}
    return told


def _brought_lines(brought: Brought, carrier: Carrier | None) -> list[str]:
    lines = [
        f"{brought.written} items written, {brought.there} were there already, {brought.gone_on} have changed here since",
        "every history was read back and compared",
    ]
    lines += [f"kept as it is here: {kind or 'setting'} {name!r}" for kind, name in brought.kept]
    if carrier is not None:
        lines.append(f"objects: {carrier.copied} copied, {carrier.there} were there, {carrier.missing} missing")
        if carrier.missing:
            lines.append("what is missing is made again by: parjanya replay --from preview")
    return lines


def _in_words(counts: Counts) -> str:
    return (
        f"{counts.items} items with {counts.changes} changes, {counts.documents} documents, {counts.settings} settings"
    )


class _Progress:
    """A line on standard error every two seconds."""

    def __init__(self, clock: Clock, what: str) -> None:
        self._clock, self._what, self._said_ms = clock, what, clock.now_ms()

    def number(self, items: int) -> None:
        now_ms = self._clock.now_ms()
        if now_ms - self._said_ms >= 2_000:
            self._said_ms = now_ms
            say(f"{items} items {self._what}")

    def counts(self, counts: Counts) -> None:
        self.number(counts.items)

    def brought(self, brought: Brought) -> None:
        self.number(brought.written + brought.there + brought.gone_on)


@contextmanager
def _written(name: str) -> Iterator[Callable[[str], object]]:
    """Something to write lines with. A file appears under its name when all of it is on disk, or not at all."""
    if name == "-":
        yield sys.stdout.write
        return
    path = Path(name)
    if path.exists():
        raise UsageError(f"{path} exists; an export replaces nothing. Name another file.")
    part = path.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        with part.open("xb") as raw:
            if path.suffix == ".gz":
                with (
                    gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed,
                    TextIOWrapper(packed, "ascii", newline="\n") as text,
                ):
                    yield text.write
            else:
                plain = TextIOWrapper(raw, "ascii", newline="\n")
                yield plain.write
                plain.flush()
                plain.detach()
            raw.flush()
            os.fsync(raw.fileno())
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _read(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if packed:
            with gzip.GzipFile(fileobj=raw) as plain:
                yield cast("BinaryIO", plain)
        else:
            yield raw
