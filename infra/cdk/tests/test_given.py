"""What is given is refused where it would cause an incident: before there is a template."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from parjanya_cdk.declaration import Declaration, DeclarationError, check, parse, read
from parjanya_cdk.main import DECLARED, made_up_zips, to_deploy, to_look_at
from parjanya_cdk.options import Machine, Options, OptionsError, check_origins

from infra.image.record import Image, ImageError, to_text

MODEL = "a" * 64
REGION = "eu-central-1"
IMAGES = (
    Image("images", "v1", "arm64", "b" * 64, None, {REGION: "ami-0123456789abcdef0"}),
    Image("vision", "v1", "x86_64", "b" * 64, MODEL, {REGION: "ami-0123456789abcdef1"}),
)


def given(folder: Path, images: tuple[Image, ...] = IMAGES, **changed: str) -> dict[str, str]:
    """All that a deployment needs."""
    (folder / "images.json").write_text(to_text(images))
    made_up_zips(folder)
    usual = {
        "bucket": "objects-of-somebody",
        "origins": "https://app.example.com, http://localhost:5173",
        "functions": str(folder),
        "images": str(folder / "images.json"),
        "image_tag": "v1",
        "manifest": MODEL,
    }
    return {**usual, **changed}


def test_a_deployment_with_everything_real_has_nothing_made_up(declared: Declaration, tmp_path: Path) -> None:
    options = to_deploy(declared, given(tmp_path))
    assert options.placeholders == ()
    assert options.origins == ("https://app.example.com", "http://localhost:5173")
    assert options.images["vision"].amis[REGION] == "ami-0123456789abcdef1"


@pytest.mark.parametrize("name", ["bucket", "origins", "functions", "images", "image_tag"])
def test_what_is_missing_is_named(name: str, declared: Declaration, tmp_path: Path) -> None:
    incomplete = {key: value for key, value in given(tmp_path).items() if key != name}
    with pytest.raises(OptionsError, match=f"not given: {name}"):
        to_deploy(declared, incomplete)


def test_a_model_must_be_named_where_one_runs(declared: Declaration, tmp_path: Path) -> None:
    incomplete = {key: value for key, value in given(tmp_path).items() if key != "manifest"}
    with pytest.raises(OptionsError, match="manifest"):
        to_deploy(declared, incomplete)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"image_tag": "v2"}, "no image 'v2' was published for pool images; published: v1 .*6a"),
        (
            {"manifest": "c" * 64},
            "baked with manifest aaaaaaaaaaaa, declared is cccccccccccc: they do not belong together",
        ),
        ({"region": "eu-west-1"}, "not in eu-west-1, only in eu-central-1"),
        ({"instance_type": "g5g.xlarge"}, "is for x86_64, the instance type is arm64"),
    ],
)
def test_an_image_that_does_not_fit_is_refused(
    changed: dict[str, str], words: str, declared: Declaration, tmp_path: Path
) -> None:
    with pytest.raises(ImageError, match=words):
        to_deploy(declared, given(tmp_path, **changed))


def test_an_image_without_a_model_is_refused_where_one_is_declared(declared: Declaration, tmp_path: Path) -> None:
    bare = (IMAGES[0], replace(IMAGES[1], manifest=None))
    with pytest.raises(ImageError, match="do not belong together"):
        to_deploy(declared, given(tmp_path, bare))


def test_one_tag_with_two_contents_is_refused(declared: Declaration, tmp_path: Path) -> None:
    twice = (*IMAGES, replace(IMAGES[1], lock="c" * 64))
    with pytest.raises(ImageError, match="published twice"):
        to_deploy(declared, given(tmp_path, twice))


def test_a_record_that_was_edited_by_hand_is_refused(declared: Declaration, tmp_path: Path) -> None:
    asked = given(tmp_path)
    path = Path(asked["images"])
    path.write_text(path.read_text().replace(MODEL, "c" * 64))
    with pytest.raises(ImageError, match="not what was published"):
        to_deploy(declared, {**asked, "manifest": "c" * 64})


def test_functions_that_are_not_packaged_are_refused(declared: Declaration, tmp_path: Path) -> None:
    asked = given(tmp_path)
    (tmp_path / "sweep.zip").write_text("not a zip file")
    with pytest.raises(OptionsError, match=r"sweep\.zip is no zip file"):
        to_deploy(declared, asked)


@pytest.mark.parametrize(
    "origin",
    ["*", "https://*.example.com", "http://app.example.com", "https://app.example.com/", "HTTPS://X", "null", ""],
)
def test_an_origin_that_opens_or_never_matches_is_refused(origin: str) -> None:
    with pytest.raises(OptionsError, match="origin"):
        check_origins((origin,))


def test_no_origin_is_refused() -> None:
    with pytest.raises(OptionsError, match="no origin"):
        check_origins(())


@pytest.mark.parametrize("machine", [Machine("g6.xlarge", 2, prepared=3), Machine("g6.xlarge", 0)])
def test_a_fleet_that_is_not_possible_is_refused(machine: Machine, options: Options) -> None:
    with pytest.raises(OptionsError, match="not possible"):
        replace(options, machines={"vision": machine})


@pytest.mark.parametrize(
    ("kind", "architecture"),
    [("c7g.2xlarge", "arm64"), ("g5g.xlarge", "arm64"), ("g6.xlarge", "x86_64"), ("g6e.xlarge", "x86_64")],
)  # fmt: skip
def test_the_processor_of_an_instance_type_is_known(kind: str, architecture: str) -> None:
    assert Machine(kind, 1).architecture == architecture


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"retention_s": 3_600}, "incident 9b"),
        ({"dead_retention_s": 3_600}, "a dead letter keeps its first sending time"),
        ({"visibility_s": 1}, "incident 1"),
        ({"name": "arrivals"}, "another purpose"),
    ],
)
def test_a_declaration_that_would_cause_an_incident_is_refused(
    changed: dict[str, object], words: str, declared: Declaration
) -> None:
    first, *others = declared.stages
    with pytest.raises(DeclarationError, match=words):
        check(replace(declared, stages=(replace(first, **changed), *others)))  # type: ignore[arg-type]


def test_a_declaration_of_another_format_is_refused(tmp_path: Path) -> None:
    document = json.loads(DECLARED.read_text())
    with pytest.raises(DeclarationError, match="format 2"):
        parse({**document, "format": 2})
    (tmp_path / "half.json").write_text(json.dumps({"format": 1}))
    with pytest.raises(DeclarationError, match="is no declaration"):
        read(tmp_path / "half.json")


def test_an_engine_without_a_model_needs_no_manifest(declared: Declaration) -> None:
    classical = replace(declared, engine="classical")
    assert to_look_at(classical, {}).images["vision"].manifest is None
