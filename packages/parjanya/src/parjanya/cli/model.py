"""``model``: the artifact manifest of a model folder, made once and compared wherever the model runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cyclopts import App

from parjanya.cli.common import Common, Exit, UsageError, say, show, show_json
from parjanya.cli.model_settings import chosen, declared, loader
from parjanya.vision.artifact.attest import Level, attest
from parjanya.vision.artifact.bake import Origin, bake, write
from parjanya.vision.artifact.manifest import NAME, Manifest, read
from parjanya.vision.artifact.problems import BakeRefusedError, EditedManifestError, NoManifestError, bounded, shown
from parjanya.vision.local.engine import scoring
from tbie.core.clock import Clock, SystemClock
from tbie.execution import Drift

models = App(name="model", help="Artifact manifests: what a model folder is, and whether it still is that.")

QUIET_S = 2.0
"""Reading that takes longer than this says how far it is."""
SAY_EVERY_S = 5.0
_GIB = 1 << 30


@models.command(name="bake")
def bake_(
    folder: Path,
    /,
    *,
    repo: str | None = None,
    revision: str | None = None,
    image_tag: str | None = None,
    image_digest: str | None = None,
    out: Path | None = None,
    pixel_budget: int | None = None,
    dtype: str | None = None,
    device: str | None = None,
    skip_golden: bool = False,
    common: Common | None = None,
) -> int:
    """Write the manifest of a model folder; refuse one that is not complete, with everything that it lacks.

    Parameters
    ----------
    folder
        Holds config.json, the weights and all else.
    repo
        Where the model came from: OWNER/NAME.
    revision
        Of that repository.
    image_tag
        Of the machine or container image whose program will run the model.
    image_digest
        The same as sha256:… Machines have to say that they run it (PARJANYA_IMAGE_DIGEST).
    out
        Where to write the manifest, if not into the folder.
    pixel_budget
        Pixels of a picture that the model is shown, at most (default: about a million).
    dtype
        auto, bfloat16 or float32, as workers will be started with.
    device
        auto, cuda, mps or cpu: where golden answers are asked for.
    skip_golden
        Do not load the model and ask it for golden answers: on a machine without torch.
    """
    common = common or Common()
    where = _folder(folder)
    origin = Origin(repo, revision, image_tag, image_digest)
    settings = chosen(where, pixel_budget, dtype, device)
    model = None if skip_golden else loader(settings)
    told = _Told(SystemClock())
    try:
        manifest = bake(where, origin, scoring=scoring(settings), model=model, progress=told.read)
    except BakeRefusedError as error:
        if common.json:
            problems = [{"subject": p.subject, "words": p.words} for p in error.problems]
            show_json({"folder": str(where), "baked": False, "problems": problems})
        else:
            say(f"parjanya: {error}")
        return Exit.NOT_WELL
    path = out or where / NAME
    write(manifest, path)
    result = _summary(manifest, path)
    if common.json:
        show_json({"folder": str(where), "baked": True, **result})
    else:
        show(f"{shown(str(path))}\nid {manifest.id}")
        show(_in_words(result))
    return Exit.DONE


@models.command(name="verify")
def verify_(
    folder: Path,
    /,
    *,
    golden: bool = False,
    quick: bool = False,
    device: str | None = None,
    manifest: Path | None = None,
    common: Common | None = None,
) -> int:
    """Compare a model folder, and this machine, with its manifest. Exits with 0 if they are the same, with 3 if not.

    Parameters
    ----------
    folder
        The model folder.
    golden
        Also load the model and compare what it answers.
    quick
        Of the weights only sizes and headers: below a second.
    device
        auto, cuda, mps or cpu: where golden answers are asked for.
    manifest
        Where the manifest is, if not in the folder.
    """
    common = common or Common()
    if golden and quick:
        raise UsageError("--quick and --golden are two levels of one thing: name one")
    where = _folder(folder)
    level = Level.GOLDEN if golden else Level.QUICK if quick else Level.FULL
    told = _Told(SystemClock())
    known: Manifest | None = None
    try:
        known = read(manifest or where / NAME)
    except NoManifestError as error:
        raise UsageError(str(error)) from error
    except EditedManifestError as error:
        drift: Drift | None = Drift({"manifest": ("as it was made", str(error))})
    else:
        settings = declared(where, known.scoring, device)
        model = loader(settings) if golden else None
        drift = attest(where, known, level, scoring=scoring(settings), model=model, progress=told.read)
    _report(common, where, level, known, drift)
    return Exit.NOT_WELL if drift else Exit.DONE


def _report(common: Common, where: Path, level: Level, known: Manifest | None, drift: Drift | None) -> None:
    differences = dict(drift.differences) if drift else {}
    if common.json:
        listed = [{"component": c, "declared": was, "found": now} for c, (was, now) in differences.items()]
        ids = {"folder": str(where), "manifest": known.id if known else None, "level": level.value}
        show_json({**ids, "ok": drift is None, "differences": listed})
        return
    for component, (was, now) in differences.items():
        show(f"{component}: declared {was or 'absent'}, found {now or 'absent'}")
    if known is None:
        return
    if drift is None:
        show(f"ok: {shown(str(where))} is what manifest {known.id} declares ({level.value})")
    else:
        say(f"parjanya: {shown(str(where))} is not what manifest {known.id} declares; a worker would decline all work")


def _folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise UsageError(f"{shown(str(folder))} is no folder; name the one that holds the model's config.json")
    return folder.absolute()


def _summary(manifest: Manifest, path: Path) -> dict[str, Any]:
    tensors, golden = manifest.part("tensors"), manifest.part("golden")
    return {
        "manifest": str(path),
        "id": manifest.id,
        "files": len(manifest.files),
        "bytes": sum(entry["bytes"] for entry in manifest.files.values()),
        "tensors": tensors["count"],
        "parameters": tensors["parameters"],
        "golden": len(golden.get("canaries", ())),
        "not_bound": sorted(name for name, version in manifest.part("packages").items() if version is None),
    }


def _in_words(result: dict[str, Any]) -> str:
    golden = f"{result['golden']} golden answers" if result["golden"] else "no golden answers"
    unbound = ", ".join(bounded(result["not_bound"]))
    return (
        f"{result['files']} files, {result['bytes']:,} bytes, {result['tensors']} tensors, "
        f"{result['parameters']:,} parameters, {golden}"
        + (f"\nnot bound, because not installed here: {unbound}" if unbound else "")
    )


class _Told:
    """Says how far the reading of a large folder is."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_s = clock.monotonic_s()
        self._next_s = self._began_s + QUIET_S

    def read(self, done: int, total: int) -> None:
        """*done* of *total* bytes have been read."""
        now_s = self._clock.monotonic_s()
        if now_s < self._next_s:
            return
        self._next_s = now_s + SAY_EVERY_S
        rate = done / (now_s - self._began_s)
        say(
            f"read {done / _GIB:.1f} of {total / _GIB:.1f} GiB ({done * 100 // max(total, 1)} %), "
            f"{rate / 1e9:.2f} GB/s, {round((total - done) / max(rate, 1))} s left"
        )
