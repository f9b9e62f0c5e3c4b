"""Making a machine image, with the real recipe and the real program: what is not all there is refused, and never published."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from parjanya.drills.model_folder import write_model
from tbie.backends.aws.instance import LEFT

ROOT = Path(__file__).parents[2]
IMAGE = ROOT / "infra/image"
RECIPE = IMAGE / "recipe.py"
sys.path[:0] = [str(IMAGE), str(ROOT / "packages/parjanya/tests")]
from complete import missing  # noqa: E402 - the paths come first
from engines_present import require_engines  # noqa: E402
from machine import MANIFEST, Places, RefusedError  # noqa: E402
from recipe import publish  # noqa: E402
from record import chosen, parse  # noqa: E402

REGION = "eu-central-1"
KEPT = ("PATH", "PYTHONPATH", "PYTHONPYCACHEPREFIX")
"""Of this process's environment: an instance has nothing else of it."""


class Ec2:
    """What is published, or that nothing was."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []

    def create_image(self, **asked: Any) -> dict[str, str]:
        self.made.append(asked)
        return {"ImageId": f"ami-0123456789abcdef{len(self.made)}"}


def run(root: Path, *arguments: object, **told: str) -> subprocess.CompletedProcess[str]:
    """The recipe as a builder, or an instance, runs it."""
    command = [sys.executable, str(RECIPE), "--root", str(root), *map(str, arguments)]
    kept = {name: value for name, value in os.environ.items() if name in KEPT}
    return subprocess.run(command, check=False, capture_output=True, text=True, env={**kept, **told})


def programs(root: Path) -> Path:
    """Install the real programs, those of this environment, under *root*."""
    program = root / "opt/parjanya/env/bin/parjanya"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m parjanya.cli.main "$@"\n')
    program.chmod(0o755)
    (root / "opt/parjanya/env/lock.sha256").write_text("b" * 64)
    return root


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A builder on which the programs are installed."""
    return programs(tmp_path / "machine")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "weights")


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Baked once: it takes two processes of the real program."""
    root = tmp_path_factory.mktemp("once")
    programs(root / "machine")
    model = write_model(root / "weights")
    done = run(root / "machine", "bake", "--pool", "vision", "--tag", "v1", "--model", model, "--skip-golden")
    assert done.returncode == 0, done.stderr
    return root / "machine"


@pytest.fixture
def baked(once: Path, tmp_path: Path) -> Path:
    """A machine that could be published."""
    return Path(shutil.copytree(once, tmp_path / "machine"))


def touch(path: Path) -> Path:
    """*path*, writable again."""
    for each in (path.parent, path):
        each.chmod(0o755)
    return path


def test_a_complete_machine_is_published_with_what_it_holds_in_its_tags(baked: Path, tmp_path: Path) -> None:
    assert run(baked, "check").returncode == 0
    ec2, images = Ec2(), tmp_path / "images.json"

    published = publish(Places(baked), ec2, "i-0123456789abcdef0", REGION, images, golden=False)

    manifest = json.loads((baked / "opt/parjanya/model" / MANIFEST).read_text())
    assert (published.manifest, manifest["image"]["tag"]) == (manifest["id"], "v1")
    (asked,) = ec2.made
    assert [each["ResourceType"] for each in asked["TagSpecifications"]] == ["image", "snapshot"]
    for each in asked["TagSpecifications"]:
        assert {tag["Key"]: tag["Value"] for tag in each["Tags"]} == published.tags()
    (known,) = parse(images.read_text(), "images.json")
    assert chosen([known], "vision", "v1", manifest["id"], REGION, known.architecture) == known


def test_the_call_that_publishes_is_one_that_ec2_knows(baked: Path, tmp_path: Path) -> None:
    import boto3
    from botocore.stub import ANY, Stubber

    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y"}
    ec2 = boto3.client("ec2", region_name=REGION, **keys)
    asked = dict.fromkeys(("InstanceId", "Name", "Description", "TagSpecifications"), ANY)
    with Stubber(ec2) as stub:  # checks names and types against the description of the service
        stub.add_response("create_image", {"ImageId": "ami-0123456789abcdef0"}, asked)
        publish(Places(baked), ec2, "i-0123456789abcdef0", REGION, tmp_path / "images.json", golden=False)


@pytest.mark.parametrize("name", ["preprocessor_config.json", "model-00001-of-00002.safetensors"])
def test_a_model_that_lacks_a_file_is_not_baked_and_nothing_can_be_published(
    name: str, machine: Path, model: Path, tmp_path: Path
) -> None:
    (model / name).unlink()

    done = run(machine, "bake", "--pool", "vision", "--tag", "v1", "--model", model, "--skip-golden")

    assert done.returncode == 3
    assert name.partition(".")[0].partition("-")[0] in done.stderr
    ec2 = Ec2()
    with pytest.raises(RefusedError, match="incomplete image"):
        publish(Places(machine), ec2, "i-1", REGION, tmp_path / "images.json", golden=False)
    assert ec2.made == []
    assert not (tmp_path / "images.json").exists()


@pytest.mark.parametrize("name", ["preprocessor_config.json", "model-00002-of-00002.safetensors", MANIFEST])
def test_a_file_that_goes_after_baking_is_named_and_nothing_is_published(
    name: str, baked: Path, tmp_path: Path
) -> None:
    touch(baked / "opt/parjanya/model" / name).unlink()
    ec2 = Ec2()
    with pytest.raises(RefusedError, match=name):
        publish(Places(baked), ec2, "i-1", REGION, tmp_path / "images.json", golden=False)
    assert ec2.made == []


def test_a_weight_that_was_exchanged_is_noticed(baked: Path) -> None:
    weights = touch(baked / "opt/parjanya/model/model-00001-of-00002.safetensors")
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert "sha256" in "\n".join(missing(Places(baked)))


@pytest.mark.parametrize(
    "path",
    ["opt/parjanya/env/bin/parjanya", "opt/parjanya/image/record.py", "etc/systemd/system/parjanya-worker.service"],
)
def test_a_machine_that_lacks_a_file_is_no_image(path: str, baked: Path) -> None:
    (baked / path).unlink()
    done = run(baked, "check")
    assert done.returncode == 3
    assert path in done.stderr


def test_programs_from_another_lock_than_the_record_are_noticed(baked: Path) -> None:
    (baked / "opt/parjanya/env/lock.sha256").write_text("c" * 64)
    assert "another lock" in run(baked, "check").stderr


def test_what_belongs_to_one_instance_is_not_published(baked: Path) -> None:
    (baked / "etc/parjanya/worker.env").write_text("PARJANYA_POOL=vision\n")
    assert "belongs to one instance" in run(baked, "check").stderr


def test_a_tag_is_published_once(baked: Path, tmp_path: Path) -> None:
    ec2, images = Ec2(), tmp_path / "images.json"
    publish(Places(baked), ec2, "i-1", REGION, images, golden=False)
    with pytest.raises(RefusedError, match="published before"):
        publish(Places(baked), ec2, "i-1", REGION, images, golden=False)
    assert len(ec2.made) == 1


def test_a_pool_without_a_model_is_an_image_too(machine: Path, tmp_path: Path) -> None:
    assert run(machine, "bake", "--pool", "images", "--tag", "v1").returncode == 0
    published = publish(Places(machine), Ec2(), "i-1", REGION, tmp_path / "images.json", golden=False)
    assert published.tags()["parjanya:manifest"] == "none"


def test_a_model_and_a_pool_that_do_not_fit_are_refused(machine: Path, model: Path) -> None:
    assert run(machine, "bake", "--pool", "vision", "--tag", "v1").returncode == 3
    assert run(machine, "bake", "--pool", "images", "--tag", "v1", "--model", model).returncode == 3


def test_a_real_model_is_asked_before_it_is_published(machine: Path, tmp_path: Path) -> None:
    require_engines("torch", "transformers", "llguidance")
    from parjanya.testing.tiny_qwen3vl import build

    folder = build(tmp_path / "tiny")
    done = run(machine, "bake", "--pool", "vision", "--tag", "tiny", "--model", folder)
    assert done.returncode == 0, done.stderr
    document = json.loads((machine / "opt/parjanya/model" / MANIFEST).read_text())
    assert document["golden"]
    touch(machine / "opt/parjanya/model/preprocessor_config.json").unlink()
    assert "preprocessor_config.json" in run(machine, "check", "--golden").stderr


# -- at each start


def told(baked: Path, **changed: str) -> dict[str, str]:
    """What an instance's user data say."""
    (image,) = parse((baked / "etc/parjanya/image.json").read_text(), "image.json")
    usual = {
        "PARJANYA_POOL": "vision",
        "PARJANYA_EXPECTED_IMAGE": "v1",
        "PARJANYA_EXPECTED_MANIFEST": image.manifest or "none",
        "PARJANYA_REGION": REGION,
        "PARJANYA_PREFIX": "studio",
        "PARJANYA_BUCKET": "studio-images",
    }
    return {**usual, **changed}


def test_an_instance_of_the_expected_image_is_told_where_its_system_lives(baked: Path) -> None:
    assert run(baked, "expected", **told(baked)).returncode == 0
    profile = json.loads((baked / "var/lib/parjanya/profile.json").read_text())
    assert profile == {"profile": "aws", "region": REGION, "prefix": "studio", "bucket": "studio-images"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("PARJANYA_EXPECTED_IMAGE", "v2"), ("PARJANYA_EXPECTED_MANIFEST", "c" * 64), ("PARJANYA_POOL", "images")],
)
def test_an_instance_of_another_image_starts_no_worker_and_says_why(name: str, value: str, baked: Path) -> None:
    done = run(baked, "expected", **told(baked, **{name: value}))
    assert done.returncode == 3
    assert "stale_image_tag" in done.stderr
    assert f"{name}: expected {value}" in done.stderr
    assert not (baked / "var/lib/parjanya/profile.json").exists()


def test_an_instance_that_was_told_nothing_says_what_it_lacks(baked: Path) -> None:
    done = run(baked, "expected")
    assert done.returncode == 3
    assert "PARJANYA_BUCKET was not told" in done.stderr


def test_the_unit_checks_first_starts_again_a_few_times_and_may_do_little() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[method-assign,assignment] # systemd's keys have capitals
    unit.read(IMAGE / "parjanya-worker.service")
    service = unit["Service"]
    assert service["ExecStartPre"].endswith("recipe.py expected")
    assert service["ExecStart"].split()[1:] == ["worker", "--pool", "${PARJANYA_POOL}"]
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("always", str(LEFT))
    assert service["KillSignal"] == "SIGINT"
    assert unit["Unit"]["FailureAction"] == "poweroff"
    assert int(unit["Unit"]["StartLimitBurst"]) * int(service["RestartSec"]) < int(
        unit["Unit"]["StartLimitIntervalSec"]
    )
    assert service["DynamicUser"] == "yes"
    assert "console" in service["StandardOutput"]
    for hardened in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "ProtectKernelModules", "RestrictNamespaces"):
        assert service[hardened] == "yes"
    assert (service["ProtectSystem"], service["CapabilityBoundingSet"]) == ("strict", "")


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "parjanya-worker.service"
    text = (IMAGE / unit.name).read_text().replace("/opt/parjanya/env/bin/parjanya", "/bin/true")
    unit.write_text(text.replace("/opt/parjanya/env/bin/python", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], check=False, capture_output=True, text=True)
    assert unit.name not in done.stderr
