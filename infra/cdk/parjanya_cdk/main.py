"""From the command line or the CDK's tool to templates: reads what was given, refuses what is missing, builds, checks, writes."""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.image.record import Image, ImageError, chosen, parse
from parjanya_cdk import accepted
from parjanya_cdk.build import Stacks, build
from parjanya_cdk.checks.base import Subject
from parjanya_cdk.checks.every import problems
from parjanya_cdk.declaration import Declaration, DeclarationError, read
from parjanya_cdk.functions import FUNCTIONS
from parjanya_cdk.options import MACHINES, Machine, Options, OptionsError
from parjanya_cdk.summary import summary
from tbie.backends.aws.place import Place
from tbie.core.errors import SettingsError

HERE = Path(__file__).resolve().parents[1]
DECLARED = HERE / "declared.json"
REGION = "eu-central-1"
MOST_ZIP_BYTES = 50 << 20
"""What Lambda takes in one piece."""
VISION = "vision"


def main(arguments: list[str]) -> int:
    """Synthesise. 2: something given cannot be deployed. 3: the templates lack what an incident taught."""
    ask = argparse.ArgumentParser(prog="app.py", description=__doc__)
    ask.add_argument(
        "--look", type=Path, metavar="FOLDER", help="write templates to look at there; they cannot be deployed"
    )
    ask.add_argument("--summary", type=Path, metavar="FILE", help="with --look: write there what a reviewer reads")
    asked = ask.parse_args(arguments)
    context = cdk.App().node  # what -c and cdk.json say
    given = {name: str(value) for name in NAMES if (value := context.try_get_context(name)) is not None}
    try:
        declared = read(Path(given.get("declaration", DECLARED)))
        options = to_look_at(declared, given) if asked.look else to_deploy(declared, given)
    except (OptionsError, DeclarationError, ImageError, SettingsError, OSError) as error:
        sys.stderr.write(f"app.py: {error}\n")
        return 2
    stacks = build(declared, options, asked.look)
    wrong = problems(Subject(synthesise(stacks, declared, options), declared, options))
    for words in wrong:
        sys.stderr.write(f"app.py: {words}\n")
    if wrong:
        return 3
    if asked.summary:
        asked.summary.write_text(summary(stacks.templates()))
    return 0


def synthesise(stacks: Stacks, declared: Declaration, options: Options) -> dict[str, Any]:
    """Write the templates, after cdk-nag has looked at all of it; returns them by stack."""
    check(stacks, declared, options)
    stacks.app.synth()
    return stacks.templates()


def check(stacks: Stacks, declared: Declaration, options: Options) -> None:
    """Let cdk-nag look at all of it: a finding that is not accepted, with its reason, stops the synthesis."""
    accepted.acknowledge(stacks, declared, options)
    cdk.Validations.of(stacks.app).add_plugins(AwsSolutionsChecks())


NAMES = (
    *("declaration", "region", "prefix", "bucket", "origins", "functions", "images", "image_tag", "manifest", "mail"),
    *("instance_type", "most", "prepared"),
)
"""What the context may say. The last three are of the pool that looks (vision)."""


def to_deploy(declared: Declaration, given: Mapping[str, str]) -> Options:
    """Options out of the context; everything in them is real.

    Raises:
        OptionsError: something is missing or wrong.
        ImageError: an image and a model that do not belong together.
    """
    missing = [name for name in ("bucket", "origins", "functions", "images", "image_tag") if not given.get(name)]
    if missing:
        raise OptionsError(
            f"not given: {', '.join(missing)} (-c NAME=VALUE); `--look FOLDER` makes templates without them"
        )
    place = _place(given)
    path = Path(given["images"])
    records = parse(path.read_text(), str(path))
    images = {}
    for pool in declared.pools:
        model = _manifest(given) if pool == VISION and declared.engine == "transformers" else None
        architecture = MACHINES[pool].architecture if pool != VISION else _vision(given).architecture
        images[pool] = chosen(records, pool, given["image_tag"], model, place.region, architecture)
    return _options(declared, given, place, images, _zips(Path(given["functions"])), ())


def to_look_at(declared: Declaration, given: Mapping[str, str]) -> Options:
    """Options that need nothing: what is missing is made up, and the templates say so."""
    place = _place({"bucket": "parjanya-objects-example", **given})
    images = {
        pool: Image(
            pool,
            "made-up",
            MACHINES[pool].architecture,
            "0" * 64,
            "0" * 64 if pool == VISION and declared.engine == "transformers" else None,
            {place.region: "ami-00000000000000000"},
        )
        for pool in declared.pools
    }
    zips = made_up_zips(Path(mkdtemp(prefix="parjanya-made-up-")))
    return _options(
        declared, {"origins": "https://app.example.com", **given}, place, images, zips, ("functions", "images")
    )


def made_up_zips(folder: Path) -> dict[str, Path]:
    """A zip file for each function that answers nothing: the same bytes every time."""
    made = {}
    for function in FUNCTIONS:
        made[function.name] = folder / f"{function.name}.zip"
        with zipfile.ZipFile(made[function.name], "w") as archive:
            archive.writestr(zipfile.ZipInfo("made_up.txt"), f"in the place of {function.name}\n")
    return made


def _options(
    declared: Declaration,
    given: Mapping[str, str],
    place: Place,
    images: Mapping[str, Image],
    functions: Mapping[str, Path],
    placeholders: tuple[str, ...],
) -> Options:
    origins = tuple(filter(None, (origin.strip() for origin in given["origins"].split(","))))
    machines = {pool: MACHINES[pool] for pool in declared.pools}
    if VISION in machines:
        machines[VISION] = _vision(given)
    return Options(place, origins, images, functions, machines, given.get("mail"), placeholders)


def _place(given: Mapping[str, str]) -> Place:
    return Place(given.get("region", REGION), given.get("prefix", "parjanya"), given["bucket"])


def _vision(given: Mapping[str, str]) -> Machine:
    usual = MACHINES[VISION]
    try:
        return replace(
            usual,
            instance_type=given.get("instance_type", usual.instance_type),
            most=int(given.get("most", usual.most)),
            prepared=int(given.get("prepared", usual.prepared)),
        )
    except ValueError as error:
        raise OptionsError(f"most and prepared are whole numbers: {error}") from error


def _manifest(given: Mapping[str, str]) -> str:
    manifest = given.get("manifest")
    if manifest is None:
        raise OptionsError("the engine is a model in the worker: name the manifest that is declared (-c manifest=ID)")
    return manifest


def _zips(folder: Path) -> dict[str, Path]:
    """The function packages in *folder*, one zip file for each."""
    found = {function.name: folder / f"{function.name}.zip" for function in FUNCTIONS}
    for name, path in found.items():
        if not path.is_file() or not zipfile.is_zipfile(path):
            raise OptionsError(f"{path} is no zip file: package the functions first (function {name})")
        if path.stat().st_size > MOST_ZIP_BYTES:
            raise OptionsError(f"{path} has {path.stat().st_size} bytes, Lambda takes {MOST_ZIP_BYTES}")
    return found
