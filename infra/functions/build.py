"""Pack the functions: one zip file each, the same bytes every time, with exactly what its code imports and what the lock pins.

    ./run python infra/functions/build.py --out build/functions
    ./run python infra/functions/build.py --out DIR --machine here reconcile      for a local server: this Python, no network

Run with the project's environment, because the workflow that is packed beside the code is made of the stages. What a package
holds of ours is what its handler reaches by imports (``reach``), of others what the lock of the repository pins, by hash, as
wheels for the machine that Lambda runs. The AWS library is packed too, with the descriptions of the services that are used and no
others: what runs is what was tested, and not what the runtime happens to have. Nothing is compiled here, so nothing depends on
this machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from reach import Reached, reach

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (ROOT / "packages/tbie/src", ROOT / "packages/parjanya/src")
LOCKS = (ROOT / "requirements/runtime.txt", ROOT / "requirements/aws.txt")
PLATFORMS = {"arm64": "aarch64", "x86_64": "x86_64"}
MANYLINUX = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
"""Newest first. The runtimes of today are Amazon Linux 2023, whose C library is 2.34."""
PYTHON = "3.14"
MOST_ZIPPED, MOST_WHOLE = 50 << 20, 250 << 20
"""What Lambda takes directly, and what it unpacks."""
EPOCH = (1980, 1, 1, 0, 0, 0)

NEEDS = {
    "boto3": ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"),
    "botocore": (),
    "yaml": ("pyyaml",),
    "PIL": ("pillow",),
    "numpy": ("numpy",),
    "pi_heif": ("pi-heif",),
    "rawpy": ("rawpy",),
}
"""A module of others that our code imports → what has to be installed for it. An import that is not here stops the build."""
NOT_SHIPPED = {"imagecodecs", "httpx", "torch", "transformers", "llguidance", "safetensors", "tokenizers"}
"""Optional where they are imported, and of no use to a function: a format of the future, the engines of workers."""
SERVICES = ("dynamodb", "dynamodbstreams", "sqs", "s3", "autoscaling", "sts")


@dataclass(frozen=True, slots=True)
class Function:
    """One function, and what it does without."""

    name: str
    without: frozenset[str] = frozenset()
    """Modules that are imported only where there is something to do that this function never does."""

    @property
    def entry(self) -> str:
        """The module that AWS calls."""
        return f"parjanya.functions.{self.name}"


LIGHT = frozenset(
    {
        "parjanya.workflow",  # the packed workflow stands in its place
        "parjanya.profiles.function_chores",
        "parjanya.profiles.s3_sources",
        "parjanya.stages.technical",
    }
)
FUNCTIONS = (
    Function("reconcile", LIGHT),
    Function("sweep", frozenset({"parjanya.profiles.s3_sources"})),
    Function("intake", frozenset({"parjanya.workflow", "parjanya.profiles.function_chores"})),
)


@dataclass(frozen=True, slots=True)
class Packed:
    """One package that was made."""

    name: str
    file: str
    sha256: str
    zipped_bytes: int
    whole_bytes: int
    ours_bytes: int
    modules: int
    libraries: tuple[str, ...]


def main(arguments: list[str]) -> int:
    """Make what is asked for; returns an exit status."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("functions", nargs="*", choices=[[], *(f.name for f in FUNCTIONS)], default=[])
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--machine", choices=[*sorted(PLATFORMS), "here"], default="arm64")
    ask.add_argument("--python", default=PYTHON, help="the version of the runtime")
    asked = ask.parse_args(arguments)
    asked.out.mkdir(parents=True, exist_ok=True)
    asked_for = [f for f in FUNCTIONS if not asked.functions or f.name in asked.functions]
    with tempfile.TemporaryDirectory() as folder:
        here = asked.machine == "here"
        libraries: Libraries = Installed() if here else Wheels(Path(folder), asked.machine, asked.python)
        made = [pack(function, asked.out, libraries) for function in asked_for]
    for one in made:
        sys.stdout.write(
            f"{one.name:10} {one.zipped_bytes / 1e6:7.2f} MB zipped {one.whole_bytes / 1e6:7.2f} MB whole "
            f"{one.ours_bytes / 1e3:6.0f} kB ours in {one.modules} modules; {', '.join(one.libraries)}\n"
        )
    (asked.out / "functions.json").write_text(json.dumps([asdict(one) for one in made], indent=1) + "\n")
    return 0


def pack(function: Function, out: Path, source: Libraries) -> Packed:
    """Make the package of *function* in *out*."""
    reached = reach(function.entry, SOURCES, function.without)
    libraries = needed(reached.foreign)
    files: dict[str, Path | bytes] = {}
    for name in libraries:
        files |= source.of(name)
    ours = {str(path.relative_to(root)): path for root, path in reached.files}
    ours |= {str(path.relative_to(root)): path for root, folder in folders(reached) for path in data(folder)}
    files |= ours
    files["parjanya/workflow.json"] = packed_workflow()
    target = out / f"{function.name}.zip"
    write_zip(target, files, 1 if isinstance(source, Installed) else 9)
    whole = sum(len(content) if isinstance(content, bytes) else content.stat().st_size for content in files.values())
    zipped = target.stat().st_size
    if zipped > MOST_ZIPPED or whole > MOST_WHOLE:
        raise SystemExit(
            f"build.py: {function.name} has {zipped} bytes zipped and {whole} unpacked: Lambda does not take that"
        )
    return Packed(
        function.name,
        target.name,
        hashlib.sha256(target.read_bytes()).hexdigest(),
        zipped,
        whole,
        sum(path.stat().st_size for path in ours.values()),
        sum(name.endswith(".py") for name in ours),
        tuple(f"{name} {source.version(name)}" for name in libraries),
    )


def folders(reached: Reached) -> set[tuple[Path, Path]]:
    """(folder of sources, folder in it) of all that was reached."""
    return {(source, path.parent) for source, path in reached.files}


def data(folder: Path) -> list[Path]:
    """What the modules in *folder* read: files beside them, and in folders that are no packages."""
    apart = [each for each in folder.iterdir() if each.is_dir() and not any(each.glob("*.py"))]
    return sorted(path for each in (folder, *apart) for path in each.iterdir() if path.suffix in {".json", ".yaml"})


def needed(foreign: Iterable[str]) -> list[str]:
    """The libraries for *foreign* top-level modules, in order."""
    unknown = sorted(set(foreign) - set(NEEDS) - NOT_SHIPPED)
    if unknown:
        raise SystemExit(f"build.py: {', '.join(unknown)} is imported, and NEEDS does not say where it comes from")
    return sorted({library for module in foreign if module in NEEDS for library in NEEDS[module]})


def packed_workflow() -> bytes:
    """The workflow without an engine, for functions that have no stages; with what it was made from: its own digest."""
    from parjanya.workflow import image_workflow  # noqa: PLC0415 - the environment's, only here
    from tbie.published import to_json  # noqa: PLC0415

    plain = to_json(image_workflow())
    of = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]
    return json.dumps({"of": of, "workflow": plain}, indent=1, sort_keys=True).encode()


class Wheels:
    """Wheels of the lock, for one machine and one version of Python, unpacked once for all functions."""

    def __init__(self, folder: Path, machine: str, python: str) -> None:
        self._folder, self._pins = folder / "libraries", _pins(LOCKS)
        lock = folder / "lock.txt"
        lock.write_text("".join(f"{self._pins[name]}\n" for name in sorted(set().union(*NEEDS.values()))))
        platforms = [part for each in MANYLINUX for part in ("--platform", f"{each}_{PLATFORMS[machine]}")]
        command = [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--require-hashes", "--only-binary", ":all:", "--no-compile", "--target", str(self._folder)),
            *("--implementation", "cp", "--python-version", python, *platforms, "-r", str(lock)),
        ]
        subprocess.run(command, check=True, env={**os.environ, "PIP_NO_INPUT": "1"})
        self._at = {_plain(found.name): found for found in distributions(path=[str(self._folder)])}

    def version(self, name: str) -> str:
        """Which version is packed."""
        return self._at[name].version

    def of(self, name: str) -> Mapping[str, Path | bytes]:
        """The files of *name* that a function needs, by their path in the package."""
        return _files(self._at[name])


class Installed:
    """What this environment has, which is the same lock: for a local server that runs functions with this very Python."""

    def version(self, name: str) -> str:
        """Which version is packed."""
        return distribution(name).version

    def of(self, name: str) -> Mapping[str, Path | bytes]:
        """The files of *name* that a function needs, by their path in the package."""
        return _files(distribution(name))


Libraries = Wheels | Installed


def _files(found: Distribution) -> Mapping[str, Path | bytes]:
    paths = [Path(str(file)) for file in found.files or ()]
    return {str(path): Path(str(found.locate_file(path))) for path in paths if wanted(path)}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted(path: Path) -> bool:
    """Whether a file of a library goes into a package. Licences do; tests, headers and what describes other services do not."""
    parts = path.parts
    if parts[0] in {"..", "bin"} or path.name.startswith("_yaml.") or path.name == "examples-1.json":
        return False  # scripts; a parser in C where the one in Python is used
    if ".dist-info" in parts[0]:
        return "licenses" in parts or path.name in {"METADATA", "LICENSE", "LICENSE.txt", "NOTICE"}
    if path.suffix in {".pyi", ".pyx", ".pxd", ".h", ".c", ".a", ".pyc"} or "tests" in parts or "testing" in parts[1:2]:
        return False
    if parts[:2] == ("botocore", "data"):
        return len(parts) == 3 or parts[2] in SERVICES
    return parts[:2] not in {("boto3", "data"), ("boto3", "examples"), ("numpy", "f2py"), ("numpy", "_pyinstaller")}


def _pins(locks: Iterable[Path]) -> dict[str, str]:
    """Each pinned library with its hashes, as the lock has it."""
    found: dict[str, str] = {}
    for lock in locks:
        for block in re.findall(r"^([a-z0-9-]+)(==[^\n]*(?:\n    [^\n]*)*)", lock.read_text(), re.MULTILINE):
            found.setdefault(block[0], block[0] + block[1])
    return found


def write_zip(target: Path, files: Mapping[str, Path | bytes], level: int) -> None:
    """A zip file whose bytes depend on names and contents alone."""
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(files):
            content = files[name]
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
            archive.writestr(info, content if isinstance(content, bytes) else content.read_bytes(), compresslevel=level)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
