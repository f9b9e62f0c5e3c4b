"""Writes the contact sheet, one record at a time; the page itself is in ``assets/``.

Called by ``parjanya curate`` and ``parjanya export``. Order of writing: pictures, then a new generation of data and
scripts in a folder of its own, then ``index.html`` in one step. Whoever has the old sheet open keeps a working page
until then, and a run that is killed leaves the old sheet as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

from parjanya.export.files import ExportError, write_whole
from parjanya.export.record import ImageRecord
from parjanya.export.sheet import data, folder
from parjanya.export.sheet.media import Media

SCRIPTS = ("dom", "model", "state", "filters", "grid", "detail", "compare", "keys", "main")
"""Assets in the order in which the page runs them; each is a classic script, because modules do not load from file:."""


@dataclass(frozen=True, slots=True)
class SheetMeta:
    """What the head of the sheet says. ``made_ms`` is epoch milliseconds, from the caller's clock."""

    title: str
    made_ms: int
    engine: str | None = None
    policy: str | None = None
    policy_version: str | None = None


class BesideImagesError(ExportError):
    """The sheet would lie among the user's images. Choose a folder of its own; index.html was not written."""


def write_sheet(records: Iterable[ImageRecord], out: Path, meta: SheetMeta) -> Path:
    """Write a contact sheet of *records* into the folder *out* and return its ``index.html``.

    *out* must be missing, empty, or an earlier sheet, which is replaced. Pictures that cannot be read are left out and
    counted on the page. Raises `NotOurFolderError`, `BesideImagesError` or OSError; the earlier sheet then still opens.
    """
    folder.claim(out)
    sheet = out / "sheet"
    fresh = sheet / ".new"
    folder.remove_generation(fresh)
    fresh.mkdir(parents=True)
    (out / "media").mkdir(exist_ok=True)
    media = Media(out / "media")
    digest = _write_data(records, out, fresh, media, asdict(meta))
    for name, content in _assets().items():
        digest.update(content)
        write_whole(fresh / name, content, durable=False)
    generation = digest.hexdigest()[:16]
    if (sheet / generation).is_dir():  # the same data was written before: same name, same content
        folder.remove_generation(fresh)
    else:
        fresh.rename(sheet / generation)
    index = out / folder.INDEX
    write_whole(index, _page(generation), durable=True)
    folder.prune(out, generation, media.used)
    return index


def _write_data(
    records: Iterable[ImageRecord], out: Path, fresh: Path, media: Media, meta: Mapping[str, object]
) -> hashlib._Hash:
    digest = hashlib.sha256()
    index = data.Index()
    batch: list[Mapping[str, object]] = []
    number = 0

    def flush() -> None:
        nonlocal number
        script = data.details_script(number, batch)
        digest.update(script)
        write_whole(fresh / f"details-{number:04d}.js", script, durable=False)
        batch.clear()
        number += 1

    home = out.resolve()
    for record in records:
        if record.source.parent == home:
            raise BesideImagesError(f"{out} holds {record.path}; choose a folder of its own for the contact sheet")
        index.add(record, media.place(record, "thumb", record.thumb))
        batch.append(data.details_of(record, media.place(record, "large", record.large)))
        if len(batch) == data.DETAILS_PER_FILE:
            flush()
    if batch:
        flush()
    script = index.script({**meta, "missing": media.missing})
    digest.update(script)
    write_whole(fresh / "index.js", script, durable=False)
    return digest


def _assets() -> dict[str, bytes]:
    folder_ = resources.files("parjanya.export.sheet") / "assets"
    return {name: (folder_ / name).read_bytes() for name in (*(f"{script}.js" for script in SCRIPTS), "sheet.css")}


def _page(generation: str) -> bytes:
    template = (resources.files("parjanya.export.sheet") / "assets" / "index.html").read_text("utf-8")
    tags = "\n".join(f'<script src="sheet/{generation}/{name}.js" defer></script>' for name in (*SCRIPTS, "index"))
    return template.replace("{{generation}}", generation).replace("{{scripts}}", tags).encode()
