"""The lock: what is installed is what was reviewed, wherever it comes from."""

from __future__ import annotations

import re
import tomllib
from functools import cache

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.tidy.repository import ROOT

ALONE = ("uv", "aws-server", "cdk")
FILES = ("build", "runtime", "aws", "dev", "engines", "torch", *ALONE)
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>.+?))? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def lines(name: str) -> list[str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return [line for line in text.splitlines() if not line.startswith("#")]


@cache
def pins(name: str) -> dict[str, Version]:
    found = [match for line in lines(name) if (match := PIN.match(line))]
    return {match["name"]: Version(match["version"]) for match in found}


@cache
def declared() -> dict[str, list[Requirement]]:
    """Lock file → what the pyproject files ask it to hold."""
    packages = [tomllib.loads((ROOT / f"packages/{name}/pyproject.toml").read_text()) for name in ("tbie", "parjanya")]
    extras = [
        text for name in ("openai", "transformers") for text in packages[1]["project"]["optional-dependencies"][name]
    ]
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    runtime = [text for package in packages for text in package["project"]["dependencies"] if text != "tbie"]
    aws = packages[0]["project"]["optional-dependencies"]["aws"]
    texts = {"build": groups["build"], "runtime": runtime, "aws": [*runtime, *aws]}
    texts["dev"] = [*groups["build"], *texts["aws"], *groups["dev"]]
    models = [*extras, *groups["engines"]]
    texts["engines"] = [*texts["dev"], *(text for text in models if Requirement(text).name != "torch")]
    texts["torch"] = [text for text in models if Requirement(text).name == "torch"]
    texts |= {name: groups[name] for name in ALONE}
    return {name: [Requirement(text) for text in those] for name, those in texts.items()}


@pytest.mark.parametrize("name", FILES)
def test_a_lock_holds_no_address_and_no_option(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert not re.search(r"://|\bwww\.| @ |^-|index|find-links", text, re.MULTILINE)


@pytest.mark.parametrize("name", FILES)
def test_every_line_of_a_lock_is_a_pin_or_one_of_its_hashes(name: str) -> None:
    assert [line for line in lines(name) if not PIN.match(line) and not HASH.match(line)] == []


@pytest.mark.parametrize("name", FILES)
def test_every_pin_has_a_hash(name: str) -> None:
    listing = lines(name)
    pairs = zip(listing, [*listing[1:], ""], strict=True)
    bare = [line for line, following in pairs if PIN.match(line) and not HASH.match(following)]
    assert listing
    assert bare == []


@pytest.mark.parametrize("name", FILES)
def test_the_lock_satisfies_what_the_packages_declare(name: str) -> None:
    held = pins(name)
    missing = [
        str(requirement)
        for requirement in declared()[name]
        if (version := held.get(canonicalize_name(requirement.name))) is None or version not in requirement.specifier
    ]
    assert missing == [], "run ./run lock"


def test_each_level_holds_the_ones_below_it_at_the_same_versions() -> None:
    assert pins("aws").items() >= pins("runtime").items()
    assert pins("dev").items() >= (pins("aws") | pins("build")).items()
    assert pins("engines").items() >= pins("dev").items()


def test_nothing_is_locked_that_only_a_gpu_needs() -> None:
    assert [name for name in pins("engines") if name.startswith(("nvidia", "cuda", "triton", "torch"))] == []


def test_linux_takes_a_build_of_pytorch_that_the_public_index_does_not_have_under_that_number() -> None:
    """Under the plain number the index has a CUDA build of several GB; under the local one pip finds a CPU build or nothing."""
    found = [match for line in lines("torch") if (match := PIN.match(line))]
    markers = {match["marker"]: Version(match["version"]) for match in found}
    assert markers.keys() == {"sys_platform == 'linux'", "sys_platform == 'darwin'"}
    assert markers["sys_platform == 'linux'"].local == "cpu"
    assert markers["sys_platform == 'darwin'"].local is None


def test_what_pytorch_needs_is_locked_as_its_cpu_build_says() -> None:
    (torch,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["dependency-metadata"]
    assert pins("torch")["torch"].public == torch["version"]
    held = pins("engines")
    needed = [Requirement(text) for text in torch["requires-dist"]]
    assert [need.name for need in needed if held[canonicalize_name(need.name)] not in need.specifier] == []


def test_both_packages_build_with_the_locked_backend() -> None:
    (backend,) = declared()["build"]
    for name in ("tbie", "parjanya"):
        package = tomllib.loads((ROOT / f"packages/{name}/pyproject.toml").read_text())
        assert package["build-system"]["requires"] == [str(backend)]
