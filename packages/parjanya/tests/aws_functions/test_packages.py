"""What is in a package: what its code reaches, nothing that a small function does not need, the same bytes every time."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from functions_local import build, packages

from parjanya.workflow import image_workflow
from tbie.published import from_json

LOADED = """
import json, sys
sys.path[:0] = [sys.argv[1]]
import parjanya.functions.reconcile, parjanya.profiles.functions as opening
workflow, _ = opening.packed()
print(json.dumps([sorted({name.split('.')[0] for name in sys.modules}), workflow.fingerprint]))
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("once")
    packages(out, "reconcile")
    with zipfile.ZipFile(out / "reconcile.zip") as archive:
        archive.extractall(out / "whole")
    return out


def test_the_same_sources_make_the_same_bytes(unpacked: Path, tmp_path: Path) -> None:
    again = packages(tmp_path, "reconcile")
    assert (again / "reconcile.zip").read_bytes() == (unpacked / "reconcile.zip").read_bytes()


def test_reconcile_runs_from_its_package_alone_and_loads_no_image_library(unpacked: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LOADED, str(unpacked / "whole")], check=True, capture_output=True, text=True
    )
    loaded, fingerprint = json.loads(done.stdout)
    assert {"parjanya", "tbie", "botocore"} <= set(loaded)
    assert not {"PIL", "numpy", "rawpy", "pi_heif", "yaml", "sqlite3", "asyncio"} & set(loaded)
    assert fingerprint == image_workflow().fingerprint, "what is packed is the workflow of the stages"


def test_reconcile_is_small_and_holds_nothing_that_it_does_not_reach(unpacked: Path) -> None:
    (made,) = json.loads((unpacked / "functions.json").read_text())
    assert made["zipped_bytes"] < 3_000_000
    assert made["ours_bytes"] < 800_000
    names = zipfile.ZipFile(unpacked / "reconcile.zip").namelist()
    assert not [
        n for n in names if "/sim/" in n or "/testing/" in n or "sqlite" in n or n.startswith(("PIL/", "numpy/"))
    ]
    services = {n.split("/")[2] for n in names if n.startswith("botocore/data/") and n.count("/") > 2}
    assert services == set(build.SERVICES)


def test_what_the_policies_read_is_packed_with_them(unpacked: Path) -> None:
    assert (unpacked / "whole/parjanya/policy/builtin/culling.yaml").exists()
    assert from_json(json.loads((unpacked / "whole/parjanya/workflow.json").read_text())["workflow"]).name == "images"


def test_an_import_that_nobody_accounted_for_stops_the_build() -> None:
    with pytest.raises(SystemExit, match="leftpad is imported"):
        build.needed({"boto3", "leftpad"})


def test_the_lock_pins_everything_that_is_shipped_by_hash() -> None:
    pins = build._pins(build.LOCKS)
    for name in {library for libraries in build.NEEDS.values() for library in libraries}:
        assert "--hash=sha256:" in pins[name], name
