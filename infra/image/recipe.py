"""Makes a machine image out of a builder instance, and refuses to publish one that is not all there (incidents 6a and 6b).

    recipe.py install  --checkout DIR --wheels DIR [--torch-lock FILE]      programs, by the hashes of the lock
    recipe.py bake     --pool vision --tag TAG [--model FOLDER]             weights, their manifest, unit, record
    recipe.py check                                                         all that is missing, in words; 3 if anything is
    recipe.py publish  --instance ID --region REGION --images images.json   only what ``check`` finds complete
    recipe.py expected                                                      at each start: is this the image that was asked for?

Runs on the builder as root, the last one on every instance; the standard library alone, but for publishing. Why this is a script
and not a pipeline: docs/infrastructure.md.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from complete import expected, missing  # noqa: E402 - they lie beside this file, also on an instance
from machine import FILES, MANIFEST, UNIT, Places, RefusedError, manifest_id, program  # noqa: E402
from record import NO_MODEL, Image, ImageError, parse, to_text  # noqa: E402

NOT_WELL = 3
LOCKS = ("build", "runtime", "aws")
"""Files of ``requirements/`` for every pool."""
ENGINES = "engines"
VISION = "vision"
_UNKNOWN_AMI = {"xx-none-1": "ami-00000000"}
"""Until it is published an image has no id; records cannot be without one."""


# -- programs


def install(at: Places, checkout: Path, wheels: Path, torch_lock: Path | None) -> None:
    """A fresh environment: what the lock names, by its hashes, and the project's own wheels. Nothing is compiled here.

    Raises:
        RefusedError: a lock file or a wheel is missing, or pip refuses.
    """
    locks = [checkout / f"requirements/{name}.txt" for name in LOCKS]
    if torch_lock is not None:
        locks += [torch_lock, checkout / f"requirements/{ENGINES}.txt"]
    own = sorted(wheels.glob("*.whl"))
    problems = [f"there is no lock file {path}" for path in locks if not path.is_file()]
    if {path.name.split("-")[0] for path in own} != {"tbie", "parjanya"}:
        problems.append(
            f"{wheels} must hold the wheels of tbie and parjanya and no others, not {[p.name for p in own]}"
        )
    if problems:
        raise RefusedError(problems)
    for command in installing(at, locks, own):
        if subprocess.run(command, check=False).returncode:
            raise RefusedError([f"failed: {' '.join(command)}"])
    at.lock.write_text(lock_of(locks))


def installing(at: Places, locks: list[Path], wheels: list[Path]) -> Iterator[list[str]]:
    """The commands, in order."""
    python = str(at.env / "bin/python")
    pip = [python, "-I", "-m", "pip", "install", "--no-compile", "--disable-pip-version-check"]
    yield [sys.executable, "-m", "venv", "--clear", str(at.env)]
    yield [*pip, "--require-hashes", "--only-binary=:all:", *(part for lock in locks for part in ("-r", str(lock)))]
    yield [*pip, "--no-deps", "--no-index", *map(str, wheels)]
    yield [python, "-I", "-m", "pip", "check"]


def lock_of(locks: list[Path]) -> str:
    """SHA-256 over the lock files, in order."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in locks)).hexdigest()


# -- weights


def bake(at: Places, pool: str, tag: str, model: Path | None, golden: bool, repo: str | None) -> Image:
    """Put the model in its place, make its manifest there, and write down what this machine is.

    Raises:
        RefusedError: the model is not complete; no record is written, so nothing can be published.
    """
    at.record.unlink(missing_ok=True)
    if (model is not None) != (pool == VISION):
        raise RefusedError([f"pool {pool}: a model is for the pool {VISION}, and that needs one"])
    if not at.lock.is_file():
        raise RefusedError(["no programs are installed: recipe.py install"])
    manifest = None
    if model is not None:
        shutil.rmtree(at.model, ignore_errors=True)
        shutil.copytree(model, at.model, symlinks=False)
        (at.model / MANIFEST).unlink(missing_ok=True)  # one that came along speaks of another machine
        asked = ["model", "bake", str(at.model), "--image-tag", tag, *(["--repo", repo] if repo else [])]
        program(at, [*asked, *([] if golden else ["--skip-golden"])])
        _read_only(at.model)
        manifest = manifest_id(at)
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    image = Image(pool, tag, architecture, at.lock.read_text(), manifest, _UNKNOWN_AMI)
    _put_files(at)
    at.record.parent.mkdir(parents=True, exist_ok=True)
    at.record.write_text(to_text([image]))
    return image


def _put_files(at: Places) -> None:
    """This script and the unit, as every instance needs them."""
    at.image.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if (HERE / name) != at.image / name:
            shutil.copyfile(HERE / name, at.image / name)
    at.unit.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(HERE / UNIT, at.unit)


def _read_only(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)


# -- publishing


def publish(at: Places, ec2: Any, instance: str, region: str, images: Path, golden: bool) -> Image:
    """Make an image of the builder *instance*, tagged with what it holds, and add it to the file *images*.

    Raises:
        RefusedError: something is missing, or that tag was published already with other contents. No image is made.
    """
    problems = missing(at, golden)
    if problems:
        raise RefusedError(["refused to publish an incomplete image:", *problems])
    (image,) = parse(at.record.read_text(), str(at.record))
    known = list(parse(images.read_text(), str(images))) if images.exists() else []
    same = [old for old in known if (old.pool, old.tag) == (image.pool, image.tag)]
    if same:
        raise RefusedError(
            [f"image {image.tag} of pool {image.pool} was published before; a tag names one content for ever"]
        )
    tags = [{"Key": key, "Value": value} for key, value in image.tags().items()]
    made = ec2.create_image(
        InstanceId=instance,
        Name=f"parjanya-{image.pool}-{image.tag}",
        Description=f"Parjanya {image.pool}, image {image.tag}, manifest {(image.manifest or NO_MODEL)[:12]}",
        TagSpecifications=[{"ResourceType": kind, "Tags": tags} for kind in ("image", "snapshot")],
    )
    published = Image(image.pool, image.tag, image.architecture, image.lock, image.manifest, {region: made["ImageId"]})
    draft = images.with_suffix(".draft")
    draft.write_text(to_text([*known, published]))
    draft.replace(images)
    return published


def main(arguments: list[str]) -> int:
    """One step. 0: done. 3: refused, with the reasons on standard error."""
    ask = argparse.ArgumentParser(
        prog="recipe.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--root", type=Path, default=Path("/"), help=argparse.SUPPRESS)
    steps = ask.add_subparsers(dest="step", required=True)
    step = steps.add_parser("install")
    step.add_argument("--checkout", type=Path, required=True)
    step.add_argument("--wheels", type=Path, required=True)
    step.add_argument("--torch-lock", type=Path, help="lock file of the PyTorch for this machine's device, with hashes")
    step = steps.add_parser("bake")
    step.add_argument("--pool", required=True)
    step.add_argument("--tag", required=True)
    step.add_argument("--model", type=Path)
    step.add_argument("--repo")
    step.add_argument("--skip-golden", action="store_true")
    for name in ("check", "publish"):
        step = steps.add_parser(name)
        step.add_argument("--golden", action="store_true")
    step.add_argument("--instance", required=True)
    step.add_argument("--region", required=True)
    step.add_argument("--images", type=Path, required=True)
    steps.add_parser("expected")
    asked = ask.parse_args(arguments)
    try:
        _do(asked, Places(asked.root))
    except (RefusedError, ImageError) as error:
        sys.stderr.write(f"recipe.py {asked.step}: {error}\n")
        return NOT_WELL
    return 0


def _do(asked: argparse.Namespace, at: Places) -> None:
    match asked.step:
        case "install":
            install(at, asked.checkout, asked.wheels, asked.torch_lock)
        case "bake":
            image = bake(at, asked.pool, asked.tag, asked.model, not asked.skip_golden, asked.repo)
            sys.stdout.write(f"baked {image.pool} {image.tag}, manifest {image.manifest or NO_MODEL}\n")
        case "check":
            if problems := missing(at, asked.golden):
                raise RefusedError(problems)
        case "publish":
            import boto3  # noqa: PLC0415 - of the installed environment; nothing else here needs it

            ec2 = boto3.client("ec2", region_name=asked.region)
            image = publish(at, ec2, asked.instance, asked.region, asked.images, asked.golden)
            sys.stdout.write(f"published {image.pool} {image.tag} as {image.amis[asked.region]}\n")
        case "expected":
            expected(at, os.environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
