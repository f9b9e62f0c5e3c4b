"""What .importlinter cannot say about imports. The drawn lines themselves are in that file."""

from __future__ import annotations

import sys

from tests.tidy.repository import imports, module_name, python, relative

BOUNDARIES = {"tbie.truth", "tbie.belief", "tbie.intent", "tbie.execution"}

#: One file each in the folder of every backend.
STORES = {"truth", "belief", "intent", "execution", "objects", "ledger"}

#: These join boundaries; that is what they are for.
JOINERS = ("worker", "reconciler", "replay", "campaign", "diagnose", "testing", "sim", "backends")

#: The kernel's test tools and its connection to AWS are extras of their own: tbie[testing], tbie[aws].
KERNEL_EXTRAS = {
    "tbie.testing": {"pytest", "_pytest", "hypothesis"},
    "tbie.testing.aws.launcher": {"ministack"},  # runs in the environment of that server
    "tbie.backends.aws.client": {"boto3", "botocore"},
}


def test_only_the_joining_modules_know_more_than_one_boundary() -> None:
    joining = tuple(f"tbie.{name}" for name in JOINERS)
    known = {
        name: imports(path) & BOUNDARIES
        for path in python("packages/tbie/src/")
        if not (name := module_name(path)).startswith(joining) and name != "tbie"  # the list of public names
    }
    assert {name: sorted(those) for name, those in known.items() if len(those) > 1} == {}


def test_a_store_of_a_backend_speaks_of_its_own_boundary_alone() -> None:
    mixed = {}
    for path in python("packages/tbie/src/tbie/backends/"):
        others = BOUNDARIES - {f"tbie.{path.stem}"}
        if path.stem in {"truth", "intent", "ledger"} and (found := imports(path) & others):
            mixed[relative(path)] = sorted(found)
    assert mixed == {}


def test_a_backend_has_the_same_files_as_its_neighbours() -> None:
    folders: dict[str, set[str]] = {}
    for path in python("packages/tbie/src/tbie/backends/"):
        if path.parent.name != "backends":
            folders.setdefault(relative(path.parent), set()).add(path.stem)
    assert len(folders) >= 2
    assert {name: sorted(STORES - stems) for name, stems in folders.items() if not stems >= STORES} == {}


def test_the_kernel_imports_the_standard_library_alone() -> None:
    foreign = {}
    for path in python("packages/tbie/src/"):
        roots = {name.split(".")[0] for name in imports(path)} - {"tbie", "__future__"}
        extras = [names for area, names in KERNEL_EXTRAS.items() if module_name(path).startswith(area)]
        if found := roots - sys.stdlib_module_names - set().union(*extras):
            foreign[relative(path)] = sorted(found)
    assert foreign == {}


def test_a_package_imports_no_tests() -> None:
    assert [relative(path) for path in python("packages/") if "src" in path.parts and "tests" in imports(path)] == []
